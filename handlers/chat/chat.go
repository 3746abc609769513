// Package chat is the room of answering: it puts a client's chat to a model,
// lets the answer flow into the reply stream that the client waits on, and
// keeps it with its bill and as an experience in one transaction.
//
// It does not read HTTP requests (that is the API's) and does not choose
// between vendors (that is the router's).
package chat

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/store/redis"
	"dreamlab/tasks"
)

// Options say what chats are answered with. Both are required.
type Options struct {
	Caller  *handlers.Caller
	Replies *redis.Replies
}

// New returns the handler of chat.run.
func New(o Options) tasks.Handler {
	h := &handler{caller: o.Caller, replies: o.Replies}
	return h.run
}

type handler struct {
	caller  *handlers.Caller
	replies *redis.Replies
}

// turn is one chat on its way to an answer.
type turn struct {
	run     *tasks.Run
	in      tasks.ChatInput
	request *tasks.ChatRequest
	lessons []string // of the tenant's memory that fit
	memory  bool     // they stand in the prompt
	reply   reply
	stream  *stream // nil for a whole answer
}

func (h *handler) run(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	t := &turn{run: run, reply: discard{}}
	if err := t.read(); err != nil {
		return nil, err
	}
	if run.Job.Attached || t.in.Stream {
		t.reply = h.replies.Writer(run.Job.Lane, run.Job.ID, run.Job.Epoch)
	}
	if err := h.refuseSecond(ctx, t); err != nil {
		return nil, err
	}
	answered, err := h.ask(ctx, t)
	if err != nil {
		if errors.Is(context.Cause(ctx), tasks.ErrCancelled) {
			return &tasks.End{State: job.StateCancelled, Then: t.reply.Cancelled}, nil
		}
		return nil, t.failed(ctx, answered, err)
	}
	return t.end(answered)
}

func (t *turn) read() error {
	if err := t.run.Decode(&t.in); err != nil {
		return err
	}
	request, err := tasks.ParseChat(t.in.Request)
	var fault *tasks.InputError
	if errors.As(err, &fault) {
		return tasks.Fail(fault.Code, "%s", fault.Error())
	}
	t.request = request
	return err
}

// refuseSecond fails a chat whose client was already shown something by an
// attempt that died: it can not be shown another answer.
func (h *handler) refuseSecond(ctx context.Context, t *turn) error {
	if !t.run.Job.Attached || t.run.Job.Epoch < 2 {
		return nil
	}
	shown, err := h.replies.Shown(ctx, t.run.Job.Lane, t.run.Job.ID)
	if err != nil {
		return fmt.Errorf("look at the reply so far: %w", err)
	}
	if shown == 0 || shown == t.run.Job.Epoch {
		return nil
	}
	return t.tell(ctx, interrupted(nil))
}

func interrupted(err error) *tasks.Failure {
	failure := tasks.Fail("stream_interrupted", "the answer broke off after its first part: ask again")
	failure.Err = err
	return failure
}

func (h *handler) ask(ctx context.Context, t *turn) (*handlers.Answered, error) {
	step, err := h.step(ctx, t)
	if err != nil {
		return nil, err
	}
	if !t.in.Stream {
		return h.caller.Ask(ctx, t.run, step)
	}
	t.stream = t.newStream(ctx)
	step.Sink, step.Began = t.stream.take, t.stream.began
	answered, err := h.caller.Ask(ctx, t.run, step)
	t.stream.close()
	return answered, err
}

func (h *handler) step(ctx context.Context, t *turn) (handlers.Step, error) {
	tiers, err := h.targets(ctx, t)
	if err != nil {
		return handlers.Step{}, err
	}
	request := handlers.RequestOf(t.request)
	if t.in.Memory {
		if err := t.remember(ctx, &request); err != nil {
			return handlers.Step{}, err
		}
	}
	return handlers.Step{
		Name: "answer", Purpose: "chat", Request: request, Tiers: tiers, Alias: t.in.Alias,
		Conversation: t.in.Conversation, Recall: t.standsIn(tiers),
		Hold: t.in.Recovery == tasks.RecoverHold, Resume: t.in.Recovery == tasks.RecoverResume, Defer: true,
	}, nil
}

// targets returns the models to ask. A client that waits is answered by the
// route that was in force when it asked, at the first attempt.
func (h *handler) targets(ctx context.Context, t *turn) ([][]providers.Target, error) {
	job, sticky := &t.run.Job, t.in.Conversation
	if sticky == "" {
		sticky = job.ID
	}
	if len(t.in.Targets) > 0 && job.Attached && job.Epoch == 1 {
		route := learn.Route{Alias: t.in.Alias, Targets: t.in.Targets}
		return h.caller.Routed(ctx, t.run.Store.Queries, job.Tenant, route, sticky)
	}
	return h.caller.Resolve(ctx, t.run.Store.Queries, job.Tenant, t.request.Model, sticky)
}

// failed ends an attempt that came to no answer. A client that waits is told
// once the job will not be tried again.
func (t *turn) failed(ctx context.Context, answered *handlers.Answered, err error) error {
	if t.stream != nil && t.stream.fenced() {
		return db.ErrFenced
	}
	shown := t.stream != nil && t.stream.shown || answered != nil && answered.Reply.Shown
	if context.Cause(ctx) != nil || errors.Is(err, db.ErrFenced) {
		return err
	}
	failure := handlers.Failure(err)
	if shown {
		return t.tell(ctx, interrupted(err))
	}
	if failure.Final || !failure.Free && t.run.Job.Attempt+1 >= t.run.Job.MaxAttempts {
		return t.tell(ctx, failure)
	}
	return failure
}

// tell writes the failure into the reply stream.
func (t *turn) tell(ctx context.Context, failure *tasks.Failure) error {
	if err := t.reply.Error(ctx, plainjson.Of(failure.JobError())); err != nil {
		// The client is told by the job's row instead.
		failure.Err = errors.Join(failure.Err, err)
	}
	return failure
}

// end stores the answer, and shows the rest of it after the commit.
func (t *turn) end(a *handlers.Answered) (*tasks.End, error) {
	body, err := t.body(a)
	if err != nil {
		return nil, errors.Join(err, a.Settle(context.Background()))
	}
	return &tasks.End{
		Result:       body,
		WriteIsShort: true,
		Write: func(ctx context.Context, q *store.Queries) error {
			if err := a.CommitResult(ctx, q); err != nil {
				return err
			}
			return t.record(ctx, q, a)
		},
		Then:   func(ctx context.Context) error { return t.deliver(ctx, a, body) },
		Fenced: a.Settle,
	}, nil
}

// deliver shows what is left to show.
func (t *turn) deliver(ctx context.Context, a *handlers.Answered, body []byte) error {
	t.reply.Head(t.headOf(a.Target, a.Tries))
	lines := [][]byte{oneLine(body)}
	if t.stream != nil {
		if t.stream.broken() != nil {
			return fmt.Errorf("write the reply: %w", t.stream.broken())
		}
		lines = t.stream.tail(a, t.ours(a), t.in.Usage)
	}
	if err := t.reply.End(ctx, lines...); err != nil {
		return fmt.Errorf("end the reply: %w", err)
	}
	return nil
}
