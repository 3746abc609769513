package dream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/dream/study"
	"dreamlab/handlers/judge"
	"dreamlab/handlers/judge/screen"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/redact"
	"dreamlab/store/db"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

// purposeAnticipate is what the money of anticipation is for, verdicts included.
const purposeAnticipate = "anticipate"

// errNoCache means that the cache can not be reached: what would be answered could not be kept.
var errNoCache = errors.New("the cache can not be reached")

// errShareUsed means that the share of the budget is spent.
var errShareUsed = errors.New("the share of the budget is used up")

// errUnverified means that no answer to a question may be given.
var errUnverified = errors.New("no answer was verified")

// aheadRun is an anticipation at work.
type aheadRun struct {
	*asking
	share  handlers.Within // what it may spend
	result anticipateResult
}

// all answers the likely questions. What an attempt before kept is dropped first: answers are named by their number.
func (a *aheadRun) all(ctx context.Context) error {
	if err := a.Answers.Drop(ctx, kept.Names(a.dream.ID)); err != nil {
		return fmt.Errorf("%w: %w", errNoCache, err)
	}
	questions, err := a.questions(ctx)
	if err != nil {
		return err
	}
	for _, q := range questions {
		if err := a.hasLeft(ctx); err != nil {
			return err
		}
		err := a.answer(ctx, q)
		if unanswered(err) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hasLeft fails with errShareUsed where the share of the budget is spent.
func (a *aheadRun) hasLeft(ctx context.Context) error {
	spend, err := a.run.Store.JobSpend(ctx, a.share.Job)
	if err != nil {
		return fmt.Errorf("read what anticipation cost: %w", err)
	}
	if spend.Settled >= a.share.Nano {
		return errShareUsed
	}
	return nil
}

// unanswered tells whether one question has no answer: others may have one.
func unanswered(err error) bool {
	var refused *tasks.Failure
	return errors.Is(err, errUnverified) || errors.Is(err, judge.ErrMalformed) ||
		errors.As(err, &refused) && refused.Code != "insufficient_quota"
}

// ask asks a model live, unless chats wait. Where the dream has a budget, not even what a call may cost at most exceeds
// the share of it; a share of what the dream spent would hardly have room for that.
func (a *aheadRun) ask(ctx context.Context, model, step string, request providers.Request) (*handlers.Answered, error) {
	tiers, err := a.Caller.Resolve(ctx, a.run.Store.Queries, a.run.Job.Tenant, model, a.dream.ID)
	if err != nil {
		return nil, err
	}
	if !a.answered[step] {
		if err := a.yieldToChats(ctx, tiers); err != nil {
			return nil, err
		}
	}
	question := handlers.Step{Name: step, Purpose: purposeAnticipate, Request: request, Tiers: tiers, Alias: model,
		Thrifty: thrifty(a.dream)}
	if a.dream.Budget != nil {
		question.Within = &a.share
	}
	answered, err := a.Caller.Ask(ctx, a.run, question)
	if err != nil {
		return nil, err
	}
	a.tally.add(answered)
	return answered, nil
}

// answer has the model that is asked by day and the lead model answer a question, and keeps what is verified. What
// the cache has already costs nothing.
func (a *aheadRun) answer(ctx context.Context, q nextQuestion) error {
	key, err := a.key(ctx, q)
	if err != nil {
		return err
	}
	_, err = a.Answers.Get(ctx, key)
	if err == nil {
		return nil
	}
	if !errors.Is(err, db.ErrNotFound) {
		return fmt.Errorf("%w: %w", errNoCache, err)
	}
	a.result.Likely++
	usual, err := a.ask(ctx, q.request.Model, q.step()+"/usual", requestAhead(q, study.ReplayTokens))
	if err != nil {
		return err
	}
	lead, err := a.ask(ctx, a.Lead, q.step()+"/lead", requestAhead(q, study.ImproveTokens))
	if err != nil {
		return err
	}
	best, err := a.verified(ctx, q, usual, lead)
	if err != nil {
		return err
	}
	return a.keep(ctx, key, q, best, usual.Live)
}

// key is what the cache knows the question by: that of the route in force, as the API reads it.
func (a *aheadRun) key(ctx context.Context, q nextQuestion) (string, error) {
	route, err := a.run.Store.Route(ctx, a.dream.Tenant, q.request.Model)
	if err != nil && !errors.Is(err, db.ErrNotFound) { // no alias: a model's name
		return "", fmt.Errorf("find route %s: %w", q.request.Model, err)
	}
	return kept.Key(a.Settings.Anticipate.Sharing.Space(a.dream.Tenant), q.request, route), nil
}

// requestAhead is the request as a model gets it. It names no user.
func requestAhead(q nextQuestion, tokens int) providers.Request {
	request := handlers.RequestOf(q.request)
	request.User, request.Options = "", nil
	if request.MaxTokens == 0 {
		request.MaxTokens = tokens
	}
	return request
}

// verified returns the answer that may be given: one that meets the reference where that can be checked, else one
// that two judgements in swapped orders agree on, at or above the floor. It fails with errUnverified.
func (a *aheadRun) verified(ctx context.Context, q nextQuestion, usual, lead *handlers.Answered) (*handlers.Answered, error) {
	if checkable, _ := judge.Exact(q.reference, lead.Reply.Content); checkable {
		for _, one := range []*handlers.Answered{lead, usual} {
			if _, right := judge.Exact(q.reference, one.Reply.Content); right && fits(q, one) {
				return one, nil
			}
		}
		return nil, errUnverified
	}
	if !fits(q, usual) && !fits(q, lead) || silent(usual) || silent(lead) {
		return nil, errUnverified // none may be given, or there is nothing to compare with
	}
	outcome, err := judge.Both(ctx, a.judge, judge.Case{
		Prompt: plainjson.Of(q.prompt()), First: lead.Reply.Content, Second: usual.Reply.Content, Reference: q.reference,
	}, q.step()+"/verify")
	if err != nil {
		return nil, err
	}
	switch {
	case !outcome.Agreed:
	case outcome.Choice != judge.Second && outcome.First >= study.Floor && fits(q, lead):
		return lead, nil
	case outcome.Choice != judge.First && outcome.Second >= study.Floor && fits(q, usual):
		return usual, nil
	}
	return nil, errUnverified
}

func silent(a *handlers.Answered) bool { return strings.TrimSpace(a.Reply.Content) == "" }

func (a *aheadRun) judge(ctx context.Context, step string, request providers.Request) (*providers.Reply, error) {
	answered, err := a.ask(ctx, a.Lead, step, request)
	if err != nil {
		return nil, err
	}
	return answered.Reply, nil
}

// fits tells whether an answer may be given again: it is whole, no junk, and holds no personal data.
func fits(q nextQuestion, a *handlers.Answered) bool {
	text := strings.TrimSpace(a.Reply.Content)
	personal := redact.Found(text) || redact.Found(string(a.Reply.Message)) // that has the reasoning, too
	return a.Reply.Finish == "stop" && a.Reply.Refusal == "" && !a.Disputed && !personal && screen.Reason(q.prompt(), text) == ""
}

// keep puts an answer into the cache, as the completion that a chat would have got. What it saves is what the
// usual answer costs.
func (a *aheadRun) keep(ctx context.Context, key string, q nextQuestion, best *handlers.Answered, usual int64) error {
	if !completion.IsObject(best.Reply.Body) {
		return nil
	}
	model := best.Target.String()
	body := completion.Set(best.Reply.Body, "id", completion.Quoted("chatcmpl-"+q.step()))
	body = completion.Set(body, "model", completion.Quoted(model))
	body = completion.Set(body, "dreamlab", plainjson.Of(struct {
		Job         string    `json:"job"`
		Anticipated string    `json:"anticipated"` // the dream
		Provider    string    `json:"provider"`
		Model       string    `json:"model"`
		Calls       int       `json:"calls"`
		CostUSD     money.USD `json:"cost_usd"`
		Cache       string    `json:"cache"`
		VendorMS    int64     `json:"vendor_ms"`
		Sandbox     bool      `json:"sandbox,omitempty"`
	}{a.run.Job.ID, a.dream.ID, best.Target.Provider, best.Target.Model, best.Tries, money.USD(usual), "miss",
		best.Took.Milliseconds(), best.Sandbox}))
	value := kept.Answer{At: time.Now().UTC(), Body: body}
	stored, err := a.Answers.Put(ctx, key, kept.Name(a.dream.ID, a.result.Answers), value.Text())
	if err != nil {
		return fmt.Errorf("%w: %w", errNoCache, err)
	}
	if stored {
		a.result.Answers++
	}
	return nil
}
