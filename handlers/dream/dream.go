// Package dream is the room of learning from what was said: it replays,
// judges and checks a sealed batch of one tenant's experiences, keeps what may
// be trained on as examples, and leaves lessons and a memory. Where it is told to, it
// answers what is likely to be asked next before it is asked.
//
// A dream is a parent job that waits (plan.go) and children that work: slices
// (slice.go), one that reflects, one that consolidates and one that anticipates. What is asked about an
// experience, and whether it is worth keeping, is decided by package study; here its
// questions are asked live (ask.go) or put into batches (later.go, line.go). Training is package tune's.
package dream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/dream/presidio"
	"dreamlab/providers"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Deps are what dreams work with. Caller, Bucket and Prices are required.
type Deps struct {
	Caller *handlers.Caller
	Bucket blob.Bucket
	// Prices tell what a dream can cost at most.
	Prices providers.Pricer
	// Lead judges and reflects. Defaults to the alias lead.
	Lead string
	// Base answers again. Defaults to the alias base.
	Base string
	// Busy tells whether chats wait: dreams then hand back their work. Defaults to never.
	Busy func(ctx context.Context) (bool, error)
	// Live tells whether chats are being answered: a dream hands back its work for them, too, while it is younger
	// than Settings.GivesWay. Defaults to never.
	Live func(ctx context.Context) (bool, error)
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// Answers is the cache that chats are answered from. Defaults to none: nothing is anticipated.
	Answers Answers
	// Vendors tell how many lines their batches take at least, and what is left of their limits for chats. Defaults to
	// one line for all, and to limits that are not known.
	Vendors Vendors
	// Settings bound what a dream does. Their zero value works.
	Settings Settings
}

// Vendors finds the batches of a vendor, and tells how long to leave a model to chats; a [providers.Router] does.
type Vendors interface {
	Batcher(name string) (providers.Batcher, error)
	// Room is as in [providers.Router].
	Room(ctx context.Context, target providers.Target, share float64) time.Duration
}

// Settings bound what a dream does.
type Settings struct {
	SliceSize  int           // experiences in a slice, at most 16. Defaults to 16.
	MaxLessons int           // lessons in a memory. Defaults to 50.
	Verifier   string        // the alias or model of the second judgement. Defaults to the lead.
	Embedder   string        // the alias or model of the vectors by which lessons are merged. Defaults to their words.
	Pause      time.Duration // of a slice that was handed back because of chats. Defaults to 5 s.
	GivesWay   time.Duration // how long a dream waits for times without any chat. Defaults to not at all.
	// BatchFrom is from how many experiences on a dream of the mode auto has its questions
	// answered in batches, where that costs less. Defaults to 256.
	BatchFrom int
	Breaker   Breaker // ends a dream early
	// Personal looks for personal data in what is to be kept, beside the screens. Its zero value finds none.
	Personal presidio.Analyzer
	// Anticipate is about the answers to what is likely to be asked next. Defaults to none.
	Anticipate Anticipate
}

// The most experiences in a slice: one that asks live holds a worker meanwhile, one whose
// questions go to batches does not.
const (
	maxSlice      = 16
	maxBatchSlice = 500
)

func (s Settings) filled() Settings {
	if s.SliceSize <= 0 || s.SliceSize > maxSlice {
		s.SliceSize = maxSlice
	}
	if s.MaxLessons <= 0 {
		s.MaxLessons = 50
	}
	if s.BatchFrom <= 0 {
		s.BatchFrom = 256
	}
	if s.Pause <= 0 {
		s.Pause = 5 * time.Second
	}
	s.Breaker, s.Anticipate = s.Breaker.filled(), s.Anticipate.filled()
	return s
}

// Handlers returns the handlers of a dream's kinds.
func Handlers(d Deps) map[tasks.Kind]tasks.Handler {
	d.Settings = d.Settings.filled()
	if d.Lead == "" {
		d.Lead = "lead"
	}
	if d.Base == "" {
		d.Base = "base"
	}
	if d.Busy == nil {
		d.Busy = func(context.Context) (bool, error) { return false, nil }
	}
	if d.Live == nil {
		d.Live = func(context.Context) (bool, error) { return false, nil }
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	w := &worker{d}
	return map[tasks.Kind]tasks.Handler{
		tasks.DreamPlan:        w.plan,
		tasks.DreamSlice:       w.slice,
		tasks.DreamReflect:     w.reflect,
		tasks.DreamConsolidate: w.consolidate,
		tasks.DreamAnticipate:  w.anticipate,
		tasks.DreamSolve:       w.solve,
	}
}

type worker struct{ Deps }

// load finds the dream that a job works for.
func (w *worker) load(ctx context.Context, run *tasks.Run) (learn.Dream, error) {
	d, err := run.Store.Dream(ctx, run.Job.Tenant, run.Job.Subject)
	if errors.Is(err, db.ErrNotFound) {
		return d, tasks.Fail("not_found", "the dream %s of this job is gone: start another", run.Job.Subject)
	}
	if err != nil {
		return d, fmt.Errorf("read the dream: %w", err)
	}
	return d, nil
}

// within caps what the dream's jobs may spend together.
func within(d learn.Dream) *handlers.Within {
	if d.Budget == nil {
		return nil
	}
	return &handlers.Within{Job: d.Job, Nano: *d.Budget}
}

// thrifty tells whether what a dream asks live may take the vendor's slower tier of service:
// not where it was to be asked live by the one who started it.
func thrifty(d learn.Dream) bool { return d.Mode != "live" }

// child is a job that works for the dream.
func child(run *tasks.Run, kind tasks.Kind, input any) job.NewJob {
	return job.NewJob{
		Tenant: run.Job.Tenant, KeyID: run.Job.KeyID, Kind: string(kind), Lane: string(kind.Lane()),
		Subject: run.Job.Subject, Input: plainjson.Of(input), Trace: run.Job.Trace,
	}
}
