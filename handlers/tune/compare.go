package tune

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/handlers/judge"
	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/near"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// sliceResult is what came of one slice of the evaluation, as its job answers them.
type sliceResult struct {
	Comparisons []exam.Comparison `json:"comparisons"`
	Skipped     int               `json:"skipped"` // the incumbent gave no answer, or the prompt can not be asked
}

// comparer does the job of one slice of the evaluation.
type comparer struct {
	asker        asker
	base         string // of a tune that names none
	lead         string // the judge
	answerTokens int
}

func newComparer(d Deps) *comparer {
	return &comparer{
		asker: asker{d.Caller}, base: d.Settings.Base, lead: d.Settings.Lead, answerTokens: d.Settings.AnswerTokens,
	}
}

// evaluate has a few held-out questions answered by candidate and incumbent, and
// compares the answers. Each answer is an effect, so that what was paid for is
// not asked again.
func (cp *comparer) evaluate(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.EvaluateInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	c, err := runOf(ctx, run, in.Tune, cp.base)
	if err != nil {
		return nil, err
	}
	var out sliceResult
	for _, id := range in.Experiences {
		e, err := run.Store.Experience(ctx, c.tune.Tenant, id)
		if errors.Is(err, db.ErrNotFound) {
			out.Skipped++ // forgotten since
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find experience %s: %w", id, err)
		}
		compared, ok, err := cp.comparison(ctx, c, e)
		if err != nil {
			return nil, err
		}
		if ok {
			out.Comparisons = append(out.Comparisons, compared)
		} else {
			out.Skipped++
		}
	}
	return &tasks.End{Result: plainjson.Of(out)}, nil
}

// comparison compares two answers to one held-out prompt. It is void where the
// incumbent can not answer.
func (cp *comparer) comparison(ctx context.Context, c *tuneRun, e learn.Experience) (p exam.Comparison, ok bool, err error) {
	incumbent, answered, err := cp.answer(ctx, c, e, "incumbent", c.state.Incumbent)
	if err != nil || !answered {
		return p, false, err
	}
	candidate, answered, err := cp.answer(ctx, c, e, "candidate", c.state.Candidate)
	if err != nil {
		return p, false, err
	}
	p = exam.Comparison{Experience: e.ID, Conversation: e.Conversation, Choice: judge.Second}
	p.Incumbent = faults(e, incumbent)
	p.Candidate = exam.Faults{Failed: true}
	if !answered {
		return p, true, nil // it refused the call: lost
	}
	p.Candidate = faults(e, candidate)
	p.Bytes = [2]int{len(candidate.Content), len(incumbent.Content)}
	answers := judge.Case{
		Prompt: e.Prompt, First: candidate.Content, Second: incumbent.Content, Reference: e.Reference,
	}
	if check(&p, answers) {
		return p, true, nil
	}
	return p, true, cp.compare(ctx, c, &p, answers)
}

// question puts a held-out prompt as it was asked, without any memory.
func question(e learn.Experience, answerTokens int) providers.Request {
	cold := 0.0
	return providers.Request{
		Messages: readMessages(e.Prompt),
		Settings: completion.Settings{MaxTokens: answerTokens, Temperature: &cold},
	}
}

// answer has a model answer. It tells whether the model did; errors that another
// attempt cures are returned.
func (cp *comparer) answer(ctx context.Context, c *tuneRun, e learn.Experience, who, model string,
) (reply *providers.Reply, answered bool, err error) {
	step := handlers.Step{Name: e.ID + "/" + who, Request: question(e, cp.answerTokens), Within: c.within()}
	reply, err = cp.asker.ask(ctx, c.run, step, model)
	for _, code := range []string{"content_filter", "context_length_exceeded", "invalid_request"} {
		if handlers.Failed(err, code) {
			return nil, false, nil // the model's own refusal is an outcome of the evaluation
		}
	}
	return reply, err == nil, err
}

// within caps the evaluation at what the tune may still cost.
func (c *tuneRun) within() *handlers.Within {
	if c.state.Cap == 0 {
		return nil
	}
	return &handlers.Within{Job: c.tune.Job, Nano: c.state.Cap}
}

// faults are what is wrong with an answer to a held-out prompt.
func faults(e learn.Experience, r *providers.Reply) exam.Faults {
	turns := textTurns(e.Prompt)
	a := exam.Answer{
		Text: r.Content, Refused: r.Refusal != "", Cut: r.Finish == "length", Said: spoken(turns),
		Models: []string{answerText(e.Answer)},
	}
	if len(turns) > 0 {
		a.Asked = turns[len(turns)-1].Content
	}
	for _, right := range []string{e.Reference, e.Correction} {
		if right != "" {
			a.Models = append(a.Models, right)
		}
	}
	return a.Faults()
}

// check decides by the reference alone, where it can be checked for both.
func check(p *exam.Comparison, answers judge.Case) bool {
	checkable, hit := judge.Exact(answers.Reference, answers.First)
	checkableToo, hitToo := judge.Exact(answers.Reference, answers.Second)
	if !checkable || !checkableToo {
		return false
	}
	p.Checked, p.CandidateHit, p.IncumbentHit, p.Choice = true, hit, hitToo, judge.Equal
	if hit && !hitToo {
		p.Choice = judge.First
	}
	if hitToo && !hit {
		p.Choice = judge.Second
	}
	return true
}

// compare lets the lead judge in both orders. A verdict that cannot be read is a tie on which
// the orders do not agree.
func (cp *comparer) compare(ctx context.Context, c *tuneRun, p *exam.Comparison, answers judge.Case) error {
	p.Choice = judge.Equal
	if near.Canonical(answers.First) == near.Canonical(answers.Second) {
		return nil
	}
	ask := func(ctx context.Context, step string, req providers.Request) (*providers.Reply, error) {
		return cp.asker.ask(ctx, c.run, handlers.Step{Name: step, Request: req, Within: c.within()}, cp.lead)
	}
	out, err := judge.Both(ctx, ask, answers, p.Experience+"/judge")
	p.Judged = true
	if errors.Is(err, judge.ErrMalformed) {
		return nil
	}
	p.Choice, p.Agreed = out.Choice, out.Agreed
	if err != nil {
		return fmt.Errorf("judge %s: %w", p.Experience, err)
	}
	return nil
}
