package dream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/dream/study"
	"dreamlab/providers"
	"dreamlab/store/book"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// asking has the questions of one of a dream's jobs answered: in batches where the dream's mode and
// what is left of the night allow it, else live. A job whose questions wait in batches runs
// again once they are over, and finds the answers.
type asking struct {
	*worker
	run      *tasks.Run
	dream    learn.Dream
	answered map[string]bool // steps that an earlier attempt has paid for
	later    *later          // nil where all is asked live
	tally    tally
}

// tally is what a job's answers came to.
type tally struct {
	Live      int64 `json:"live_nano"` // at live prices
	Batched   int   `json:"answers_batched"`
	Slower    int   `json:"answers_slower"`
	AskedLive int   `json:"answers_live"`
}

func (t *tally) add(a *handlers.Answered) {
	t.Live += a.Live
	switch {
	case a.Batched:
		t.Batched++
	case a.Nano < a.Live:
		t.Slower++
	default:
		t.AskedLive++
	}
}

// count adds the answers to what a dream has.
func (t *tally) count(d *learn.Dream) {
	d.LiveCost += t.Live
	d.Counts.Batched += t.Batched
	d.Counts.Slower += t.Slower
	d.Counts.AskedLive += t.AskedLive
}

func (w *worker) asks(ctx context.Context, run *tasks.Run, d learn.Dream, batched bool) (*asking, error) {
	a := &asking{worker: w, run: run, dream: d, answered: map[string]bool{}}
	err := run.Store.Effects(ctx, run.Job.ID, func(e book.Effect) error {
		a.answered[e.Step] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for answers: %w", err)
	}
	if batched {
		a.later, err = w.newLater(ctx, run, d)
	}
	return a, err
}

// errChatsWait means that chats wait or run, and that the job hands the rest back for their sake.
var errChatsWait = errors.New("chats are waiting")

// littleLeft is errChatsWait where the vendor has little room left for chats, with the time until it has more.
type littleLeft struct{ wait time.Duration }

func (e *littleLeft) Error() string {
	return fmt.Sprintf("what the vendor allows is left to chats for %v", e.wait.Round(time.Second))
}

func (e *littleLeft) Unwrap() error { return errChatsWait }

// leftToChats is the share of what a vendor allows that a dream leaves to chats which ask the same model: what they
// ask for in bursts within a minute, which is the window of most limits. Without chats a dream may use all of it.
const leftToChats = 0.2

// yieldToChats fails with errChatsWait while chats wait, and, in the dream's first time, while any is being answered:
// what runs beside them takes their vendor's capacity and the machine's. For a night it fails, too, while chats ask the
// model that is to be asked, and little is left of what its vendor allows.
func (a *asking) yieldToChats(ctx context.Context, tiers [][]providers.Target) error {
	age := a.Now().Sub(a.dream.Created)
	busy, err := a.Busy(ctx)
	if err == nil && !busy && age < a.Settings.GivesWay {
		busy, err = a.Live(ctx)
	}
	if err != nil {
		return fmt.Errorf("look for chats: %w", err)
	}
	if busy {
		return errChatsWait
	}
	if a.Vendors == nil || age >= night {
		return nil
	}
	if wait := a.Vendors.Room(ctx, tiers[0][0], leftToChats); wait > 0 {
		return &littleLeft{wait}
	}
	return nil
}

// ask asks the model of a role, for the sake of a conversation or of the whole dream. It fails with
// errLater where the question goes into a batch. Steps that are answered wait for no chat.
func (a *asking) ask(ctx context.Context, q study.Question, about string) (*providers.Reply, error) {
	q.Role = a.plays(q.Role)
	alias := a.model(q.Role)
	tiers, err := a.Caller.Resolve(ctx, a.run.Store.Queries, a.run.Job.Tenant, alias, about)
	if err != nil {
		return nil, err
	}
	if !a.answered[q.Step] {
		if a.later.takes(q, a.cheaper(tiers)) {
			return nil, errLater
		}
		if err := a.yieldToChats(ctx, tiers); err != nil {
			return nil, err
		}
	}
	answered, err := a.Caller.Ask(ctx, a.run, handlers.Step{
		Name: q.Step, Purpose: q.Purpose, Request: q.Request, Tiers: tiers, Alias: alias, Within: within(a.dream),
		Thrifty: thrifty(a.dream),
	})
	if err != nil {
		return nil, err
	}
	a.tally.add(answered)
	return answered.Reply, nil
}

// pause tells how a job goes on that is not through: once its batches are over, or once no chat waits or the vendor has
// room again. It returns nil where the job is through, or failed.
func (a *asking) pause(ctx context.Context, err error) (*tasks.End, error) {
	switch {
	case a.later.waits() && (err == nil || errors.Is(err, errLater) || errors.Is(err, errChatsWait)):
		return a.order(ctx)
	case errors.Is(err, errChatsWait): // what was answered is found again
		after := a.Settings.Pause
		if little := (*littleLeft)(nil); errors.As(err, &little) {
			after = max(after, little.wait)
		}
		return &tasks.End{State: job.StateQueued, After: after}, nil
	}
	return nil, err
}

// each does all that does not wait for each other: where one waits for a batch the others go on. It fails with
// errLater where one waits.
func each[T any](all []T, do func(i int, one T) error) error {
	var waits error
	for i, one := range all {
		err := do(i, one)
		if err != nil && !errors.Is(err, errLater) {
			return err
		}
		if err != nil {
			waits = err
		}
	}
	return waits
}

// plays returns the role in which a question is asked: the lead model verifies where nobody else is named.
func (w *worker) plays(role study.Role) study.Role {
	if role == study.Verifier && w.Settings.Verifier == "" {
		return study.Lead
	}
	return role
}

// model returns the name of the model that plays a role.
func (w *worker) model(role study.Role) string {
	switch w.plays(role) {
	case study.Base:
		return w.Base
	case study.Verifier:
		return w.Settings.Verifier
	}
	return w.Lead
}
