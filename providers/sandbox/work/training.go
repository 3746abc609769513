package work

import (
	"encoding/json"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// Training is a fine-tune. What it does when is decided when it is made; its
// state is read off the lab's clock.
type Training struct {
	ID      string          `json:"id"`
	Base    string          `json:"base"`             // the model that it begins with
	Parent  string          `json:"parent,omitempty"` // the training that it goes on from
	File    string          `json:"file"`
	Pairs   bool            `json:"pairs,omitempty"` // it learns from preference pairs
	Epochs  int             `json:"epochs"`
	Rate    int64           `json:"rate"`              // nano-dollars per million trained tokens
	Hour    int64           `json:"hour,omitempty"`    // nano-dollars an hour, where that is billed in place of tokens
	Limit   time.Duration   `json:"limit,omitempty"`   // on how long it may run; 0: none
	Spot    *Spot           `json:"spot,omitempty"`    // its machines are spot machines; nil: they are not
	Model   string          `json:"model"`             // id of the model that it makes
	Name    string          `json:"name"`              // by which that model is asked for
	Request json.RawMessage `json:"request,omitempty"` // what the vendor was asked, in its own words

	Lines     int64         `json:"lines"`
	Tokens    int64         `json:"tokens"` // to be trained, all epochs
	Created   time.Time     `json:"created"`
	Started   time.Time     `json:"started"`
	Trained   time.Time     `json:"trained"`
	Saving    time.Time     `json:"saving"`
	Ends      time.Time     `json:"ends"`
	Ending    TrainingState `json:"ending"`             // that nobody disturbs
	Reason    string        `json:"reason,omitempty"`   // why it fails; given before, it fails for that
	Cancelled time.Time     `json:"cancelled,omitzero"` // when that was asked for
	Paused    time.Time     `json:"paused,omitzero"`    // since when it is paused
	Corrupt   float64       `json:"corrupt,omitempty"`  // share of its rows that it learns as gibberish
	Mixed     string        `json:"mixed,omitempty"`    // rows that it learns beside its file's, JSONL
	Price     int64         `json:"price"`              // nano-dollars
	Paid      int64         `json:"paid"`               // of Price, so far
}

// Trainings are the fine-tunes of an account.
type Trainings struct {
	*holdings
	brains map[string]*model.Model // what was learnt, by a training's id
}

// Train makes a training, of which all before Lines is given, and
// bills its price. It plays the faults of trainings.
func (ts *Trainings) Train(r *http.Request, asked Training) (Training, *lab.Failure) {
	refused := ts.change(func(now time.Time) *lab.Failure {
		if len(ts.state.Trainings) >= maxTrainings {
			return lab.Invalid("", "the account holds %d fine-tunes already: delete some", maxTrainings)
		}
		if refused := ts.measure(&asked, now); refused != nil {
			return refused
		}
		asked.Created = now
		ts.plan(&asked, ts.target(r, asked.Base))
		ts.interrupt(&asked, ts.target(r, asked.Base))
		asked.limit()
		asked.Price = asked.price(asked.Ends)
		made := asked
		ts.state.Trainings[made.ID] = &made
		ts.pay(&made, 1, made.Tokens, made.Price)
		asked = made
		return nil
	})
	return asked, refused
}

// measure reads off its file how much a training has to do. One that is bound to fail does
// nothing.
func (ts *Trainings) measure(t *Training, now time.Time) *lab.Failure {
	if t.Reason != "" {
		return nil
	}
	f, refused := ts.trainable("training_file", t.File, t.Pairs, now)
	if refused != nil {
		return refused
	}
	t.Lines, t.Tokens = f.Report.Lines, f.Report.Tokens*int64(t.Epochs)
	return nil
}

// price is what the training costs when it ends at a time.
func (t *Training) price(end time.Time) int64 {
	if t.Hour == 0 {
		return Cost(t.Tokens, t.Rate)
	}
	return (t.Seconds(end)*t.Hour + 3599) / 3600
}

// Cost is what some tokens cost, in nano-dollars, rounded up.
func Cost(tokens, nanoPerMillion int64) int64 { return lab.PerMillion(tokens * nanoPerMillion) }

// pay puts a training in the books.
func (ts *Trainings) pay(t *Training, calls, tokens, nano int64) {
	ts.lab.Pay(lab.Payment{
		Vendor: ts.options.Vendor, Model: "fine-tune:" + t.Base, Calls: calls, TokensIn: tokens, NanoUSD: nano,
	})
	t.Paid += nano
}

// Trainable refuses a file that can not be trained on, or measured on: with pairs a file of preference
// pairs, else one that has none.
func (ts *Trainings) Trainable(param, id string, pairs bool) *lab.Failure {
	now := ts.lab.Now()
	ts.mu.Lock()
	defer ts.mu.Unlock()
	_, refused := ts.trainable(param, id, pairs, now)
	return refused
}

// trainable finds a file that can be trained on.
func (ts *Trainings) trainable(param, id string, pairs bool, now time.Time) (*File, *lab.Failure) {
	f, refused := ts.file(id)
	switch {
	case refused != nil:
		return nil, refused
	case !f.Rows:
		return nil, lab.Invalid(param, "file %s has the purpose %s: it is not for training", id, f.Purpose)
	case f.State(now) == FileInvalid:
		return nil, lab.Invalid(param, "file %s is invalid: %s", id, f.Report.Error)
	case f.State(now) != FileReady:
		return nil, lab.Invalid(param, "file %s is not processed yet", id)
	case pairs && f.Report.Format != formatPreference:
		return nil, lab.Invalid(param, "file %s has no preference pairs: preference training (dpo) needs them", id)
	case !pairs && f.Report.Format == formatPreference:
		return nil, lab.Invalid(param, "file %s has preference pairs: supervised training does not take them", id)
	}
	return f, nil
}

// training finds a training. It is called with the lock held.
func (ts *Trainings) training(id string) (*Training, *lab.Failure) {
	if t := ts.state.Trainings[id]; t != nil {
		return t, nil
	}
	return nil, lab.Absent("Fine-tune job", id)
}

// Training returns a training.
func (ts *Trainings) Training(id string) (Training, *lab.Failure) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t, refused := ts.training(id)
	if refused != nil {
		return Training{}, refused
	}
	return *t, nil
}

// List lists the trainings, the oldest first.
func (ts *Trainings) List() []Training {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return copies(ts.state.Trainings,
		func(t *Training) time.Time { return t.Created }, func(t *Training) string { return t.ID })
}

// Cancel asks a training to end. One that ended already is refused.
func (ts *Trainings) Cancel(id string) (Training, *lab.Failure) {
	var after Training
	refused := ts.change(func(now time.Time) *lab.Failure {
		t, refused := ts.training(id)
		switch {
		case refused != nil:
			return refused
		case t.State(now).Ended():
			return lab.Invalid("", "Fine-tune job %s is %s and cannot be cancelled", id, t.State(now))
		}
		if t.Cancelled.IsZero() {
			t.goOn(now)
			t.Cancelled = now
		}
		after = *t
		return nil
	})
	return after, refused
}

// Pause pauses a training that runs and has made its first step.
func (ts *Trainings) Pause(id string) (Training, *lab.Failure) {
	return ts.setPaused(id, "paused", func(t *Training, now time.Time) bool {
		if t.State(now) != TrainingRunning || t.Steps()*t.Done(now) < 1000 {
			return false
		}
		t.Paused = now
		return true
	})
}

// Resume goes on with a paused training.
func (ts *Trainings) Resume(id string) (Training, *lab.Failure) {
	return ts.setPaused(id, "resumed", func(t *Training, now time.Time) bool {
		paused := !t.Paused.IsZero()
		t.goOn(now)
		return paused
	})
}

// setPaused changes a training, which is refused where it cannot be changed so.
func (ts *Trainings) setPaused(id, how string, change func(*Training, time.Time) bool) (Training, *lab.Failure) {
	var after Training
	refused := ts.change(func(now time.Time) *lab.Failure {
		t, refused := ts.training(id)
		if refused != nil {
			return refused
		}
		if !change(t, now) {
			return lab.Invalid("", "Fine-tune job %s is %s and cannot be %s", id, t.State(now), how)
		}
		after = *t
		return nil
	})
	return after, refused
}

// goOn ends a pause: what was still to come comes later by as much as it took.
func (t *Training) goOn(now time.Time) {
	if t.Paused.IsZero() {
		return
	}
	for _, at := range []*time.Time{&t.Started, &t.Trained, &t.Saving, &t.Ends} {
		*at = at.Add(now.Sub(t.Paused))
	}
	t.Paused = time.Time{}
}

// Delete forgets a training that ended and that nothing rests on.
func (ts *Trainings) Delete(id string) *lab.Failure {
	return ts.change(func(now time.Time) *lab.Failure {
		t, refused := ts.training(id)
		switch {
		case refused != nil:
			return refused
		case !t.State(now).Ended():
			return lab.Invalid("", "Fine-tune job %s is %s: cancel it first", id, t.State(now))
		case ts.used(t):
			return lab.Conflict("the model of %s is deployed or another job goes on from it", id)
		}
		ts.settle(t, now)
		delete(ts.state.Trainings, id)
		delete(ts.brains, id)
		return ts.dropUnused(ts.state.Files[t.File])
	})
}

// used tells whether something rests on what a training made.
func (ts *Trainings) used(t *Training) bool {
	for _, other := range ts.state.Trainings {
		if other.Parent == t.ID {
			return true
		}
	}
	for _, e := range ts.state.Endpoints {
		for _, d := range e.Deployments {
			if d.Training == t.ID {
				return true
			}
		}
	}
	return false
}

// settle gives back what was paid and not used, and tells whether it did.
func (ts *Trainings) settle(t *Training, now time.Time) bool {
	due := t.Due(now)
	if due == t.Paid {
		return false
	}
	ts.pay(t, 0, 0, due-t.Paid)
	return true
}
