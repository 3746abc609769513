// Package shadow is the room of answers that nobody is shown: it puts a share of the chats that one model
// of a canary has answered to the other model, as they were asked, and has the two answers judged.
//
// The chats are drawn from those that have ended, so that none waits for it. What the other model answers
// is kept as a step of the job alone, for its judge and for another attempt: it is no experience, and
// nothing learns from it. Package trial counts the verdicts, and a tune begins the jobs.
package shadow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/handlers/judge"
	"dreamlab/handlers/recall"
	"dreamlab/handlers/tune/near"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// New returns the handler of tune.shadow. The judge is a model, as provider/model.
func New(caller *handlers.Caller, judge string) tasks.Handler {
	return (&handler{caller: caller, judge: judge}).run
}

type handler struct {
	caller *handlers.Caller
	judge  string
}

// run has the chats of one job answered and judged. Each answer is an effect, so that what was paid for is
// not asked again. It ends early where the canary has ended or is paused, or no budget has room.
func (h *handler) run(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.ShadowInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	var out tasks.ShadowResult
	var pairs []canary.Pair
	for _, chat := range in.Chats {
		c, err := run.Store.Canary(ctx, run.Job.Tenant, in.Canary)
		if err != nil {
			return nil, fmt.Errorf("find canary %s: %w", in.Canary, err)
		}
		if c.State != canary.Shadow && c.State != canary.Running {
			break
		}
		p := &pairing{handler: h, run: run, canary: c, chat: chat, limit: in.Cap}
		pair, compared, err := p.pair(ctx)
		if handlers.Failed(err, "insufficient_quota") {
			out.Unpaid = true
			break
		}
		if err != nil {
			return nil, err
		}
		if compared {
			pairs = append(pairs, pair)
		}
	}
	out.Judged = len(pairs)
	out.Skipped = len(in.Chats) - len(pairs)
	return &tasks.End{Result: plainjson.Of(out), Write: func(ctx context.Context, q *store.Queries) error {
		return q.AddPairs(ctx, in.Canary, pairs)
	}}, nil
}

// pairing is one chat on its way to a verdict.
type pairing struct {
	*handler
	run    *tasks.Run
	canary canary.Canary
	chat   tasks.ShadowChat
	limit  int64
	step   string // how the names of its steps begin
}

// pair tells whether the two answers could be compared, and how.
func (p *pairing) pair(ctx context.Context) (pair canary.Pair, compared bool, err error) {
	e, err := p.run.Store.Experience(ctx, p.run.Job.Tenant, p.chat.Experience)
	if errors.Is(err, db.ErrNotFound) {
		return pair, false, nil // forgotten since
	}
	if err != nil {
		return pair, false, fmt.Errorf("find experience %s: %w", p.chat.Experience, err)
	}
	question, found, err := p.question(ctx, e)
	if err != nil || !found {
		return pair, false, err
	}
	pair = canary.Pair{Shown: p.chat.Shown, Agreed: true, Outcome: learn.Win}
	if p.chat.Asked == p.canary.Candidate {
		pair.Outcome = learn.Loss
	}
	reply, err := p.ask(ctx, p.step, p.chat.Asked, question)
	switch {
	case declined(err):
		return pair, true, nil // the other model answered this
	case err != nil:
		return pair, false, err
	}
	shown, _ := textOf(e.Answer)
	asked, text := textOf(reply.Message)
	if asked = cmp.Or(asked, reply.Refusal); !text && reply.Refusal == "" {
		return pair, false, nil // a call of a tool is not compared with a text
	}
	candidate, champion := asked, shown
	if p.chat.Shown == p.canary.Candidate {
		candidate, champion = shown, asked
	}
	err = p.compare(ctx, &pair, judge.Case{Prompt: e.Prompt, First: candidate, Second: champion})
	return pair, err == nil, err
}

// declined tells whether a model refused the call itself.
func declined(err error) bool {
	for _, code := range []string{"content_filter", "context_length_exceeded", "invalid_request"} {
		if handlers.Failed(err, code) {
			return true
		}
	}
	return false
}

// question is the chat as its model was asked, with the lessons of the memory where it was given them. It
// is not found where the chat's job is gone, or what it asked was cleared.
func (p *pairing) question(ctx context.Context, e learn.Experience) (question providers.Request, found bool, err error) {
	chat, err := p.run.Store.Job(ctx, p.run.Job.Tenant, e.Job)
	if errors.Is(err, db.ErrNotFound) {
		return question, false, nil
	}
	if err != nil {
		return question, false, fmt.Errorf("find the chat of %s: %w", e.ID, err)
	}
	var in tasks.ChatInput
	if json.Unmarshal(chat.Input, &in) != nil {
		return question, false, nil // it was cleared
	}
	request, err := tasks.ParseChat(in.Request)
	if err != nil {
		return question, false, nil //nolint:nilerr // as it is where the request was cleared
	}
	p.step = e.ID + "/answer"
	question = handlers.RequestOf(request)
	if e.Origin != learn.OriginMemory {
		return question, true, nil
	}
	return p.remember(ctx, e, question)
}

// remember puts the lessons in front that fit, by the memory as it is now. Its version is part of the
// step's name: with another one the question is another.
func (p *pairing) remember(ctx context.Context, e learn.Experience, question providers.Request) (providers.Request, bool, error) {
	memory, err := p.run.Store.Memory(ctx, p.run.Job.Tenant)
	if errors.Is(err, db.ErrNotFound) {
		return question, false, nil // forgotten since
	}
	if err != nil {
		return question, false, fmt.Errorf("read the memory: %w", err)
	}
	lessons := recall.Fit(memory.Lessons, recall.Said(question.Messages))
	if len(lessons) == 0 {
		return question, false, nil
	}
	p.step = e.ID + "/" + memory.ID + "/answer"
	front := providers.TextMessage("system", recall.Front(lessons))
	question.Messages = append([]providers.Message{front}, question.Messages...)
	return question, true, nil
}

// compare lets the judge judge in both orders. A verdict that cannot be read is a tie on which the orders do
// not agree; what is the same to the letter needs no judge.
func (p *pairing) compare(ctx context.Context, pair *canary.Pair, answers judge.Case) error {
	pair.Outcome = learn.Tie
	if near.Canonical(answers.First) == near.Canonical(answers.Second) {
		return nil
	}
	ask := func(ctx context.Context, step string, req providers.Request) (*providers.Reply, error) {
		return p.ask(ctx, step, p.judge, req)
	}
	out, err := judge.Both(ctx, ask, answers, p.step+"/judge")
	pair.Agreed = out.Agreed
	switch {
	case errors.Is(err, judge.ErrMalformed):
		return nil
	case err != nil:
		return fmt.Errorf("judge %s: %w", p.chat.Experience, err)
	case out.Choice == judge.First:
		pair.Outcome = learn.Win
	case out.Choice == judge.Second:
		pair.Outcome = learn.Loss
	}
	return nil
}

// ask makes a paid call of one model, without anyone to stand in for it.
func (p *pairing) ask(ctx context.Context, step, model string, req providers.Request) (*providers.Reply, error) {
	tiers, err := p.caller.Resolve(ctx, p.run.Store.Queries, p.run.Job.Tenant, model, "")
	if err != nil {
		return nil, err
	}
	answered, err := p.caller.Ask(ctx, p.run, handlers.Step{
		Name: step, Purpose: canary.Purpose, Request: req, Tiers: tiers, Thrifty: true,
		Within: &handlers.Within{Job: p.run.Job.ID, Nano: p.limit},
	})
	if err != nil {
		return nil, err
	}
	return answered.Reply, nil
}
