package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

// weights are the models that can be fine-tuned, with what a million tokens of that cost, in
// nano-dollars.
func weights(l *lab.Lab) map[string]weight {
	return map[string]weight{
		"meta/llama4@llama-4-scout-17b-16e-instruct": {rate: 5_770_000_000, brain: l.Small},
		"meta/llama3-3@llama-3.3-70b-instruct":       {rate: 6_720_000_000, brain: l.Large},
	}
}

type weight struct {
	rate  int64
	brain *model.Model
}

// brain is what a model that can be tuned knows.
func (e *emulator) brain(base string) *model.Model { return weights(e.lab)[base].brain }

// tuneAsk is what a fine-tune is asked with
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.tuningJobs).
type tuneAsk struct {
	Base   string            `json:"baseModel"`
	Name   string            `json:"tunedModelDisplayName,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Output string            `json:"outputUri"`
	Spec   struct {
		Training   string `json:"trainingDatasetUri"`
		Validation string `json:"validationDatasetUri,omitempty"`
		Mode       string `json:"tuningMode,omitempty"`
		Hyper      struct {
			Epochs string  `json:"epochCount,omitempty"`
			Batch  string  `json:"batchSize,omitempty"`
			Rate   float64 `json:"learningRate,omitempty"`
			Size   string  `json:"adapterSize,omitempty"`
		} `json:"hyperParameters"`
	} `json:"supervisedTuningSpec"`
	Location string `json:"location,omitempty"` // of the path that it came by
}

// tunes are the routes of fine-tunes.
func (e *emulator) tunes(mux *http.ServeMux) {
	plain := e.gemini.Vendor
	jobs := "/v1beta1/projects/{project}/locations/{location}/tuningJobs"
	mux.HandleFunc("POST "+jobs, lab.Take(plain, e.tune))
	mux.HandleFunc("GET "+jobs, plain.Answer(e.tuneJobs))
	mux.HandleFunc("GET "+jobs+"/{job}", plain.Answer(e.tuneJob))
	mux.HandleFunc("POST "+jobs+"/{job}", plain.Answer(e.cancelTune))
}

// adapters are the words for the sizes that an adapter may have.
func adapters() []string {
	var words []string
	for _, size := range []string{"ONE", "TWO", "FOUR", "EIGHT", "SIXTEEN", "THIRTY_TWO"} {
		words = append(words, "ADAPTER_SIZE_"+size)
	}
	return words
}

// check refuses what Google refuses of a fine-tune.
func (ask *tuneAsk) check(known bool) *lab.Failure {
	epochs, err := strconv.Atoi(ask.Spec.Hyper.Epochs)
	_, placed := inBucket(ask.Output)
	switch {
	case !known:
		return lab.Invalid("", "Base model %s is not supported.", ask.Base)
	case ask.Output == "":
		return lab.Invalid("", "The output_uri field is required for this model.")
	case !placed:
		return lab.Invalid("", "The output_uri %s is not in a bucket of the project.", ask.Output)
	case ask.Spec.Mode != "TUNING_MODE_PEFT_ADAPTER":
		return lab.Invalid("", "The tuning mode %s is not supported for this model.", ask.Spec.Mode)
	case err != nil || epochs < 1:
		return lab.Invalid("", "The epoch_count has to be positive.")
	case !slices.Contains(adapters(), ask.Spec.Hyper.Size):
		return lab.Invalid("", "The adapter_size %s is not supported for this model.", ask.Spec.Hyper.Size)
	}
	return nil
}

func (e *emulator) tune(r *http.Request, ask *tuneAsk) (any, *lab.Failure) {
	base, known := weights(e.lab)[ask.Base]
	refused := within(r)
	if refused == nil {
		refused = ask.check(known)
	}
	if refused != nil {
		return nil, refused
	}
	if refused := (limits{e}).beyondTunings(); refused != nil {
		return nil, refused
	}
	ask.Location = r.PathValue("location")
	file, refused := e.rows(r, ask.Spec.Training)
	if refused == nil && ask.Spec.Validation != "" {
		refused = e.measurable(r, file, ask.Spec.Validation)
	}
	if refused != nil {
		return nil, refused
	}
	request, err := json.Marshal(ask)
	if err != nil { // what was read as JSON is JSON again
		panic(err)
	}
	epochs, _ := strconv.Atoi(ask.Spec.Hyper.Epochs)
	id := e.number()
	made, refused := e.account.Trainings.Train(r, work.Training{
		ID: id, Base: ask.Base, File: file.ID, Epochs: epochs, Rate: base.rate, Model: id, Name: ask.Output, Request: request,
	})
	if refused != nil {
		return nil, refused
	}
	return e.tuneObject(made), nil
}

// number makes the id of a job.
func (e *emulator) number() string {
	at := e.lab.Now().UnixNano()
	for {
		if _, refused := e.account.Trainings.Training(fmt.Sprint(at)); refused != nil {
			return fmt.Sprint(at)
		}
		at++
	}
}

// rows reads a file of rows from the bucket and checks it.
func (e *emulator) rows(r *http.Request, uri string) (work.File, *lab.Failure) {
	object, placed := inBucket(uri)
	if !placed {
		return work.File{}, lab.Invalid("", "The dataset %s is not in Cloud Storage.", uri)
	}
	content, err := e.bucket.Open(object)
	if err != nil {
		return work.File{}, lab.Invalid("", "The dataset %s does not exist.", uri)
	}
	defer content.Close()
	f, refused := e.account.Files.Take(r, work.File{ID: lab.NewID("rows-"), Name: uri, Rows: true}, content)
	if refused == nil && f.Report.Error != "" {
		refused = lab.Invalid("", "The dataset %s is invalid: %s", uri, f.Report.Error)
	}
	return f, refused
}

// measurable refuses a validation file of more than a quarter of the training file's bytes.
func (e *emulator) measurable(r *http.Request, training work.File, uri string) *lab.Failure {
	f, refused := e.rows(r, uri)
	if refused == nil && f.Bytes*4 > training.Bytes {
		refused = lab.Invalid("", "The validation dataset must be at most 25%% of the training dataset.")
	}
	return refused
}

// tuneState is Google's word for where a fine-tune is.
var tuneState = map[work.TrainingState]string{
	work.TrainingPending: "JOB_STATE_PENDING", work.TrainingQueued: "JOB_STATE_QUEUED",
	work.TrainingRunning: "JOB_STATE_RUNNING", work.TrainingPacking: "JOB_STATE_RUNNING",
	work.TrainingSaving: "JOB_STATE_RUNNING", work.TrainingCancelling: "JOB_STATE_CANCELLING",
	work.TrainingCancelled: "JOB_STATE_CANCELLED", work.TrainingFailed: "JOB_STATE_FAILED",
	work.TrainingRejected: "JOB_STATE_FAILED", work.TrainingSucceeded: "JOB_STATE_SUCCEEDED",
}

// tuned is what a fine-tune was asked with.
func tuned(t work.Training) (ask tuneAsk) {
	if err := json.Unmarshal(t.Request, &ask); err != nil { // it was written by tune
		panic(err)
	}
	return ask
}

// tuneObject is a TuningJob. Its long numbers are texts.
func (e *emulator) tuneObject(t work.Training) any {
	ask, now := tuned(t), e.lab.Now()
	state := t.State(now)
	object := map[string]any{
		"name":      "projects/" + project + "/locations/" + ask.Location + "/tuningJobs/" + t.ID,
		"baseModel": ask.Base, "tunedModelDisplayName": ask.Name, "labels": ask.Labels, "outputUri": ask.Output,
		"supervisedTuningSpec": ask.Spec, "state": tuneState[state], "createTime": t.Created.Format(time.RFC3339Nano),
		"updateTime": now.Format(time.RFC3339Nano),
	}
	if !now.Before(t.Started) {
		object["startTime"] = t.Started.Format(time.RFC3339Nano)
		object["tuningDataStats"] = map[string]any{"supervisedTuningDataStats": map[string]any{
			"totalBillableTokenCount": fmt.Sprint(t.Tokens / int64(t.Epochs)), "tuningStepCount": fmt.Sprint(t.Steps()),
			"tuningDatasetExampleCount": fmt.Sprint(t.Lines),
		}}
	}
	if !state.Ended() {
		return object
	}
	object["endTime"] = t.Finish().Format(time.RFC3339Nano)
	switch state {
	case work.TrainingSucceeded:
		object["tunedModel"] = map[string]any{"model": "projects/" + project + "/locations/" + ask.Location + "/models/" + t.Model}
	case work.TrainingCancelled:
		object["error"] = map[string]any{"code": 1, "message": "The job was cancelled."}
	default:
		object["error"] = map[string]any{"code": 13, "message": t.Reason}
	}
	return object
}

// tuneJobs lists the fine-tunes of a location, the newest first, by pages.
func (e *emulator) tuneJobs(r *http.Request) (any, *lab.Failure) {
	if refused := within(r); refused != nil {
		return nil, refused
	}
	listed := slices.DeleteFunc(e.account.Trainings.List(), func(t work.Training) bool {
		return tuned(t).Location != r.PathValue("location")
	})
	slices.Reverse(listed)
	from := lab.Between(r.URL.Query().Get("pageToken"), 0, len(listed), 0)
	to := min(from+lab.Between(r.URL.Query().Get("pageSize"), 1, 100, 2), len(listed))
	page := map[string]any{"tuningJobs": lab.Objects(listed[from:to], e.tuneObject)}
	if to < len(listed) {
		page["nextPageToken"] = fmt.Sprint(to)
	}
	return page, nil
}

// tuneAt finds a fine-tune of the request's location.
func (e *emulator) tuneAt(r *http.Request, id string) (work.Training, *lab.Failure) {
	found, refused := e.account.Trainings.Training(id)
	if refused != nil || tuned(found).Location != r.PathValue("location") {
		return found, &lab.Failure{Status: http.StatusNotFound, Message: "The TuningJob does not exist."}
	}
	return found, nil
}

func (e *emulator) tuneJob(r *http.Request) (any, *lab.Failure) {
	found, refused := e.tuneAt(r, r.PathValue("job"))
	if refused != nil {
		return nil, refused
	}
	return e.tuneObject(found), nil
}

func (e *emulator) cancelTune(r *http.Request) (any, *lab.Failure) {
	id, cancelled := strings.CutSuffix(r.PathValue("job"), ":cancel")
	if !cancelled {
		return nil, &lab.Failure{Status: http.StatusNotFound}
	}
	if _, refused := e.tuneAt(r, id); refused != nil {
		return nil, refused
	}
	_, refused := e.account.Trainings.Cancel(id)
	return map[string]any{}, refused
}
