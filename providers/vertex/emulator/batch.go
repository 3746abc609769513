package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

// batchAsk is the order of a batch, as far as open models have it
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.batchPredictionJobs).
type batchAsk struct {
	Name   string            `json:"displayName"`
	Labels map[string]string `json:"labels,omitempty"`
	Model  string            `json:"model"` // publishers/meta/models/llama…
	Input  struct {
		Format string `json:"instancesFormat"`
		Source struct {
			URIs []string `json:"uris"`
		} `json:"gcsSource"`
	} `json:"inputConfig"`
	Output struct {
		Format string `json:"predictionsFormat"`
		Place  struct {
			Prefix string `json:"outputUriPrefix"`
		} `json:"gcsDestination"`
	} `json:"outputConfig"`
	Location string `json:"location,omitempty"` // of the path that it came by
}

// batches are the routes of batch predictions.
func (e *emulator) batches(mux *http.ServeMux) {
	plain := e.gemini.Vendor
	e.account.Batches.Dress(work.Dressing{Deliver: e.deliver})
	jobs := "/v1/projects/{project}/locations/{location}/batchPredictionJobs"
	mux.HandleFunc("POST "+jobs, lab.Take(plain, e.order))
	mux.HandleFunc("GET "+jobs, plain.Answer(e.jobs))
	mux.HandleFunc("GET "+jobs+"/{job}", plain.Answer(e.job))
	mux.HandleFunc("POST "+jobs+"/{job}", plain.Answer(e.cancel))
}

func (e *emulator) order(r *http.Request, ask *batchAsk) (any, *lab.Failure) {
	publisher, id, _ := strings.Cut(strings.TrimPrefix(ask.Model, "publishers/"), "/models/")
	served, refused := e.find(r, publisher+"/"+id)
	if refused != nil {
		return nil, refused
	}
	ask.Location = r.PathValue("location")
	from, given := "", len(ask.Input.Source.URIs) == 1
	if given {
		from, given = inBucket(ask.Input.Source.URIs[0])
	}
	_, placed := inBucket(ask.Output.Place.Prefix)
	switch {
	case ask.Name == "":
		return nil, lab.Invalid("", "Required field display_name is not set.")
	case ask.Location == "global" || !strings.HasSuffix(id, "-maas") || served.brain == nil:
		return nil, lab.Invalid("", "Batch prediction is not supported for the model %s at %s.", ask.Model, ask.Location)
	case ask.Input.Format != "jsonl" || ask.Output.Format != "jsonl" || !given || !placed:
		return nil, lab.Invalid("", "The input and the output have to be jsonl in Cloud Storage.")
	}
	content, err := e.bucket.Open(from)
	if err != nil {
		return nil, lab.Invalid("", "The file %s does not exist.", ask.Input.Source.URIs[0])
	}
	defer content.Close()
	lines, faults, err := work.ReadLines(content, parseLine)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	request, err := json.Marshal(ask)
	if err != nil { // what was read as JSON is JSON again
		panic(err)
	}
	made, refused := e.account.Batches.Order(r, work.BatchOrder{
		Batch: work.Batch{
			ID: fmt.Sprint(e.lab.Now().UnixNano()), Name: ask.Name, Model: served.ID, Window: 24 * time.Hour, Request: request,
		},
		Requests: lines, Faults: faults,
		Answer: func(line json.RawMessage) (work.BatchSaid, *lab.Failure) { return e.answerLine(served, line) },
	})
	if refused != nil {
		return nil, refused
	}
	return e.jobObject(made), nil
}

// inBucket takes an address in the bucket apart.
func inBucket(uri string) (object string, ok bool) { return strings.CutPrefix(uri, "gs://"+bucket+"/") }

// parseLine reads a line. Of what stands beside the body only the id is kept, which is
// handed back.
func parseLine(line []byte) (work.BatchLine, *work.BatchFault) {
	var asked struct {
		ID   string          `json:"custom_id"`
		Body json.RawMessage `json:"body"`
	}
	if json.Unmarshal(line, &asked) != nil || len(asked.Body) == 0 {
		return work.BatchLine{}, &work.BatchFault{Code: "INVALID_ARGUMENT", Message: "A line holds no request."}
	}
	return work.BatchLine{ID: asked.ID, Body: asked.Body}, nil
}

// answerLine answers a line by the batch's model, whatever the line names.
func (e *emulator) answerLine(served entry, line json.RawMessage) (work.BatchSaid, *lab.Failure) {
	var ask model.Ask
	if err := json.Unmarshal(line, &ask); err != nil {
		return work.BatchSaid{}, lab.Invalid("", "Invalid JSON payload received. %v", err)
	}
	if refused := served.check(&ask); refused != nil {
		return work.BatchSaid{}, refused
	}
	answer := &lab.Answer{Model: served.ID, Ask: &ask, Reasoning: served.Thinks}
	if refused := e.lab.Complete(answer, served.brain); refused != nil {
		return work.BatchSaid{}, refused
	}
	return work.BatchSaid{Body: whole(answer), Usage: answer.Usage}, nil
}

// rpcCodes are the numbers of google.rpc.Code for statuses of HTTP.
var rpcCodes = map[int]int{400: 3, 403: 7, 404: 5, 429: 8, 500: 13, 503: 14, 504: 4}

// deliver writes the answers and the failures into a new directory below the place that
// was asked for. A batch that failed leaves nothing.
func (e *emulator) deliver(b *work.Batch, results []work.BatchResult) error {
	if b.Ending == work.BatchFailed {
		return nil
	}
	var good, bad bytes.Buffer
	for _, result := range results {
		line, to := map[string]any{"custom_id": result.ID, "error": "", "response": result.Body}, &good
		if result.Missed {
			continue
		}
		if f := result.Failure; f != nil {
			said := words().Complete(*f)
			fault := map[string]any{"code": rpcCodes[said.Status], "message": said.Message}
			line, to = map[string]any{"custom_id": result.ID, "error": fault}, &bad
		}
		if err := json.NewEncoder(to).Encode(line); err != nil {
			return err
		}
	}
	for name, content := range map[string]*bytes.Buffer{"predictions.jsonl": &good, "errors_0001.jsonl": &bad} {
		if content.Len() == 0 {
			continue
		}
		if _, err := e.bucket.Put(directory(b)+"/"+name, content); err != nil {
			return err
		}
	}
	return nil
}

// directory is where a batch's results stand in the bucket.
func directory(b *work.Batch) string {
	prefix, _ := inBucket(asked(b).Output.Place.Prefix)
	_, id, _ := strings.Cut(b.Model, "/")
	return strings.TrimRight(prefix, "/") + "/prediction-" + id + "-" + b.Created.Format("2006-01-02T15:04:05.000Z")
}

func asked(b *work.Batch) (ask batchAsk) {
	if err := json.Unmarshal(b.Request, &ask); err != nil { // it was written by order
		panic(err)
	}
	return ask
}

// jobState is Google's word for where a batch is.
var jobState = map[work.BatchState]string{
	work.BatchValidating: "JOB_STATE_PENDING", work.BatchQueued: "JOB_STATE_QUEUED",
	work.BatchRunning: "JOB_STATE_RUNNING", work.BatchFinalizing: "JOB_STATE_RUNNING",
	work.BatchCancelling: "JOB_STATE_CANCELLING", work.BatchCancelled: "JOB_STATE_CANCELLED",
	work.BatchFailed: "JOB_STATE_FAILED", work.BatchExpired: "JOB_STATE_EXPIRED",
	work.BatchCompleted: "JOB_STATE_SUCCEEDED",
}

// jobObject is a BatchPredictionJob: its counts are texts, as all of Google's long
// numbers.
func (e *emulator) jobObject(b work.Batch) any {
	ask, now := asked(&b), e.lab.Now()
	state := b.State(now)
	object := map[string]any{
		"name": "projects/" + project + "/locations/" + ask.Location + "/batchPredictionJobs/" + b.ID, "displayName": b.Name,
		"model": ask.Model, "labels": ask.Labels, "inputConfig": ask.Input, "outputConfig": ask.Output,
		"state": jobState[state], "createTime": b.Created.Format(time.RFC3339Nano),
	}
	if !now.Before(b.Started) {
		object["startTime"] = b.Started.Format(time.RFC3339Nano)
	}
	if !state.Ended() {
		return object
	}
	object["endTime"] = b.Stops().Format(time.RFC3339Nano)
	object["completionStats"] = map[string]string{
		"successfulCount": strconv.Itoa(b.Good), "failedCount": strconv.Itoa(b.Wrong),
		"incompleteCount": strconv.Itoa(b.Lines - b.Good - b.Wrong),
	}
	if state == work.BatchFailed {
		object["error"] = map[string]any{"code": 3, "message": b.Bad[0].Message}
		return object
	}
	object["outputInfo"] = map[string]any{"gcsOutputDirectory": "gs://" + bucket + "/" + directory(&b)}
	return object
}

// displayNames is the one filter that is understood.
const displayNames = `display_name="`

func (e *emulator) jobs(r *http.Request) (any, *lab.Failure) {
	if refused := within(r); refused != nil {
		return nil, refused
	}
	all, refused := e.account.Batches.List()
	if refused != nil {
		return nil, refused
	}
	name, filtered := strings.CutPrefix(r.URL.Query().Get("filter"), displayNames)
	var listed []work.Batch
	for i := len(all) - 1; i >= 0; i-- { // the newest first
		if asked(&all[i]).Location == r.PathValue("location") && (!filtered || all[i].Name+`"` == name) {
			listed = append(listed, all[i])
		}
	}
	return map[string]any{"batchPredictionJobs": lab.Objects(listed, e.jobObject)}, nil
}

func (e *emulator) job(r *http.Request) (any, *lab.Failure) {
	found, refused := e.account.Batches.Batch(r.PathValue("job"))
	if refused != nil || asked(&found).Location != r.PathValue("location") {
		return nil, &lab.Failure{Status: http.StatusNotFound, Message: "The BatchPredictionJob does not exist."}
	}
	return e.jobObject(found), nil
}

func (e *emulator) cancel(r *http.Request) (any, *lab.Failure) {
	id, cancelled := strings.CutSuffix(r.PathValue("job"), ":cancel")
	if !cancelled {
		return nil, &lab.Failure{Status: http.StatusNotFound}
	}
	_, refused := e.account.Batches.Cancel(id)
	if refused != nil && refused.Status == http.StatusConflict {
		refused = &lab.Failure{Status: http.StatusBadRequest, Type: "FAILED_PRECONDITION", Message: refused.Message}
	}
	return map[string]any{}, refused
}
