package vertex

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// The bounds of a training of an open model with an adapter
// (https://cloud.google.com/vertex-ai/generative-ai/docs/models/open-model-tuning).
const (
	maxRank     = 32
	maxEpochs   = 20
	maxSequence = 4096 // tokens of one row
	maxTuneFile = 1 << 30
)

// tuner fine-tunes open models, whose rows it keeps in the bucket. Google writes what it made
// beside them.
type tuner struct {
	stored
	quotas  *quotas
	weights map[string]string // that can be tuned, by the names of models that answer
}

var _ providers.Filer = tuner{}

// parseWeights reads models with the names of their weights.
func parseWeights(setting string) (map[string]string, error) {
	known := map[string]string{}
	for pair := range strings.SplitSeq(setting, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		model, weights, found := strings.Cut(strings.TrimSpace(pair), "=")
		if !found || model == "" || !strings.Contains(weights, "@") {
			return nil, fmt.Errorf("%s: write each as publisher/model=publisher/family@version", envTuned)
		}
		known[model] = weights
	}
	return known, nil
}

func invalid(param, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindInvalid, Provider: name, Param: param, Message: message, Charge: providers.ChargeNone,
	}
}

func gone(model, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindModelGone, Provider: name, Model: model, Status: http.StatusNotFound,
		Message: model + " " + message, Charge: providers.ChargeNone,
	}
}

// Tunable tells the limits of a model whose weights are known.
func (t tuner) Tunable(ctx context.Context, base string) (providers.TuneLimits, error) {
	if t.weights[base] == "" {
		return providers.TuneLimits{}, untunable(base)
	}
	limits := providers.TuneLimits{MaxEpochs: maxEpochs, MaxRank: maxRank, MaxSequence: maxSequence, MinBatch: 1}
	limits.Full, limits.Doubt = t.quotas.forTuning(ctx)
	return limits, nil
}

func untunable(base string) *providers.Error {
	return gone(base, "can not be fine-tuned: choose another base, or name its weights in "+envTuned)
}

// rows is where training files stand in the bucket.
func (t tuner) rows(file string) string { return t.bucket.prefix + "tunes/" + file }

// Upload keeps a training file in the bucket. Google reads it when the training begins.
func (t tuner) Upload(ctx context.Context, upload providers.Upload) (providers.FileStatus, error) {
	if upload.Size <= 0 || upload.Size > maxTuneFile {
		return providers.FileStatus{}, invalid("size", "a training file has from 1 byte to 1 GiB: take fewer rows")
	}
	content, err := upload.Open()
	if err != nil {
		return providers.FileStatus{}, t.Refused("", fmt.Errorf("open the file to upload: %w", err))
	}
	defer content.Close()
	object := t.rows(upload.Name)
	if err := t.write(ctx, object, io.LimitReader(content, upload.Size), upload.Size); err != nil {
		return providers.FileStatus{}, err
	}
	return t.file(object, upload.Size), nil
}

func (t tuner) file(object string, size int64) providers.FileStatus {
	file := object[strings.LastIndexByte(object, '/')+1:]
	return providers.FileStatus{ID: t.bucket.uri(object), Name: file, Bytes: size, Ready: true}
}

// FindFile looks for a file by its name: an object is there whole or not at all.
func (t tuner) FindFile(ctx context.Context, filename string) (providers.FileStatus, bool, error) {
	found, err := t.list(ctx, t.rows(filename))
	if err != nil {
		return providers.FileStatus{}, false, err
	}
	for _, o := range found {
		size, err := strconv.ParseInt(o.Size, 10, 64)
		if err == nil && o.Name == t.rows(filename) {
			return t.file(o.Name, size), true, nil
		}
	}
	return providers.FileStatus{}, false, nil
}

// File tells that a file is there: Google checks it when the training begins.
func (t tuner) File(ctx context.Context, id string) (providers.FileStatus, error) {
	object, ours := strings.CutPrefix(id, t.bucket.uri(""))
	if !ours {
		return providers.FileStatus{}, invalid("file", "the file is not in the bucket of "+envBatches)
	}
	status, found, err := t.FindFile(ctx, strings.TrimPrefix(object, t.rows("")))
	if err == nil && !found {
		status.Invalid = "the file is not in the bucket any more: upload it again"
	}
	return status, err
}

// DeleteFile deletes an object (https://cloud.google.com/storage/docs/json_api/v1/objects/delete).
func (t tuner) DeleteFile(ctx context.Context, id string) error {
	object, ours := strings.CutPrefix(id, t.bucket.uri(""))
	if !ours {
		return invalid("file", "the file is not in the bucket of "+envBatches)
	}
	return t.Remove(ctx, t.bucket.objects()+"/"+url.PathEscape(object))
}

// sizes are Google's words for ranks, the largest first.
var sizes = []struct {
	rank int
	word string
}{{32, "THIRTY_TWO"}, {16, "SIXTEEN"}, {8, "EIGHT"}, {4, "FOUR"}, {2, "TWO"}, {1, "ONE"}}

// adapterSize is Google's word for the largest rank that is not above the one asked for.
func adapterSize(rank int) string {
	for _, size := range sizes {
		if size.rank <= rank {
			return "ADAPTER_SIZE_" + size.word
		}
	}
	return ""
}

// output is where Google writes what a training makes: a directory of its own.
func (t tuner) output(suffix string) string {
	return t.bucket.uri(t.bucket.prefix + "tuned/" + suffix)
}

// tuneJob is a TuningJob
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.tuningJobs).
type tuneJob struct {
	Name        string            `json:"name,omitempty"`
	Base        string            `json:"baseModel"`
	DisplayName string            `json:"tunedModelDisplayName"`
	Labels      map[string]string `json:"labels"`
	Output      string            `json:"outputUri"`
	Spec        tuningSpec        `json:"supervisedTuningSpec"`
	State       string            `json:"state,omitempty"`
	Created     *time.Time        `json:"createTime,omitempty"`
	Started     *time.Time        `json:"startTime,omitempty"`
	Ended       *time.Time        `json:"endTime,omitempty"`
	Error       *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
	Stats *struct {
		Supervised struct {
			Tokens string `json:"totalBillableTokenCount"` // of one epoch
			Steps  string `json:"tuningStepCount"`
		} `json:"supervisedTuningDataStats"`
	} `json:"tuningDataStats,omitempty"`
}

type tuningSpec struct {
	Training   string `json:"trainingDatasetUri"`
	Validation string `json:"validationDatasetUri,omitempty"`
	Mode       string `json:"tuningMode"`
	Hyper      struct {
		Epochs string  `json:"epochCount"` // long numbers are texts
		Batch  string  `json:"batchSize,omitempty"`
		Rate   float64 `json:"learningRate"`
		Size   string  `json:"adapterSize"`
	} `json:"hyperParameters"`
}

func (t tuner) job(spec providers.TrainSpec) tuneJob {
	j := tuneJob{
		Base: t.weights[spec.Base], DisplayName: spec.Suffix, Labels: map[string]string{"dreamlab": spec.Suffix},
		Output: t.output(spec.Suffix),
		Spec:   tuningSpec{Training: spec.File, Validation: spec.Validation, Mode: "TUNING_MODE_PEFT_ADAPTER"},
	}
	j.Spec.Hyper.Epochs, j.Spec.Hyper.Rate = strconv.Itoa(spec.Epochs), spec.LearningRate
	j.Spec.Hyper.Size = adapterSize(spec.Rank)
	if spec.BatchSize > 0 {
		j.Spec.Hyper.Batch = strconv.Itoa(spec.BatchSize)
	}
	return j
}

// goodSuffix is what a label may be.
var goodSuffix = regexp.MustCompile(`^[a-z0-9_-]{1,63}$`)

// Start starts a training. Two calls start two, and both are billed.
func (t tuner) Start(ctx context.Context, spec providers.TrainSpec) (providers.Training, error) {
	switch {
	case !goodSuffix.MatchString(spec.Suffix):
		return providers.Training{}, invalid("suffix", "give the training a suffix of 1 to 63 small letters, digits, - and _")
	case spec.Epochs < 1 || spec.Rank < 1 || spec.LearningRate <= 0:
		return providers.Training{}, invalid("epochs", "state epochs, rank and learning rate")
	case t.weights[spec.Base] == "":
		return providers.Training{}, untunable(spec.Base)
	}
	if err := spec.WithoutPairs(name); err != nil {
		return providers.Training{}, err
	}
	made, err := t.one(ctx, openai.Call{Method: http.MethodPost, URL: t.driver.place.beta() + "/tuningJobs", In: t.job(spec)})
	return made.training(spec.Base), err
}

// one makes a call that is answered with a job.
func (t tuner) one(ctx context.Context, call openai.Call) (tuneJob, error) {
	var found tuneJob
	call.Out = &found
	if _, err := t.Do(ctx, call); err != nil {
		return tuneJob{}, err
	}
	if found.Name == "" {
		return tuneJob{}, t.Garbled("the answer names no training: look for it before another try")
	}
	return found, nil
}

// clockSkew is how far Google's clock may be behind ours. A training that is missed for it
// would be paid twice; one that is adopted in error would need the same suffix, a hash.
const clockSkew = 5 * time.Minute

// Find lists the trainings and returns the oldest that has the spec's label and file. Which
// fields the list can be filtered by is documented nowhere.
func (t tuner) Find(
	ctx context.Context, spec providers.TrainSpec, notBefore time.Time,
) (found providers.Training, ok bool, err error) {
	query := url.Values{"pageSize": {"100"}}
	for range maxPages {
		var page struct {
			Jobs []tuneJob `json:"tuningJobs"`
			Next string    `json:"nextPageToken"`
		}
		address := t.driver.place.beta() + "/tuningJobs?" + query.Encode()
		if _, err := t.Do(ctx, openai.Call{Method: http.MethodGet, URL: address, Out: &page}); err != nil {
			return found, false, err
		}
		for _, j := range page.Jobs {
			made := j.training(spec.Base)
			fits := made.Suffix == spec.Suffix && made.File == spec.File && !made.Created.Before(notBefore.Add(-clockSkew))
			if fits && (!ok || made.Created.Before(found.Created)) {
				found, ok = made, true
			}
		}
		if page.Next == "" {
			break
		}
		query.Set("pageToken", page.Next)
	}
	return found, ok, nil
}

// trained is what finds a training again, and what it makes.
type trained struct {
	Job    string `json:"job"`  // its number, at the location of trainings
	Base   string `json:"base"` // the model that was named
	Output string `json:"output"`
	Epochs int    `json:"epochs"`
}

func (t tuner) read(handle providers.Handle) (known trained, address string, err error) {
	if json.Unmarshal(handle, &known) != nil || !numbered.MatchString(known.Job) {
		return known, "", invalid("handle", "the handle is none that Start returned")
	}
	return known, t.driver.place.beta() + "/tuningJobs/" + known.Job, nil
}

// numbered is the id of a job.
var numbered = regexp.MustCompile(`^[0-9]{1,20}$`)

// Poll tells how far a training is.
func (t tuner) Poll(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	known, address, err := t.read(handle)
	if err != nil {
		return providers.Training{}, err
	}
	found, err := t.one(ctx, openai.Call{Method: http.MethodGet, URL: address})
	if err != nil {
		return providers.Training{}, err
	}
	return found.training(known.Base), nil
}

// Cancel asks for the end; the training may complete all the same.
func (t tuner) Cancel(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	_, address, err := t.read(handle)
	if err != nil {
		return providers.Training{}, err
	}
	if _, err := t.Do(ctx, openai.Call{Method: http.MethodPost, URL: address + ":cancel", In: struct{}{}}); err != nil {
		return providers.Training{}, err
	}
	return t.Poll(ctx, handle)
}

// tuneStates maps Google's words. What is missing here is running, such as paused, updating
// and cancelling: no unknown word is an end.
var tuneStates = map[string]providers.TrainingState{
	"JOB_STATE_QUEUED":              providers.TrainingQueued,
	"JOB_STATE_PENDING":             providers.TrainingQueued,
	"JOB_STATE_SUCCEEDED":           providers.TrainingSucceeded,
	"JOB_STATE_PARTIALLY_SUCCEEDED": providers.TrainingSucceeded,
	"JOB_STATE_FAILED":              providers.TrainingFailed,
	"JOB_STATE_EXPIRED":             providers.TrainingFailed,
	"JOB_STATE_CANCELLED":           providers.TrainingCancelled,
}

// training tells of a job, whose base was asked for by the name of a model that answers.
func (j tuneJob) training(base string) providers.Training {
	if j.Name == "" {
		return providers.Training{}
	}
	state, known := tuneStates[j.State]
	if !known {
		state = providers.TrainingRunning
	}
	id, epochs := j.Name[strings.LastIndexByte(j.Name, '/')+1:], max(count(j.Spec.Hyper.Epochs), 1)
	made := providers.Training{
		ID: id, Handle: plainjson.Of(trained{Job: id, Base: base, Output: j.Output, Epochs: epochs}), State: state, Status: j.State,
		Base: base, Suffix: j.Labels["dreamlab"], File: j.Spec.Training, Created: moment(j.Created),
	}
	if j.Error != nil {
		made.Reason = providers.Redact(j.Error.Message)
	}
	if j.Stats != nil {
		made.Tokens = int64(count(j.Stats.Supervised.Tokens) * epochs)
		made.Total = count(j.Stats.Supervised.Steps)
	}
	if state.Ended() {
		made.Finished = moment(j.Ended)
	}
	switch {
	case state == providers.TrainingSucceeded:
		made.Output = j.Output
	case state == providers.TrainingCancelled && j.Started != nil: // Google does not say that what was trained is free
		made.Charge = providers.ChargeUnknown
	}
	return made
}

func moment(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.UTC()
}
