package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// Limits of a batch. Google states none for open models: these are those of Gemini
// (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-gemini).
const (
	maxLines = 200_000
	maxBytes = 1 << 30
	window   = 24 * time.Hour
)

// batcher orders batches of open models, whose lines have OpenAI's form
// (https://cloud.google.com/vertex-ai/generative-ai/docs/maas/capabilities/batch-prediction).
// Those of Gemini have Google's own, which nothing here speaks.
type batcher struct {
	stored
	models []string // the beginnings of their names
}

// Batchable tells what a batch may hold, as [providers.Batcher] says. There are none at
// the global location.
func (b *batcher) Batchable(_ context.Context, model string) (providers.BatchLimits, error) {
	begins := func(prefix string) bool { return strings.HasPrefix(model, prefix) }
	if !slices.ContainsFunc(b.models, begins) || b.place.locationOf(model) == global {
		return providers.BatchLimits{}, &providers.Error{
			Kind: providers.KindModelGone, Provider: name, Model: model, Charge: providers.ChargeNone,
			Message: "the model takes no batches where it is asked: see " + envBatched + " and " + envLocations,
		}
	}
	return providers.BatchLimits{MaxLines: maxLines, MaxBytes: maxBytes, Window: window}, nil
}

// folder is where the files of a batch stand in the bucket.
func (b *batcher) folder(batch string) string { return b.bucket.prefix + batch }

// jobs is the address of all batches of a model's location.
func (b *batcher) jobs(model string) string {
	return b.place.parent(b.place.locationOf(model)) + "/batchPredictionJobs"
}

// Submit writes the requests into the bucket, in place of what an earlier try left there,
// and orders the batch.
func (b *batcher) Submit(ctx context.Context, spec providers.BatchSpec) (providers.Batch, error) {
	file, err := openai.NewBatchFile(spec, b.BatchLines("/v1"+openai.RouteChat))
	if err != nil {
		return providers.Batch{}, b.Refused(spec.Model, err)
	}
	input := b.folder(spec.Name) + "/requests.jsonl"
	content := file.Open()
	defer content.Close()
	if err := b.write(ctx, input, content, file.Size); err != nil {
		return providers.Batch{}, b.Refused(spec.Model, file.Cause(err))
	}
	publisher, id, _ := strings.Cut(spec.Model, "/")
	in := map[string]any{
		"displayName": spec.Name, "model": "publishers/" + publisher + "/models/" + id,
		"labels": map[string]string{"dreamlab": spec.Name},
		"inputConfig": map[string]any{
			"instancesFormat": "jsonl", "gcsSource": map[string]any{"uris": []string{b.bucket.uri(input)}},
		},
		"outputConfig": map[string]any{
			"predictionsFormat": "jsonl",
			"gcsDestination":    map[string]any{"outputUriPrefix": b.bucket.uri(b.folder(spec.Name) + "/answers")},
		},
	}
	made, err := b.one(ctx, openai.Call{Method: http.MethodPost, URL: b.jobs(spec.Model), In: in})
	if providers.Declined(err) {
		err = errors.Join(err, b.remove(ctx, input))
	}
	return made.batch(), err
}

// one makes a call that is answered with a job.
func (b *batcher) one(ctx context.Context, call openai.Call) (job, error) {
	var found job
	call.Out = &found
	if _, err := b.Do(ctx, call); err != nil {
		return job{}, err
	}
	if found.Name == "" {
		return job{}, b.Garbled("the answer names no batch")
	}
	return found, nil
}

// Find lists the jobs of the spec's name.
func (b *batcher) Find(
	ctx context.Context, spec providers.BatchSpec, notBefore time.Time,
) (providers.Batch, bool, error) {
	var named []job
	query := url.Values{"filter": {`display_name="` + spec.Name + `"`}}
	for range maxPages {
		var page struct {
			Jobs []job  `json:"batchPredictionJobs"`
			Next string `json:"nextPageToken"`
		}
		call := openai.Call{Method: http.MethodGet, URL: b.jobs(spec.Model) + "?" + query.Encode(), Out: &page}
		if _, err := b.Do(ctx, call); err != nil {
			return providers.Batch{}, false, err
		}
		for _, j := range page.Jobs {
			if j.DisplayName == spec.Name && !j.Created.Before(notBefore.Truncate(time.Second)) {
				named = append(named, j)
			}
		}
		if page.Next == "" {
			break
		}
		query.Set("pageToken", page.Next)
	}
	if len(named) == 0 {
		return providers.Batch{}, false, nil
	}
	oldest := slices.MinFunc(named, func(x, y job) int { return x.Created.Compare(y.Created) })
	return oldest.batch(), true, nil
}

// Poll tells how far a batch is, as [providers.Batcher] says.
func (b *batcher) Poll(ctx context.Context, handle providers.Handle) (providers.Batch, error) {
	found, err := b.job(ctx, handle)
	return found.batch(), err
}

// job gets the job of a handle.
func (b *batcher) job(ctx context.Context, handle providers.Handle) (job, error) {
	address, err := b.address(handle)
	if err != nil {
		return job{}, err
	}
	return b.one(ctx, openai.Call{Method: http.MethodGet, URL: address})
}

// jobHandle is what a batch is known by.
type jobHandle struct {
	Job string `json:"job"` // projects/P/locations/L/batchPredictionJobs/ID
}

// address is where the job of a handle is.
func (b *batcher) address(handle providers.Handle) (string, error) {
	var h jobHandle
	err := json.Unmarshal(handle, &h)
	parts := strings.Split(h.Job, "/")
	if err != nil || len(parts) != 6 || !goodLocation.MatchString(parts[3]) || !deployed.MatchString(parts[5]) {
		return "", &providers.Error{
			Kind: providers.KindInvalid, Provider: name, Param: "handle", Charge: providers.ChargeNone,
			Message: "the handle is none that Submit returned",
		}
	}
	return b.place.parent(parts[3]) + "/batchPredictionJobs/" + parts[5], nil
}

// Cancel asks for the end, which Google answers with nothing.
func (b *batcher) Cancel(ctx context.Context, handle providers.Handle) (providers.Batch, error) {
	address, err := b.address(handle)
	if err != nil {
		return providers.Batch{}, err
	}
	_, err = b.Do(ctx, openai.Call{Method: http.MethodPost, URL: address + ":cancel", In: struct{}{}})
	var e *providers.Error
	if errors.As(err, &e) && (e.Status == http.StatusConflict || e.Status == http.StatusBadRequest) {
		if now, fault := b.Poll(ctx, handle); fault == nil && now.State.Over() {
			return now, nil
		}
	}
	if err != nil {
		return providers.Batch{}, err
	}
	return b.Poll(ctx, handle)
}

// Results reads the files that the batch has left: Google gives them names of more than
// one form.
func (b *batcher) Results(ctx context.Context, handle providers.Handle, each func(providers.BatchAnswer) error) error {
	made, err := b.job(ctx, handle)
	if err != nil {
		return err
	}
	directory, ours := strings.CutPrefix(made.Output.Directory, b.bucket.uri(""))
	if !ours { // none, where nothing was answered
		return nil
	}
	objects, err := b.list(ctx, strings.TrimRight(directory, "/")+"/")
	if err != nil {
		return err
	}
	for _, object := range objects {
		if !strings.HasSuffix(object.Name, ".jsonl") {
			continue
		}
		line := func(line []byte) error { return b.BatchLine(ctx, line, each) }
		if err := b.read(ctx, object.Name, line); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes all that stands in the batch's folder: the requests and the answers.
func (b *batcher) Delete(ctx context.Context, handle providers.Handle) error {
	made, err := b.job(ctx, handle)
	if err != nil {
		return absent(err)
	}
	if made.DisplayName == "" { // whose folder would be that of all batches
		return b.Garbled("the answer does not name the batch")
	}
	objects, err := b.list(ctx, b.folder(made.DisplayName)+"/")
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := b.remove(ctx, object.Name); err != nil {
			return err
		}
	}
	return nil
}

// job is a BatchPredictionJob
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.batchPredictionJobs).
type job struct {
	Name        string    `json:"name"`
	DisplayName string    `json:"displayName"`
	State       string    `json:"state"`
	Created     time.Time `json:"createTime"`
	Ended       time.Time `json:"endTime"`
	Error       struct {
		Message string `json:"message"`
	} `json:"error"`
	Output struct {
		Directory string `json:"gcsOutputDirectory"`
	} `json:"outputInfo"`
	Stats struct {
		Good  string `json:"successfulCount"` // long numbers are texts
		Bad   string `json:"failedCount"`
		Never string `json:"incompleteCount"`
	} `json:"completionStats"`
}

// jobStates maps Google's words; others are that it runs.
var jobStates = map[string]providers.BatchState{
	"JOB_STATE_QUEUED":              providers.BatchQueued,
	"JOB_STATE_PENDING":             providers.BatchQueued,
	"JOB_STATE_SUCCEEDED":           providers.BatchEnded,
	"JOB_STATE_PARTIALLY_SUCCEEDED": providers.BatchEnded,
	"JOB_STATE_FAILED":              providers.BatchFailed,
	"JOB_STATE_CANCELLED":           providers.BatchCancelled,
	"JOB_STATE_EXPIRED":             providers.BatchExpired,
}

func (j job) batch() providers.Batch {
	if j.Name == "" {
		return providers.Batch{}
	}
	state, known := jobStates[j.State]
	if !known {
		state = providers.BatchRunning
	}
	good, bad := count(j.Stats.Good), count(j.Stats.Bad)
	made := providers.Batch{
		ID: j.Name[strings.LastIndex(j.Name, "/")+1:], Name: j.DisplayName, State: state, Status: j.State,
		Handle: plainjson.Of(jobHandle{Job: j.Name}), Lines: good + bad + count(j.Stats.Never), Done: good, Failed: bad,
		Created: j.Created.UTC(),
	}
	if state.Over() {
		made.Reason, made.Ended = providers.Redact(j.Error.Message), j.Ended.UTC()
	}
	return made
}

// count reads a number; one that is not known is -1 at Google, or missing.
func count(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return max(n, 0)
}
