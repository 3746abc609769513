package together

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/money"
)

// trainer is Together's fine-tuning.
type trainer struct{ *driver }

// Trainer returns Together's fine-tuning.
func (d *driver) Trainer() providers.Trainer { return trainer{d} }

// Tunable asks for the limits of a base model, which only those have that
// can be fine-tuned.
func (d trainer) Tunable(ctx context.Context, base string) (providers.TuneLimits, error) {
	var out struct {
		Epochs   count `json:"max_num_epochs"`
		Sequence count `json:"max_seq_length_sft"`
		Older    count `json:"max_seq_length"`
		Pairs    count `json:"max_seq_length_dpo"`
		LoRA     *struct {
			Rank     count `json:"max_rank"`
			MinBatch count `json:"min_batch_size"`
			MaxBatch count `json:"max_batch_size"`
		} `json:"lora_training"`
	}
	address := d.v1 + "/fine-tunes/models/limits?" + url.Values{"model_name": {base}}.Encode()
	_, err := d.Do(ctx, openai.Call{Method: http.MethodGet, URL: address, Out: &out})
	if missing(err) {
		return providers.TuneLimits{}, gone(base, "can not be fine-tuned at Together: choose another base")
	}
	if err != nil {
		return providers.TuneLimits{}, err
	}
	if out.LoRA == nil {
		return providers.TuneLimits{}, gone(base, "can not be fine-tuned with LoRA: choose another base")
	}
	limits := providers.TuneLimits{
		MaxEpochs: int(out.Epochs), MaxSequence: int(cmp.Or(out.Sequence, out.Older)),
		MaxRank: int(out.LoRA.Rank), MinBatch: int(out.LoRA.MinBatch), MaxBatch: int(out.LoRA.MaxBatch),
	}
	if out.Pairs > 0 {
		limits.Pairs = &providers.PairLimits{MinBeta: minBeta, MaxBeta: maxBeta}
	}
	return limits, nil
}

// The bounds of DPO's beta (https://docs.together.ai/docs/fine-tuning/preference-tuning).
const (
	minBeta = 0.05
	maxBeta = 0.9
)

func missing(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

func gone(model, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindModelGone, Provider: name, Model: model, Status: http.StatusNotFound,
		Message: model + " " + message, Charge: providers.ChargeNone,
	}
}

// Estimate asks what a training would cost. Together answers only once the
// file is validated.
func (d trainer) Estimate(ctx context.Context, spec providers.TrainSpec) (providers.Estimate, error) {
	in := map[string]any{
		"training_file": spec.File, "model": spec.Base, "n_epochs": spec.Epochs, "n_evals": evals(spec),
		"training_type": lora(spec), "training_method": method(spec),
	}
	if spec.Validation != "" {
		in["validation_file"] = spec.Validation
	}
	var out struct {
		Available bool        `json:"estimation_available"`
		Reason    string      `json:"unavailable_reason"`
		Allowed   bool        `json:"allowed_to_proceed"`
		Price     json.Number `json:"estimated_total_price"` // dollars
		Tokens    count       `json:"estimated_train_token_count"`
	}
	call := openai.Call{Method: http.MethodPost, URL: d.v1 + "/fine-tunes/estimate-price", In: in, Out: &out}
	if _, err := d.Do(ctx, call); err != nil {
		return providers.Estimate{}, err
	}
	if out.Available && out.Price == "" {
		return providers.Estimate{}, garbled("the estimate holds no price", nil)
	}
	nano, err := price(out.Price, money.Dollar)
	if err != nil {
		return providers.Estimate{}, garbled("the estimate holds no price", err)
	}
	return providers.Estimate{
		Available: out.Available, Reason: out.Reason, Allowed: out.Allowed,
		Nano: nano, TrainTokens: int64(out.Tokens),
	}, nil
}

// training is what is sent to start one. Nothing is left to the vendor's
// defaults, which have changed under its users before.
type training struct {
	File        string         `json:"training_file"`
	Validation  string         `json:"validation_file,omitempty"`
	Base        string         `json:"model"`
	Suffix      string         `json:"suffix"`
	Epochs      int            `json:"n_epochs"`
	Checkpoints int            `json:"n_checkpoints"`
	Evals       int            `json:"n_evals"`
	Batch       any            `json:"batch_size"`
	Rate        float64        `json:"learning_rate"`
	Scheduler   map[string]any `json:"lr_scheduler"`
	Warmup      float64        `json:"warmup_ratio"`
	GradNorm    float64        `json:"max_grad_norm"`
	Decay       float64        `json:"weight_decay"`
	Seed        int64          `json:"random_seed"`
	Packing     bool           `json:"packing"`
	Type        map[string]any `json:"training_type"`
	Method      map[string]any `json:"training_method"`
}

// evals is how often a training is measured on its validation file: once an epoch.
func evals(spec providers.TrainSpec) int {
	if spec.Validation == "" {
		return 0
	}
	return spec.Epochs
}

func lora(spec providers.TrainSpec) map[string]any {
	return map[string]any{
		"type": "Lora", "lora_r": spec.Rank, "lora_alpha": spec.Alpha,
		"lora_dropout": 0.0, "lora_trainable_modules": "all-linear",
	}
}

// method trains on the assistant's turns alone, or on preference pairs.
func method(spec providers.TrainSpec) map[string]any {
	if spec.Beta == 0 {
		return map[string]any{"method": "sft", "train_on_inputs": false}
	}
	return map[string]any{
		"method": "dpo", "dpo_beta": spec.Beta, "dpo_normalize_logratios_by_length": false, "dpo_reference_free": false,
	}
}

func newTraining(spec providers.TrainSpec) training {
	t := training{
		File: spec.File, Validation: spec.Validation, Evals: evals(spec), Base: spec.Base, Suffix: spec.Suffix,
		Epochs: spec.Epochs, Checkpoints: max(spec.Checkpoints, 1),
		Batch: "max", Rate: spec.LearningRate, GradNorm: 1, Seed: spec.Seed, Packing: true,
		Scheduler: map[string]any{
			"lr_scheduler_type": "cosine",
			"lr_scheduler_args": map[string]any{"min_lr_ratio": 0.0, "num_cycles": 0.5},
		},
		Type: lora(spec), Method: method(spec),
	}
	if spec.BatchSize > 0 {
		t.Batch = spec.BatchSize
	}
	return t
}

// maxSuffix is the shorter of the two limits that Together's SDKs name.
const maxSuffix = 40

// Start starts a training. Two calls start two, and both are billed.
func (d trainer) Start(ctx context.Context, spec providers.TrainSpec) (providers.Training, error) {
	switch {
	case spec.Suffix == "" || len(spec.Suffix) > maxSuffix:
		return providers.Training{}, invalid("suffix", "give the training a suffix of 1 to 40 characters")
	case spec.Epochs < 1 || spec.Rank < 1 || spec.Alpha < 1 || spec.LearningRate <= 0:
		return providers.Training{}, invalid("epochs", "state epochs, rank, alpha and learning rate")
	case spec.Beta != 0 && (spec.Beta < minBeta || spec.Beta > maxBeta):
		return providers.Training{}, invalid("beta", fmt.Sprintf("beta is from %v to %v", minBeta, maxBeta))
	}
	var out job
	call := openai.Call{Method: http.MethodPost, URL: d.v1 + "/fine-tunes", In: newTraining(spec), Out: &out}
	if _, err := d.Do(ctx, call); err != nil {
		return providers.Training{}, err
	}
	if out.ID == "" {
		return providers.Training{}, garbled("the answer names no training: look for it before another try", nil)
	}
	return out.training(), nil
}

// clockSkew is how far Together's clock may be behind ours. A training that is
// missed for it would be paid twice; one that is adopted in error would need
// the same suffix, which is a hash.
const clockSkew = 5 * time.Minute

// Find lists all trainings, which Together can not filter, and returns the
// oldest that fits, so that two who look at once adopt the same.
func (d trainer) Find(
	ctx context.Context, spec providers.TrainSpec, notBefore time.Time,
) (providers.Training, bool, error) {
	jobs, err := list[job](ctx, d.driver, d.v1+"/fine-tunes")
	if err != nil {
		return providers.Training{}, false, err
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return a.Created.Compare(b.Created.Time) })
	for _, j := range jobs {
		if !j.fits(spec) || j.Created.Before(notBefore.Add(-clockSkew)) {
			continue
		}
		t, err := d.poll(ctx, j.ID) // the listing is abridged
		if err != nil {
			return providers.Training{}, false, err
		}
		if t.Suffix == spec.Suffix && t.File == spec.File {
			return t, true, nil
		}
	}
	return providers.Training{}, false, nil
}

// fits tells whether a listed job may be the one. What the listing leaves out
// does not speak against it.
func (j job) fits(spec providers.TrainSpec) bool {
	return (j.Suffix == "" || j.Suffix == spec.Suffix) &&
		(j.File == "" || j.File == spec.File) && (j.Base == "" || j.Base == spec.Base)
}

// Poll tells how far a training is.
func (d trainer) Poll(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	trained, err := readTrained(handle)
	if err != nil {
		return providers.Training{}, err
	}
	return d.poll(ctx, trained.ID)
}

func (d trainer) poll(ctx context.Context, id string) (providers.Training, error) {
	var out job
	call := openai.Call{Method: http.MethodGet, URL: d.tuneURL(id), Out: &out}
	if _, err := d.Do(ctx, call); err != nil {
		return providers.Training{}, err
	}
	if out.ID != id {
		return providers.Training{}, garbled(fmt.Sprintf("asked for training %s, got %q", id, out.ID), nil)
	}
	return out.training(), nil
}

// Cancel asks for the end; the training may complete all the same.
func (d trainer) Cancel(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	trained, err := readTrained(handle)
	if err != nil {
		return providers.Training{}, err
	}
	call := openai.Call{Method: http.MethodPost, URL: d.tuneURL(trained.ID) + "/cancel"}
	if _, err := d.Do(ctx, call); err != nil {
		return providers.Training{}, err
	}
	return d.poll(ctx, trained.ID)
}

func (d *driver) tuneURL(id string) string {
	return d.v1 + "/fine-tunes/" + url.PathEscape(strings.TrimSpace(id))
}
