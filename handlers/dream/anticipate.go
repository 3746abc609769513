package dream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

// Anticipate says whether dreams answer what is likely to be asked next. Its zero value has them not.
type Anticipate struct {
	// Share is how much of a dream's budget goes there, from 0 to 1; of what the dream has spent, where it has no
	// budget: then no question is begun beyond it. Defaults to none.
	Share float64
	// Life is how long the cache gives an answer. Defaults to a day.
	Life time.Duration
	// Sharing are the tenants whose chats are given each other's answers. Defaults to none.
	Sharing kept.Sharing
}

// longestRipening bounds how long an answer may wait for chats before it counts as one that nobody asked for.
const longestRipening = 24 * time.Hour

func (a Anticipate) filled() Anticipate {
	if a.Life <= 0 {
		a.Life = longestRipening
	}
	return a
}

// ripening is after which time it is known what a dream's answers were worth.
func (a Anticipate) ripening() time.Duration { return min(a.Life, longestRipening) }

// worthKept is for how long it counts what anticipation was worth: where it did not pay, a dream tries again so
// long after the last one that anticipated.
const worthKept = 7 * 24 * time.Hour

// Answers is the cache that chats are answered from. *redis.Cache is one.
type Answers interface {
	// Get returns an answer, or fails with db.ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put stores an answer by its key, and a name to drop it by, if there is room.
	Put(ctx context.Context, key, name string, value []byte) (stored bool, err error)
	// Drop removes the answers of these names.
	Drop(ctx context.Context, names []string) error
}

// last ends the dream, where it does not anticipate before. The experiences that are left go to another dream.
func (w *worker) last(ctx context.Context, run *tasks.Run, d learn.Dream, left []string) (*tasks.End, error) {
	nano, note, err := w.allowance(ctx, run, d)
	if err != nil {
		return nil, err
	}
	if nano > 0 {
		d.Stage = stageAnticipate
		return &tasks.End{State: job.StateWaiting, Write: release(d, left), Children: []job.NewJob{
			child(run, tasks.DreamAnticipate, tasks.AnticipateInput{Dream: d.ID, Nano: nano}),
		}}, nil
	}
	result := w.finish(&d)
	return &tasks.End{Result: result, Write: func(ctx context.Context, q *store.Queries) error {
		if err := noteAnticipation(ctx, q, d, learn.Anticipation{Note: note}); err != nil {
			return err
		}
		return release(d, left)(ctx, q)
	}}, nil
}

func noteAnticipation(ctx context.Context, q *store.Queries, d learn.Dream, a learn.Anticipation) error {
	if a == (learn.Anticipation{}) {
		return nil
	}
	if err := q.SetAnticipation(ctx, d.ID, a); err != nil {
		return fmt.Errorf("note what was anticipated: %w", err)
	}
	return nil
}

// allowance is what the dream may spend on anticipation, nano-dollars, or why it may not: "" where it is off.
func (w *worker) allowance(ctx context.Context, run *tasks.Run, d learn.Dream) (nano int64, note string, err error) {
	switch {
	case w.Settings.Anticipate.Share <= 0 || w.Answers == nil:
		return 0, "", nil
	case d.Stopped != "":
		return 0, "the dream ended early", nil
	}
	if note, err = w.doesNotPay(ctx, run, d.Tenant); note != "" || err != nil {
		return 0, note, err
	}
	spend, err := run.Store.JobSpend(ctx, d.Job)
	if err != nil {
		return 0, "", fmt.Errorf("read what the dream spent: %w", err)
	}
	nano = w.Settings.Anticipate.of(d, spend.Settled+spend.Reserved)
	if nano <= 0 {
		return 0, "nothing of the dream's budget is left for it", nil
	}
	return nano, "", nil
}

// of is the share of a dream that has spent so much. It never exceeds what is left of the budget.
func (a Anticipate) of(d learn.Dream, spent int64) int64 {
	if d.Budget == nil {
		return int64(a.Share * float64(spent))
	}
	return max(0, min(int64(a.Share*float64(*d.Budget)), *d.Budget-spent))
}

// doesNotPay says why a tenant's dreams anticipate no more just now, "" where they do: what was anticipated in the
// last days saved less than it cost. Without any of these days there is nothing that speaks against it.
func (w *worker) doesNotPay(ctx context.Context, run *tasks.Run, tenant string) (string, error) {
	ripe, err := run.Store.Anticipated(ctx, tenant, w.Settings.Anticipate.ripening(), worthKept)
	if err != nil {
		return "", fmt.Errorf("read what was anticipated: %w", err)
	}
	if ripe.Pays() {
		return "", nil
	}
	return fmt.Sprintf("it does not pay: in the last %d days %d answers cost $%s and saved $%s in %d chats; "+
		"it is tried again after %s",
		int(worthKept.Hours()/24), ripe.Answers, money.USD(ripe.Cost), money.USD(ripe.Saved), ripe.Hits,
		ripe.Last.Add(worthKept).Format("2006-01-02 15:04 MST")), nil
}

// anticipateResult is the result of dream.anticipate.
type anticipateResult struct {
	Likely  int    `json:"likely"`         // questions that were answered
	Answers int    `json:"answers"`        // of these, that were verified and put into the cache
	Note    string `json:"note,omitempty"` // why it ended early
	tally
}

// anticipate answers what is likely to be asked next, until its share of the budget is used up. An attempt before
// may have kept other answers: these go first.
func (w *worker) anticipate(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.AnticipateInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	d, err := w.load(ctx, run)
	if err != nil {
		return nil, err
	}
	asks, err := w.asks(ctx, run, d, false)
	if err != nil {
		return nil, err
	}
	a := &aheadRun{asking: asks, share: handlers.Within{Job: run.Job.ID, Nano: in.Nano}}
	paused, err := a.pause(ctx, a.all(ctx))
	if paused != nil {
		return paused, nil
	}
	switch {
	case errors.Is(err, errNoCache):
		a.result.Note = "the cache could not be reached"
	case errors.Is(err, errShareUsed), handlers.Failed(err, "insufficient_quota"):
		a.result.Note = fmt.Sprintf("its money is used up: its share is $%s", money.USD(in.Nano))
	case err != nil:
		return nil, err
	}
	a.result.tally = a.tally
	return &tasks.End{Result: plainjson.Of(a.result)}, nil
}

// afterAnticipate ends the dream with what its anticipation came to. One that failed leaves the dream as it is.
func (w *worker) afterAnticipate(ctx context.Context, run *tasks.Run, d learn.Dream) (*tasks.End, error) {
	var made learn.Anticipation
	err := eachChild(ctx, run, tasks.DreamAnticipate, func(j job.Job) error {
		var part anticipateResult
		if err := readResult(j, &part); err != nil {
			return err
		}
		if j.State != job.StateSucceeded {
			part.Note = "its job did not succeed"
		}
		spend, err := run.Store.JobSpend(ctx, j.ID)
		if err != nil {
			return fmt.Errorf("read what anticipation cost: %w", err)
		}
		made = learn.Anticipation{Answers: int64(part.Answers), Cost: spend.Settled, Note: part.Note}
		part.count(&d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.Counts.Anticipated = int(made.Answers)
	result := w.finish(&d)
	return &tasks.End{Result: result, Write: func(ctx context.Context, q *store.Queries) error {
		if err := noteAnticipation(ctx, q, d, made); err != nil {
			return err
		}
		return q.SetDream(ctx, d)
	}}, nil
}
