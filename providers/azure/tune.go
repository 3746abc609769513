package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// jobsVersion is the api-version of fine-tunes: the routes of v1 do not take trainingType
// (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning).
const jobsVersion = "2025-04-01-preview"

// The bounds of a training.
const (
	maxEpochs   = 50
	maxSequence = 65_536 // tokens of one row
)

// trainer is Azure's fine-tuning. Its bases are deployments, as all its models are: what is
// trained is the model behind one.
type trainer struct{ *driver }

var (
	_ providers.Filer  = trainer{}
	_ providers.Logger = trainer{}
	_ providers.Pauser = trainer{}
)

// Trainer returns Azure's fine-tuning.
func (d *driver) Trainer() providers.Trainer { return trainer{d} }

func (d *driver) jobs(rest string) string {
	return d.root + "/openai/fine_tuning/jobs" + rest + "?" + url.Values{"api-version": {jobsVersion}}.Encode()
}

func (d *driver) jobURL(id, rest string) string { return d.jobs("/" + url.PathEscape(id) + rest) }

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

func missing(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// Tunable asks what the model of a deployment is capable of. Azure is told no rank.
func (d trainer) Tunable(ctx context.Context, base string) (providers.TuneLimits, error) {
	var out struct {
		Able struct {
			FineTune bool `json:"fine_tune"`
		} `json:"capabilities"`
	}
	address := d.root + "/openai/v1/models/" + url.PathEscape(d.deployed.model(base))
	_, err := d.Do(ctx, openai.Call{Method: http.MethodGet, URL: address, Out: &out})
	if missing(err) || err == nil && !out.Able.FineTune {
		return providers.TuneLimits{}, gone(base, "can not be fine-tuned at this resource: choose another base, "+
			"or name its model in AZURE_OPENAI_DEPLOYMENTS")
	}
	if err != nil {
		return providers.TuneLimits{}, err
	}
	limits := providers.TuneLimits{MaxEpochs: maxEpochs, MaxSequence: maxSequence}
	if takesPairs(d.deployed.model(base)) {
		limits.Pairs = &providers.PairLimits{MinBeta: minBeta, MaxBeta: maxBeta}
	}
	return limits, nil
}

// The bounds of DPO's beta.
const (
	minBeta = 0.01
	maxBeta = 2
)

// takesPairs tells whether a model is one that Azure trains on preference pairs, which its capabilities do not
// tell (https://learn.microsoft.com/azure/foundry/openai/how-to/fine-tuning-direct-preference-optimization).
func takesPairs(model string) bool {
	return strings.HasPrefix(model, "gpt-4.1") || strings.HasPrefix(model, "gpt-4o-2024-08-06")
}

// The learning rate is told as a part of the one of pre-training, of which Microsoft advises
// 0.02 to 0.2. Our usual rate for adapters, 0.0001, becomes its middle.
const (
	wholeRate = 1e-3
	leastPart = 0.02
	mostPart  = 0.2
)

// training is what is sent to start one.
func (d trainer) training(spec providers.TrainSpec) map[string]any {
	hyper := map[string]any{
		"n_epochs": spec.Epochs, "learning_rate_multiplier": min(max(spec.LearningRate/wholeRate, leastPart), mostPart),
	}
	if spec.BatchSize > 0 {
		hyper["batch_size"] = spec.BatchSize
	}
	in := map[string]any{
		"model": d.deployed.model(spec.Base), "training_file": spec.File, "suffix": spec.Suffix, "seed": spec.Seed,
		"trainingType": d.driver.training,
	}
	if spec.Beta == 0 {
		in["hyperparameters"] = hyper
	} else {
		hyper["beta"] = spec.Beta
		in["method"] = map[string]any{"type": "dpo", "dpo": map[string]any{"hyperparameters": hyper}}
	}
	if spec.Validation != "" {
		in["validation_file"] = spec.Validation
	}
	return in
}

// goodSuffix is what a suffix may be.
var goodSuffix = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// Start starts a training. Two calls start two, and both are billed.
func (d trainer) Start(ctx context.Context, spec providers.TrainSpec) (providers.Training, error) {
	switch {
	case !goodSuffix.MatchString(spec.Suffix):
		return providers.Training{}, invalid("suffix", "give the training a suffix of 1 to 40 letters, digits, - and _")
	case spec.Epochs < 1 || spec.LearningRate <= 0:
		return providers.Training{}, invalid("epochs", "state epochs and learning rate")
	case spec.Beta != 0 && (spec.Beta < minBeta || spec.Beta > maxBeta):
		return providers.Training{}, invalid("beta", fmt.Sprintf("beta is from %v to %v", minBeta, maxBeta))
	case spec.Beta != 0 && !takesPairs(d.deployed.model(spec.Base)):
		return providers.Training{}, invalid("method", spec.Base+" can not be trained on preference pairs: take the method sft")
	}
	made, err := d.one(ctx, openai.Call{Method: http.MethodPost, URL: d.jobs(""), In: d.training(spec)})
	return made.training(spec.Base), err
}

// one makes a call that is answered with a job.
func (d trainer) one(ctx context.Context, call openai.Call) (job, error) {
	var found job
	call.Out = &found
	if _, err := d.Do(ctx, call); err != nil {
		return job{}, err
	}
	if found.ID == "" {
		return job{}, d.Garbled("the answer names no training: look for it before another try")
	}
	return found, nil
}

// clockSkew is how far Azure's clock may be behind ours. A training that is missed for it
// would be paid twice; one that is adopted in error would need the same suffix, a hash.
const clockSkew = 5 * time.Minute

// Find lists all trainings, which Azure can not filter, and returns the oldest that fits, so
// that two who look at once adopt the same.
func (d trainer) Find(
	ctx context.Context, spec providers.TrainSpec, notBefore time.Time,
) (providers.Training, bool, error) {
	jobs, err := openai.ListAll[job](ctx, d.Client, d.jobs(""))
	if err != nil {
		return providers.Training{}, false, err
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return a.Created.Compare(b.Created.Time) })
	for _, j := range jobs {
		if j.Suffix == spec.Suffix && j.File == spec.File && !j.Created.Before(notBefore.Add(-clockSkew)) {
			return j.training(spec.Base), true, nil
		}
	}
	return providers.Training{}, false, nil
}

// Poll tells how far a training is.
func (d trainer) Poll(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	known, err := readTrained(handle)
	if err != nil {
		return providers.Training{}, err
	}
	found, err := d.one(ctx, openai.Call{Method: http.MethodGet, URL: d.jobURL(known.ID, "")})
	if err != nil {
		return providers.Training{}, err
	}
	return found.training(known.Base), nil
}

// Cancel asks for the end; the training may complete all the same.
func (d trainer) Cancel(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	return d.ask(ctx, handle, "/cancel")
}

// Pause asks for a pause, which Azure grants from the first step on: what was trained is kept as a
// checkpoint.
func (d trainer) Pause(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	return d.ask(ctx, handle, "/pause")
}

// Resume asks a paused training to go on.
func (d trainer) Resume(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	return d.ask(ctx, handle, "/resume")
}

// ask asks something of a training and tells how far it is then.
func (d trainer) ask(ctx context.Context, handle providers.Handle, what string) (providers.Training, error) {
	known, err := readTrained(handle)
	if err != nil {
		return providers.Training{}, err
	}
	if _, err := d.Do(ctx, openai.Call{Method: http.MethodPost, URL: d.jobURL(known.ID, what)}); err != nil {
		return providers.Training{}, err
	}
	return d.Poll(ctx, handle)
}

// trained is what finds a training again, and what it made.
type trained struct {
	ID    string `json:"id"`
	Base  string `json:"base"`            // the deployment that was named
	Model string `json:"model,omitempty"` // for its deployment; "" until it has succeeded
}

func readTrained(handle providers.Handle) (t trained, err error) {
	if json.Unmarshal(handle, &t) != nil || t.ID == "" {
		return t, invalid("handle", "the handle is none that Start returned")
	}
	return t, nil
}

// job is a fine-tune as Azure describes it. It leaves out, or nulls, much that OpenAI has.
type job struct {
	ID       string       `json:"id"`
	Status   string       `json:"status"`
	Suffix   string       `json:"suffix"`
	File     string       `json:"training_file"`
	Output   string       `json:"fine_tuned_model"`
	Tokens   int64        `json:"trained_tokens"`
	Created  openai.Stamp `json:"created_at"`
	Finished openai.Stamp `json:"finished_at"`
	Error    struct {
		Message string `json:"message"`
	} `json:"error"`
}

// jobStates maps Azure's words. What is missing here is running, such as pausing and resuming: no
// unknown word is an end.
var jobStates = map[string]providers.TrainingState{
	"created":          providers.TrainingQueued,
	"pending":          providers.TrainingQueued,
	"queued":           providers.TrainingQueued,
	"validating_files": providers.TrainingQueued,
	"paused":           providers.TrainingPaused,
	"succeeded":        providers.TrainingSucceeded,
	"failed":           providers.TrainingFailed,
	"cancelled":        providers.TrainingCancelled,
	"canceled":         providers.TrainingCancelled,
}

// training tells of a job, whose base was asked for by a deployment's name.
func (j job) training(base string) providers.Training {
	if j.ID == "" {
		return providers.Training{}
	}
	state, known := jobStates[strings.ToLower(j.Status)]
	if !known {
		state = providers.TrainingRunning
	}
	t := providers.Training{
		ID: j.ID, Handle: plainjson.Of(trained{ID: j.ID, Base: base, Model: j.Output}), State: state, Status: j.Status,
		Reason: providers.Redact(j.Error.Message), Base: base, Suffix: j.Suffix, File: j.File, Tokens: j.Tokens,
		Output: j.Output, Created: j.Created.Time,
	}
	if state.Ended() {
		t.Finished = j.Finished.Time
	}
	if state == providers.TrainingCancelled { // its trained part is billed, and trained_tokens may be null
		t.Charge = providers.ChargeUnknown
		if j.Tokens > 0 {
			t.Charge = providers.ChargeUsage
		}
	}
	return t
}
