package tune

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/judge"
	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/near"
	"dreamlab/handlers/tune/planted"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// sliceResult is what came of one slice of the evaluation, as its job answers them.
type sliceResult struct {
	Compared int `json:"compared"`
	Skipped  int `json:"skipped"` // the incumbent gave no answer, or it is forgotten
	// Planted is what came of planted questions, where the slice had these.
	Planted *learn.Told `json:"planted,omitempty"`
}

// comparer does the job of one slice of the evaluation.
type comparer struct {
	asker        asker
	base         string // of a tune that names none
	judge        string
	planted      []planted.Question // of the operator
	answerTokens int
	pollEvery    time.Duration
}

func newComparer(d Deps) *comparer {
	return &comparer{
		asker: asker{d.Caller}, base: d.Settings.Base, judge: d.Settings.Judge, planted: d.Settings.Planted,
		answerTokens: d.Settings.AnswerTokens, pollEvery: d.Settings.PollEvery,
	}
}

// maxWaking is how long a slice waits for models that sleep, from when it was made: several starts of the slowest.
const maxWaking = time.Hour

// evaluate does a slice. A place that runs a model only while it is asked answers the first question of a while by
// starting it: the slice waits for that, which is no failed attempt.
func (cp *comparer) evaluate(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	end, err := cp.slice(ctx, run)
	if providers.KindOf(err) != providers.KindCold {
		return end, err
	}
	now, fault := run.Store.Now(ctx)
	if fault != nil {
		return nil, fmt.Errorf("tell the time: %w", fault)
	}
	if now.Sub(run.Job.Created) > maxWaking {
		return nil, err
	}
	return &tasks.End{State: job.StateWaiting, After: max(cp.pollEvery, handlers.Failure(err).After)}, nil
}

// slice has a few held-out questions answered by candidate and incumbent, and
// compares the answers. Each answer is an effect, so that what was paid for is
// not asked again. Where it repeats an evaluation, the answers of that one are judged again.
func (cp *comparer) slice(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.EvaluateInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	if len(in.Planted) > 0 {
		return cp.askPlanted(ctx, run, in)
	}
	compare := cp.again(run, in)
	if in.Repeats == "" {
		c, err := runOf(ctx, run, in.Tune, cp.base)
		if err != nil {
			return nil, err
		}
		compare = func(ctx context.Context, e learn.Experience) (exam.Comparison, bool, error) {
			return cp.comparison(ctx, c, e)
		}
	}
	var comparisons []exam.Comparison
	for _, id := range in.Experiences {
		e, err := run.Store.Experience(ctx, run.Job.Tenant, id)
		if errors.Is(err, db.ErrNotFound) {
			continue // forgotten since
		}
		if err != nil {
			return nil, fmt.Errorf("find experience %s: %w", id, err)
		}
		compared, ok, err := compare(ctx, e)
		if err != nil {
			return nil, err
		}
		if ok {
			comparisons = append(comparisons, compared)
		}
	}
	out := sliceResult{Compared: len(comparisons), Skipped: len(in.Experiences) - len(comparisons)}
	return &tasks.End{Result: plainjson.Of(out), Write: keepAll(run.Job.Tenant, in.Evaluation, comparisons)}, nil
}

// keepAll stores the comparisons of a slice with the end of its job.
func keepAll(tenant, evaluation string, comparisons []exam.Comparison) func(context.Context, *store.Queries) error {
	return func(ctx context.Context, q *store.Queries) error {
		for _, p := range comparisons {
			if err := q.AddComparison(ctx, tenant, evaluation, p); err != nil {
				return fmt.Errorf("keep comparison: %w", err)
			}
		}
		return nil
	}
}

// askPlanted asks the candidate for secrets that it can not have learned from its dataset.
func (cp *comparer) askPlanted(ctx context.Context, run *tasks.Run, in tasks.EvaluateInput) (*tasks.End, error) {
	c, err := runOf(ctx, run, in.Tune, cp.base)
	if err != nil {
		return nil, err
	}
	questions, err := c.planted(ctx, cp.planted)
	if err != nil {
		return nil, err
	}
	var out learn.Told
	for _, q := range questions {
		if !slices.Contains(in.Planted, q.Name) {
			continue
		}
		req := question(q.Messages(), cp.answerTokens)
		reply, answered, err := cp.answer(ctx, c, handlers.Step{Name: "planted/" + q.Name, Request: req}, c.state.Candidate)
		if err != nil {
			return nil, err
		}
		out.Asked++
		out.Told += one(answered && q.Told(reply.Content))
	}
	return &tasks.End{Result: plainjson.Of(sliceResult{Planted: &out})}, nil
}

// comparison compares two answers to one held-out prompt. It is void where the
// incumbent can not answer.
func (cp *comparer) comparison(ctx context.Context, c *tuneRun, e learn.Experience) (p exam.Comparison, ok bool, err error) {
	incumbent, answered, err := cp.answer(ctx, c, cp.paper(e, "incumbent"), c.state.Incumbent)
	if err != nil || !answered {
		return p, false, err
	}
	candidate, answered, err := cp.answer(ctx, c, cp.paper(e, "candidate"), c.state.Candidate)
	if err != nil {
		return p, false, err
	}
	p = exam.Comparison{
		Experience: e.ID, Conversation: e.Conversation, Outcome: learn.Loss, Incumbent: faults(e, incumbent),
		Candidate: exam.Faults{Failed: true}, Said: &learn.Said{Incumbent: incumbent.Content},
		Regression: slices.Contains(c.state.Regression, e.ID),
	}
	if !answered {
		return p, true, nil // it refused the call: lost
	}
	p.Candidate, p.Said.Candidate = faults(e, candidate), candidate.Content
	p.Bytes = [2]int{len(candidate.Content), len(incumbent.Content)}
	if check(&p, caseOf(e, p.Said)) {
		return p, true, nil
	}
	if near.Canonical(candidate.Content) == near.Canonical(incumbent.Content) {
		p.Outcome = learn.Tie
		return p, true, nil
	}
	return p, true, cp.compare(ctx, sitting{c.run, cp.judge, c.within()}, &p, caseOf(e, p.Said))
}

// caseOf is what the judge is shown.
func caseOf(e learn.Experience, said *learn.Said) judge.Case {
	return judge.Case{Prompt: e.Prompt, First: said.Candidate, Second: said.Incumbent, Reference: rightAnswer(e)}
}

// rightAnswer is what a held-out answer is held against, "" where nobody said what is right: the
// reference, else the user's correction, else the recorded answer that the user liked. Without it a judge can
// only tell which answer sounds better.
func rightAnswer(e learn.Experience) string {
	liked := ""
	if e.Rating != nil && *e.Rating > 0 {
		liked = answerText(e.Answer)
	}
	return cmp.Or(e.Reference, e.Correction, liked)
}

// paper is the step in which one of the two answers a held-out prompt.
func (cp *comparer) paper(e learn.Experience, who string) handlers.Step {
	return handlers.Step{Name: e.ID + "/" + who, Request: question(e.Prompt, cp.answerTokens)}
}

// question puts a prompt as it was asked, without any memory.
func question(prompt json.RawMessage, answerTokens int) providers.Request {
	cold := 0.0
	return providers.Request{
		Messages: readMessages(prompt),
		Settings: completion.Settings{MaxTokens: answerTokens, Temperature: &cold},
	}
}

// answer has a model answer. It tells whether the model did; errors that another
// attempt cures are returned.
func (cp *comparer) answer(ctx context.Context, c *tuneRun, step handlers.Step, model string) (
	reply *providers.Reply, answered bool, err error,
) {
	step.Within = c.within()
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
	p.Checked, p.CandidateHit, p.IncumbentHit, p.Outcome = true, hit, hitToo, learn.Tie
	if hit && !hitToo {
		p.Outcome = learn.Win
	}
	if hitToo && !hit {
		p.Outcome = learn.Loss
	}
	return true
}

// sitting is the job of an exam, with the judge that it asks and what it may spend.
type sitting struct {
	run    *tasks.Run
	judge  string
	within *handlers.Within
}

// compare lets the judge judge in both orders. A verdict that cannot be read is a tie on which
// the orders do not agree.
func (cp *comparer) compare(ctx context.Context, s sitting, p *exam.Comparison, answers judge.Case) error {
	ask := func(ctx context.Context, step string, req providers.Request) (*providers.Reply, error) {
		return cp.asker.ask(ctx, s.run, handlers.Step{Name: step, Request: req, Within: s.within}, s.judge)
	}
	out, err := judge.Both(ctx, ask, answers, p.Experience+"/judge")
	p.Judged, p.Outcome = true, learn.Tie
	if errors.Is(err, judge.ErrMalformed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("judge %s: %w", p.Experience, err)
	}
	p.Outcome, p.Agreed = outcomeOf(out.Choice), out.Agreed
	for _, v := range out.Orders {
		p.Orders = append(p.Orders, learn.Judgement{Outcome: outcomeOf(v.Choice), Candidate: v.First, Incumbent: v.Second})
		p.Said.Reasons = append(p.Said.Reasons, v.Reason)
	}
	return nil
}

// outcomeOf is the outcome for the candidate, which is the first of the two.
func outcomeOf(choice judge.Choice) learn.Outcome {
	switch choice {
	case judge.First:
		return learn.Win
	case judge.Second:
		return learn.Loss
	}
	return learn.Tie
}
