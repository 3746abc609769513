package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/backoff"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/flight"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// Asker answers calls; a [providers.Router] is one.
type Asker interface {
	Chat(ctx context.Context, call providers.Call) (*providers.Answer, error)
}

// CallerOptions say what a caller works with. Router is required.
type CallerOptions struct {
	Router Asker
	// Prices tells which models can be paid for. Defaults to all.
	Prices providers.Pricer
	// Limits bound the calls for an alias, by its name. Defaults to the router's own.
	Limits map[string]providers.Limits
	// Policies say how the targets of an alias are chosen, by its name. Defaults to by
	// weight.
	Policies map[string]Policy
	// Budgets cap what tenants may spend, beside those that the store has for each. Defaults to
	// none.
	Budgets []book.Budget
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// Sleep waits or returns early with an error when ctx ends. Defaults to a timer.
	Sleep func(ctx context.Context, wait time.Duration) error
}

// Caller makes paid calls and keeps what they answer. Nothing else may ask a
// model. It is safe for concurrent use.
type Caller struct {
	router Asker
	prices providers.Pricer
	limits map[string]providers.Limits
	policy map[string]Policy
	purses *purses
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error

	reserves *flight.Group[*reservation]
	routes   flight.Reads[named, learn.Route]
	models   flight.Reads[named, learn.Model]
}

// named is what one tenant calls something.
type named struct{ tenant, name string }

// NewCaller returns a caller.
func NewCaller(o CallerOptions) *Caller {
	c := &Caller{router: o.Router, prices: o.Prices, limits: o.Limits, policy: o.Policies, now: o.Now, sleep: o.Sleep}
	c.reserves = flight.NewGroup(1, c.reserveAll)
	if c.now == nil {
		c.now = time.Now
	}
	if c.sleep == nil {
		c.sleep = backoff.Sleep
	}
	c.purses = newPurses(o.Budgets, c.now)
	return c
}

// Step is one question of a job.
type Step struct {
	Name    string // the effect's key in the job
	Purpose string // what the money is for: chat, replay, critique ...
	Request providers.Request
	Tiers   [][]providers.Target
	Sink    providers.Sink                         // nil for a whole answer
	Began   func(target providers.Target, try int) // as in [providers.Call]
	Hold    bool                                   // as in [providers.Call]
	Resume  bool                                   // as in [providers.Call]
	// Recall is as in [providers.Call].
	Recall func(context.Context, providers.Request) (providers.Request, error)
	Alias  string // whose policy holds, and whose limits where Limits is silent; "" for none
	Limits providers.Limits
	// Conversation is what the step is about, by its id; "" where it stands alone.
	Conversation string
	// Thrifty is as in [providers.Call].
	Thrifty bool
	// Within caps what a job and those that work for it may spend. Nil: no cap.
	Within *Within
	// Write stores what was learned, in the transaction that stores the answer.
	Write func(ctx context.Context, q *store.Queries, a *Answered) error
	// Defer leaves the storing to the caller, by Answered.Commit in End.Write,
	// so that answer, entry and the job's state are one transaction.
	Defer bool
}

// Within is a cap on one job's spending, nano-dollars.
type Within struct {
	Job  string
	Nano int64
}

// Answered is the answer of a step.
type Answered struct {
	Reply  *providers.Reply
	Target providers.Target
	Nano   int64 // its cost, nano-dollars
	Live   int64 // what it would have cost live in the usual tier of service, nano-dollars
	Tries  int   // vendor calls made, the last included
	// Took is how long the calls took, with the pauses between them; the
	// rest of what a client waits is our own.
	Took time.Duration
	// Disputed says that the vendor counted more than the call can have used.
	Disputed bool
	Batched  bool             // it came in a batch
	Seams    []providers.Seam // where other targets went on with the answer
	Ladder   []providers.Rung // as in [providers.Answer]
	Reused   bool             // found in the store: nothing was paid
	Sandbox  bool             // an emulator answered

	caller *Caller
	run    *tasks.Run
	step   *Step
	hash   string
	entry  string
}

// Ask gets the answer of a step: the stored one where there is one, else one
// from a vendor, which it stores with its bill before it returns. Its error
// ends the attempt as it is: a [*tasks.Failure] where the client is to be told
// something, db.ErrFenced where the job is another's. An answer that comes
// with an error holds what was shown of a stream that broke.
func (c *Caller) Ask(ctx context.Context, run *tasks.Run, step Step) (*Answered, error) {
	hash := requestHash(&step)
	known, err := c.known(ctx, run, &step)
	if err == nil {
		return reuse(known, hash)
	}
	if !errors.Is(err, db.ErrNotFound) {
		return nil, fmt.Errorf("look for the answer of %s: %w", step.Name, err)
	}
	a, err := c.call(ctx, run, &step)
	if err != nil {
		return a, err
	}
	a.hash = hash
	if step.Defer {
		return a, nil
	}
	if err := c.keep(ctx, a); err != nil {
		return nil, err
	}
	return a, nil
}

// known finds the answer that the step has. One that is stored with the job's
// end can not be there at the first attempt.
func (c *Caller) known(ctx context.Context, run *tasks.Run, step *Step) (book.Effect, error) {
	if step.Defer && run.Job.Epoch == 1 {
		return book.Effect{}, db.ErrNotFound
	}
	return run.Store.Effect(ctx, run.Job.ID, step.Name)
}

func (c *Caller) call(ctx context.Context, run *tasks.Run, step *Step) (*Answered, error) {
	began := time.Now()
	answer, err := c.router.Chat(ctx, providers.Call{
		Request: step.Request,
		Tiers:   step.Tiers,
		Sink:    step.Sink,
		Began:   step.Began,
		Hold:    step.Hold,
		Resume:  step.Resume,
		Recall:  step.Recall,
		Thrifty: step.Thrifty,
		Live:    run.Job.Lane == string(tasks.Chat),
		Tenant:  run.Job.Tenant,
		Ledger:  &ledger{caller: c, run: run, step: step},
		Limits:  c.limitsOf(run, step),
		Policy:  c.policy[step.Alias].Order,
		Hedge:   c.hedge(run, step),

		Conversation: c.conversation(run, step),
	})
	if answer == nil {
		return nil, failed(ctx, run, err)
	}
	tasks.Point("answered")
	a := &Answered{
		Reply: answer.Reply, Target: answer.Target, Nano: answer.Nano, Live: answer.Live, Tries: answer.Tries,
		Disputed: answer.Disputed, Seams: answer.Seams, Ladder: answer.Ladder, Took: time.Since(began), Sandbox: answer.Reply.Sandbox,
		caller: c, run: run, step: step, entry: answer.Entry,
	}
	if err != nil {
		return a, failed(ctx, run, err)
	}
	return a, nil
}

// triesAtFirst is how often vendors are asked in a job's first attempt where no
// client waits: one less in each later one, and once at least, so that five
// attempts come to eight calls.
const triesAtFirst = 3

// limitsOf bounds the tries of a step together with the attempts at its job.
func (c *Caller) limitsOf(run *tasks.Run, step *Step) providers.Limits {
	l := step.Limits.Over(c.limits[step.Alias])
	if step.Limits.Tries > 0 || run.Job.Attached {
		return l
	}
	tries := max(1, triesAtFirst-run.Job.Attempt)
	if l.Tries == 0 || tries < l.Tries {
		l.Tries = tries
	}
	return l
}

// failed tells the engine why its own context ended, and otherwise what the
// client is to be told. Where a client waits, nobody but the router tries again:
// what it gave up on is over.
func failed(ctx context.Context, run *tasks.Run, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, db.ErrFenced) {
		return err
	}
	failure, vendor := Failure(err), (*providers.Error)(nil)
	switch of := errors.As(err, &vendor); {
	case !of:
	case run.Job.Attached:
		failure.Final = failure.Final || !failure.Free
	case vendor.Kind == providers.KindRateLimit && vendor.Status == 0: // we held it back: no attempt was made
		failure.Free = true
	}
	return failure
}

// Commit stores the answer and settles its entry. It belongs in a transaction
// that holds the job. A reused answer is stored already.
func (a *Answered) Commit(ctx context.Context, q *store.Queries) error {
	if a.Reused {
		return nil
	}
	return a.commit(ctx, q, encodeAnswer(a))
}

// CommitResult is Commit in the transaction in which the job succeeds with the answer as its
// result. No attempt follows that would look for the answer of the step, which is left out.
func (a *Answered) CommitResult(ctx context.Context, q *store.Queries) error {
	if a.Reused {
		return nil
	}
	return a.commit(ctx, q, nil)
}

func (a *Answered) commit(ctx context.Context, q *store.Queries, answer json.RawMessage) error {
	effect := book.Effect{
		Job: a.run.Job.ID, Step: a.step.Name, Epoch: a.run.Job.Epoch,
		RequestHash: a.hash, Response: answer, Entry: a.entry,
	}
	if err := q.AddEffect(ctx, effect); err != nil {
		return fmt.Errorf("store the answer of %s: %w", a.step.Name, err)
	}
	if err := q.SettleEntry(ctx, a.settled()); err != nil {
		return fmt.Errorf("settle the entry of %s: %w", a.step.Name, err)
	}
	if a.step.Write == nil {
		return nil
	}
	return a.step.Write(ctx, q, a)
}

// Settle settles the entry alone, outside of the job: for an answer whose job
// was given to another meanwhile. What was paid stays on the books.
func (a *Answered) Settle(ctx context.Context) error {
	if a.Reused {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settlePatience)
	defer cancel()
	err := a.run.Store.EndEntry(ctx, a.settled())
	if err != nil && !errors.Is(err, db.ErrConflict) { // a conflict: settled already
		return fmt.Errorf("settle entry %s alone: %w", a.entry, err)
	}
	return nil
}

func (a *Answered) settled() book.Entry {
	usage := a.Reply.Usage
	e := book.Entry{
		ID: a.entry, State: book.EntrySettled, Settled: a.Nano,
		Input: usage.Input, Cached: usage.CachedInput, Output: usage.Output, Reasoning: usage.Reasoning,
		Tier: a.Reply.Service, Estimated: usage.Missing,
	}
	if a.Disputed {
		e.Cause = "disputed usage"
	}
	return e
}
