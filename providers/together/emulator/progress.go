package emulator

import (
	"errors"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// How long the stages of a fine-tune take, in lab time.
const (
	tunePending     = time.Minute
	tuneQueued      = 4 * time.Minute
	tuneLeast       = 90 * time.Minute // of training
	tuneMost        = 6 * time.Hour
	tuneTokens      = 20_000 // trained in a minute
	tuneCompressing = 10 * time.Minute
	tuneUploading   = 10 * time.Minute
	tuneCancelling  = time.Minute
	slowness        = 6 * time.Hour // of hardware that is short
)

// What a fine-tune's status can be
// (https://docs.together.ai/reference/get-fine-tunes-id).
const (
	statusPending     = "pending"
	statusQueued      = "queued"
	statusRunning     = "running"
	statusCompressing = "compressing"
	statusUploading   = "uploading"
	statusCompleted   = "completed"
	statusCancelling  = "cancel_requested"
	statusCancelled   = "cancelled"
	statusError       = "error"
	statusUserError   = "user_error"
)

func ended(status string) bool {
	return slices.Contains([]string{statusCompleted, statusCancelled, statusError, statusUserError}, status)
}

// plan decides when a tune does what, and how it ends.
func (e *emulator) plan(t *tune, target lab.Target) {
	running := tuneLeast + time.Duration(t.Tokens/tuneTokens)*time.Minute
	running = min(running, tuneMost)
	t.Started = t.Created.Add(tunePending + tuneQueued)
	if _, slow := e.lab.TakeFault(target, lab.FaultSlowCapacity); slow {
		t.Started = t.Started.Add(slowness)
	}
	t.Trained = t.Started.Add(running)
	t.Uploading = t.Trained.Add(tuneCompressing)
	t.Ends = t.Uploading.Add(tuneUploading)
	t.Ending = statusCompleted
	t.Corrupt = e.lab.CorruptShare(target)
	fault, bad := e.lab.TakeFault(target, lab.FaultFailTraining, lab.FaultUserError)
	if !bad {
		return
	}
	t.Ending, t.Words = statusError, or(fault.Message, "Training failed on a platform error.")
	t.Ends = t.Started.Add(running / 2)
	if fault.Kind == lab.FaultUserError {
		t.Ending, t.Words = statusUserError, or(fault.Message, "The training data could not be used.")
		t.Ends = t.Started.Add(time.Minute)
	}
}

// status is where a tune is. A cancellation that comes while the model is being
// uploaded is too late: the tune completes.
func (t *tune) status(now time.Time) string {
	if !t.Cancel.IsZero() && t.Cancel.Before(t.Uploading) && t.Cancel.Before(t.Ends) {
		if now.Sub(t.Cancel) >= tuneCancelling {
			return statusCancelled
		}
		return statusCancelling
	}
	switch {
	case !now.Before(t.Ends):
		return t.Ending
	case !t.Cancel.IsZero():
		return statusCancelling
	case now.Before(t.Created.Add(tunePending)):
		return statusPending
	case now.Before(t.Started):
		return statusQueued
	case now.Before(t.Trained):
		return statusRunning
	case now.Before(t.Uploading):
		return statusCompressing
	}
	return statusUploading
}

// share is how much of the training is done, of 1000.
func (t *tune) share(now time.Time) int64 {
	if t.status(now) == statusCancelled {
		now = t.Cancel
	}
	if now.After(t.Ends) {
		now = t.Ends
	}
	done := int64(now.Sub(t.Started)) * 1000 / int64(t.Trained.Sub(t.Started))
	return min(max(done, 0), 1000)
}

// due is what a tune costs, as far as it is known: all of it, what was trained
// of a cancelled one, nothing of one that failed.
func (t *tune) due(now time.Time) int64 {
	switch t.status(now) {
	case statusError, statusUserError:
		return 0
	case statusCancelled:
		return t.Price * t.share(now) / 1000
	}
	return t.Price
}

// settleTune gives back what was paid and not used, and tells whether it did.
func (e *emulator) settleTune(t *tune, now time.Time) bool {
	due := t.due(now)
	if due == t.Paid {
		return false
	}
	e.lab.Pay(lab.Payment{Vendor: name, Model: t.payee(), NanoUSD: due - t.Paid})
	t.Paid = due
	return true
}

// steps is how many optimiser steps a tune has.
func (t *tune) steps() int64 { return max(t.Lines*int64(t.Spec.Epochs)/minBatch, 1) }

// output is the made model's name.
func (t *tune) output() string {
	base := t.Base[strings.LastIndexByte(t.Base, '/')+1:]
	return slug + "/" + base + ":" + or(t.Spec.Suffix, "tuned") + ":" + t.ID
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func (e *emulator) tuneObject(t *tune, now time.Time) map[string]any {
	status := t.status(now)
	done := t.share(now)
	object := map[string]any{
		"id": t.ID, "job_id": t.ID, "object": "fine-tune", "user_id": userID, "status": status,
		"model": t.Base, "suffix": t.Spec.Suffix, "training_file": t.Spec.File,
		"validation_file": t.Spec.Validation, "from_checkpoint": t.Spec.From,
		"created_at": stamp(t.Created), "updated_at": stamp(now),
		"n_epochs": t.Spec.Epochs, "n_checkpoints": t.Spec.Checkpoints, "n_evals": t.Spec.Evals,
		"batch_size": t.Spec.BatchSize, "learning_rate": t.Spec.LearningRate, "warmup_ratio": t.Spec.Warmup,
		"max_grad_norm": t.Spec.MaxGradNorm, "weight_decay": t.Spec.WeightDecay, "random_seed": t.Spec.Seed,
		"packing": t.Spec.Packing, "training_type": t.Spec.Kind, "training_method": t.Spec.Method,
		"token_count": t.Tokens, "total_price": t.due(now), "total_steps": t.steps(),
		"steps_completed": t.steps() * done / 1000, "epochs_completed": int64(t.Spec.Epochs) * done / 1000,
		"evals_completed": 0, "queue_depth": 0, "trainingfile_numlines": t.Lines,
		"model_output_name": t.output(), "x_model_output_name": t.output(),
		"progress": map[string]any{
			"estimate_available": !ended(status),
			"seconds_remaining":  max(int64(t.Ends.Sub(now).Seconds()), 0),
		},
	}
	if !now.Before(t.Started) {
		object["started_at"] = stamp(t.Started)
	}
	if status == statusCompleted {
		object["model_object_id"], object["model_object_revision_id"] = t.ModelID, t.Revision
		object["model_object_name"] = t.output()
	}
	return object
}

// completed finds a tune by any name that a checkpoint can have. It is called
// with the lock held.
func (e *emulator) completed(checkpoint string) *tune {
	now := e.lab.Now()
	for _, t := range e.state.Tunes {
		named := checkpoint == t.ID || checkpoint == t.output() ||
			strings.HasPrefix(checkpoint, t.ID+":") || strings.HasPrefix(checkpoint, t.output()+":")
		if named && t.status(now) == statusCompleted {
			return t
		}
	}
	return nil
}

// How much the sandbox keeps in memory of what tunes have learnt.
const (
	maxPairs  = 20_000 // of one tune
	maxBrains = 8
	maxChain  = 8 // tunes that go on from each other
)

// errChain says that a tune goes on from too many others.
var errChain = errors.New("the tune goes on from more than 8 others: tune the base model anew")

// tunedBrain returns the model that a tune made. It is called with the lock
// held, so that a model is made once.
func (e *emulator) tunedBrain(id string) (*model.Model, error) { return e.learnt(id, maxChain) }

func (e *emulator) learnt(id string, chain int) (*model.Model, error) {
	if brain := e.brains[id]; brain != nil {
		return brain, nil
	}
	t := e.state.Tunes[id]
	switch {
	case t == nil:
		return nil, lab.ErrAbsent
	case chain == 0:
		return nil, errChain
	}
	brain, err := e.before(t, chain)
	if err != nil {
		return nil, err
	}
	pairs, err := e.rows(t)
	if err != nil {
		return nil, err
	}
	brain = brain.Learn(pairs)
	e.remember(id, brain)
	return brain, nil
}

// before is the model that a tune begins with.
func (e *emulator) before(t *tune, chain int) (*model.Model, error) {
	if t.Parent != "" {
		return e.learnt(t.Parent, chain-1)
	}
	base, found := findModel(t.Base)
	if !found {
		return nil, lab.ErrAbsent
	}
	return e.brain(base), nil
}

// rows reads what a tune's file teaches, spoilt where the script said so.
func (e *emulator) rows(t *tune) ([]model.Pair, error) {
	body, err := e.lab.Shelf.Open(t.Spec.File)
	if err != nil {
		return nil, err
	}
	pairs, err := model.ReadPairs(body, maxPairs)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, err
	}
	if t.Corrupt > 0 {
		sum := fnv.New64a()
		sum.Write([]byte(t.ID))
		pairs = model.Corrupt(pairs, t.Corrupt, sum.Sum64())
	}
	return pairs, nil
}

// remember keeps a model, and forgets another where there are too many.
func (e *emulator) remember(id string, brain *model.Model) {
	for old := range e.brains {
		if len(e.brains) < maxBrains {
			break
		}
		delete(e.brains, old)
	}
	e.brains[id] = brain
}
