package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// tune is a fine-tune. What it does when is decided when it is made; its
// status is read off the lab's clock.
type tune struct {
	ID        string    `json:"id"`
	Spec      spec      `json:"spec"`
	Base      string    `json:"base"`             // the model that it begins with
	Parent    string    `json:"parent,omitempty"` // the tune that it goes on from
	Tokens    int64     `json:"tokens"`           // to be trained, all epochs
	Lines     int64     `json:"lines"`
	Created   time.Time `json:"created"`
	Started   time.Time `json:"started"`
	Trained   time.Time `json:"trained"`
	Uploading time.Time `json:"uploading"`
	Ends      time.Time `json:"ends"`
	Ending    string    `json:"ending"` // completed, error or user_error
	Words     string    `json:"words,omitempty"`
	Cancel    time.Time `json:"cancel,omitzero"` // when it was asked for
	Corrupt   float64   `json:"corrupt,omitempty"`
	ModelID   string    `json:"model_id"`
	Revision  string    `json:"revision"`
	Price     int64     `json:"price"` // nano-dollars
	Paid      int64     `json:"paid"`  // of Price, so far
}

func (e *emulator) createTune(w http.ResponseWriter, r *http.Request) {
	var s spec
	if err := lab.ReadJSON(r, &s); err != nil {
		fail(w, *invalid("", "read the body: %v", err))
		return
	}
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		t, refused := e.newTune(s, now)
		if refused != nil {
			return nil, refused
		}
		e.plan(t, lab.Target{Vendor: name, Method: r.Method, Path: r.URL.Path, Model: s.Model})
		e.state.Tunes[t.ID] = t
		t.Paid = t.Price
		e.lab.Pay(
			lab.Payment{Vendor: name, Model: t.payee(), Calls: 1, TokensIn: t.Tokens, NanoUSD: t.Price},
		)
		return e.tuneObject(t, now), nil
	})
}

// payee is the line of the books that a training is billed to.
func (t *tune) payee() string { return "fine-tune:" + t.Base }

// newTune checks a request and makes the tune. It is called with the lock held.
func (e *emulator) newTune(s spec, now time.Time) (*tune, *lab.Failure) {
	s.fill()
	base, parent, refused := e.basis(s)
	if refused == nil {
		refused = s.check(base)
	}
	if refused != nil {
		return nil, refused
	}
	f, refused := e.file(s.File)
	if refused == nil {
		refused = e.trainable(f, now)
	}
	if refused != nil {
		return nil, refused
	}
	if len(e.state.Tunes) >= maxTunes {
		return nil, invalid("", "the account holds %d fine-tunes already: delete some", maxTunes)
	}
	t := &tune{
		ID: lab.NewID("ft-"), Spec: s, Base: base.ID, Parent: parent, Lines: f.Report.Lines,
		Tokens: f.Report.Tokens * int64(s.Epochs), Created: now,
		ModelID: lab.NewID("ml_"), Revision: lab.NewID("rv_"),
	}
	t.Price = cost(t.Tokens, base.TrainNano)
	return t, nil
}

// cost rounds up.
func cost(tokens, nanoPerMillion int64) int64 { return (tokens*nanoPerMillion + 999_999) / 1_000_000 }

// basis finds what a tune begins with: a model, or what another tune made.
func (e *emulator) basis(s spec) (base entry, parent string, refused *lab.Failure) {
	if s.From != "" && s.Model != "" {
		return base, "", invalid("model", "model and from_checkpoint cannot both be given")
	}
	id := s.Model
	if s.From != "" {
		t := e.completed(s.From)
		if t == nil {
			return base, "", absent("Checkpoint", s.From)
		}
		id, parent = t.Base, t.ID
	}
	base, found := findModel(id)
	if !found || !base.Tunable {
		return base, "", invalid("model", "Model %q is not available for fine-tuning. "+
			"See GET /fine-tunes/models/supported", id)
	}
	return base, parent, nil
}

// trainable tells why a file can not be trained on.
func (e *emulator) trainable(f *file, now time.Time) *lab.Failure {
	switch {
	case f.Purpose != "fine-tune":
		return invalid("training_file", "file %s has the purpose %s, it must be fine-tune", f.ID, f.Purpose)
	case f.status(now) == "INVALID_FORMAT":
		return invalid("training_file", "file %s is invalid: %s", f.ID, f.Report.Error)
	case f.status(now) != "COMPLETED":
		return invalid("training_file", "file %s is not processed yet", f.ID)
	}
	return nil
}

// withTune answers with what fn makes of one tune.
func (e *emulator) withTune(w http.ResponseWriter, r *http.Request, fn func(t *tune, now time.Time) any) {
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		t := e.state.Tunes[r.PathValue("id")]
		if t == nil {
			return nil, absent("Fine-tune job", r.PathValue("id"))
		}
		return fn(t, now), nil
	})
}

func (e *emulator) getTune(w http.ResponseWriter, r *http.Request) {
	e.withTune(w, r, func(t *tune, now time.Time) any {
		object := e.tuneObject(t, now)
		object["events"] = t.events(now)
		return object
	})
}

// listTunes lists all: the vendor has neither pages nor filters here.
func (e *emulator) listTunes(w http.ResponseWriter, _ *http.Request) {
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		list := []*tune{}
		for _, t := range e.state.Tunes {
			list = append(list, t)
		}
		slices.SortFunc(list, func(a, b *tune) int {
			return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
		})
		objects := make([]any, len(list))
		for i, t := range list {
			objects[i] = e.tuneObject(t, now)
		}
		return map[string]any{"data": objects}, nil
	})
}

func (e *emulator) cancelTune(w http.ResponseWriter, r *http.Request) {
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		t := e.state.Tunes[r.PathValue("id")]
		switch {
		case t == nil:
			return nil, absent("Fine-tune job", r.PathValue("id"))
		case ended(t.status(now)):
			return nil, invalid("", "Fine-tune job %s is %s and cannot be cancelled", t.ID, t.status(now))
		}
		if t.Cancel.IsZero() {
			t.Cancel = now
		}
		return e.tuneObject(t, now), nil
	})
}

func (e *emulator) deleteTune(w http.ResponseWriter, r *http.Request) {
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		t := e.state.Tunes[r.PathValue("id")]
		if t == nil {
			return nil, absent("Fine-tune job", r.PathValue("id"))
		}
		if !ended(t.status(now)) {
			return nil, invalid("", "Fine-tune job %s is %s: cancel it first", t.ID, t.status(now))
		}
		if e.inUse(t) {
			return nil, conflict("the model of %s is deployed or another job goes on from it", t.ID)
		}
		e.settleTune(t, now)
		delete(e.state.Tunes, t.ID)
		delete(e.brains, t.ID)
		if err := e.dropUnused(e.state.Files[t.Spec.File]); err != nil {
			return nil, notKept(err)
		}
		return map[string]any{"message": "Fine-tune job " + t.ID + " deleted"}, nil
	})
}

// inUse tells whether something rests on what a tune made.
func (e *emulator) inUse(t *tune) bool {
	for _, other := range e.state.Tunes {
		if other.Parent == t.ID {
			return true
		}
	}
	for _, ep := range e.state.Endpoints {
		for _, d := range ep.Deployments {
			if d.Tune == t.ID {
				return true
			}
		}
	}
	return false
}
