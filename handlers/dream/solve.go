package dream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"dreamlab/handlers"
	"dreamlab/handlers/dream/study"
	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// purposeSolve is what the money of the answers to a task is for; that of verdicts is for the judge's
// purposes.
const purposeSolve = "solve"

// solve has the team try one task: the base and the lead model answer it, and the lead model verifies.
func (w *worker) solve(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.SolveInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	s := &solving{worker: w, run: run, in: in, result: tasks.Solution{Verdicts: []tasks.SolveVerdict{}}}
	if in.System != "" {
		s.prompt = append(s.prompt, providers.TextMessage("system", in.System))
	}
	s.prompt = append(s.prompt, providers.TextMessage("user", in.Task))
	base, err := s.try(ctx, study.Base, study.ReplayTokens)
	if err != nil {
		return nil, err
	}
	lead, err := s.try(ctx, study.Lead, study.ImproveTokens)
	if err != nil {
		return nil, err
	}
	s.result.Attempts = []tasks.SolveAttempt{base, lead}
	if base.Answer == nil && lead.Answer == nil {
		return nil, cmp.Or(s.refused, tasks.Fail("vendor_unavailable", "neither model of the team gave a whole answer: ask again"))
	}
	if err := s.verify(ctx); err != nil {
		return nil, err
	}
	return &tasks.End{Result: plainjson.Of(s.result)}, nil
}

// solving is a task at work.
type solving struct {
	*worker
	run     *tasks.Run
	in      tasks.SolveInput
	prompt  []providers.Message
	refused *tasks.Failure // why the model that was asked last gave no answer
	result  tasks.Solution
}

// try has a model of the team answer. That it can not is said beside the other one's answer.
func (s *solving) try(ctx context.Context, role study.Role, tokens int) (tasks.SolveAttempt, error) {
	attempt := tasks.SolveAttempt{Role: string(role), Alias: s.model(role)}
	answered, err := s.ask(ctx, role, string(role), purposeSolve, providers.Request{
		Messages: s.prompt, Settings: completion.Settings{MaxTokens: tokens},
	})
	if errors.As(err, &s.refused) {
		attempt.Error = &s.refused.Code
		return attempt, nil
	}
	if err != nil {
		return attempt, err
	}
	attempt.Provider, attempt.Model = answered.Target.Provider, answered.Target.Model
	text := strings.TrimSpace(answered.Reply.Content)
	if text == "" || answered.Reply.Finish == "length" || answered.Reply.Refusal != "" {
		attempt.Error = new("no_answer")
		return attempt, nil
	}
	attempt.Answer = &text
	if checkable, right := judge.Exact(s.in.Reference, text); checkable {
		attempt.Correct = &right
	}
	return attempt, nil
}

func (s *solving) ask(ctx context.Context, role study.Role, step, purpose string, request providers.Request) (
	*handlers.Answered, error,
) {
	alias := s.model(role)
	tiers, err := s.Caller.Resolve(ctx, s.run.Store.Queries, s.run.Job.Tenant, alias, s.run.Job.ID)
	if err != nil {
		return nil, err
	}
	var cap *handlers.Within
	if s.in.BudgetUSD != nil {
		cap = &handlers.Within{Job: s.run.Job.ID, Nano: int64(*s.in.BudgetUSD)}
	}
	return s.Caller.Ask(ctx, s.run, handlers.Step{
		Name: step, Purpose: purpose, Request: request, Tiers: tiers, Alias: alias, Within: cap,
	})
}

// verify chooses the answer: by the reference where that allows it, else by the lead model's verdicts.
func (s *solving) verify(ctx context.Context) error {
	base, lead := s.result.Attempts[0], s.result.Attempts[1]
	switch {
	case base.Correct != nil || lead.Correct != nil:
		s.byReference(base, lead)
	case base.Answer == nil:
		s.choose(lead)
	case lead.Answer == nil:
		s.choose(base)
	default:
		return s.byVerdicts(ctx, base, lead)
	}
	return nil
}

func (s *solving) byReference(base, lead tasks.SolveAttempt) {
	for _, a := range []tasks.SolveAttempt{lead, base} {
		if a.Correct != nil && *a.Correct {
			s.choose(a)
			s.result.Verified, s.result.VerifiedBy = true, new("reference")
			return
		}
	}
	if lead.Answer == nil {
		lead = base
	}
	s.choose(lead)
}

// choose makes an attempt the team's answer.
func (s *solving) choose(a tasks.SolveAttempt) {
	s.result.Answer, s.result.AnsweredBy = a.Answer, &a.Role
}

// byVerdicts has the lead model compare both answers in both orders. The lead model's answer stands where the
// verdicts prefer none or contradict each other; in the latter case it is not verified.
func (s *solving) byVerdicts(ctx context.Context, base, lead tasks.SolveAttempt) error {
	s.choose(lead)
	prompt := plainjson.Of(s.prompt)
	outcome, err := judge.Both(ctx, s.critique, judge.Case{
		Prompt: prompt, First: *base.Answer, Second: *lead.Answer, Reference: s.in.Reference,
	}, "verify")
	if refused := (*tasks.Failure)(nil); errors.Is(err, judge.ErrMalformed) || errors.As(err, &refused) {
		return nil // the answers stand unverified
	}
	if err != nil {
		return fmt.Errorf("verify the answers: %w", err)
	}
	s.noteVerdicts(outcome)
	score := outcome.Second
	if outcome.Agreed && outcome.Choice == judge.First {
		s.choose(base)
		score = outcome.First
	}
	if outcome.Agreed && score >= study.Floor {
		s.result.Verified, s.result.VerifiedBy = true, new("judged")
	}
	return nil
}

func (s *solving) critique(ctx context.Context, step string, request providers.Request) (*providers.Reply, error) {
	purpose := judge.PurposeCritique
	if strings.HasPrefix(step, "verify/2") {
		purpose = judge.PurposeVerify
	}
	answered, err := s.ask(ctx, study.Lead, step, purpose, request)
	if err != nil {
		return nil, err
	}
	return answered.Reply, nil
}

func (s *solving) noteVerdicts(outcome judge.Outcome) {
	prefers := map[judge.Choice]string{judge.First: string(study.Base), judge.Second: string(study.Lead), judge.Equal: "equal"}
	for _, v := range outcome.Orders {
		s.result.Verdicts = append(s.result.Verdicts, tasks.SolveVerdict{
			Prefers: prefers[v.Choice], BaseScore: thousandths(v.First), LeadScore: thousandths(v.Second), Reason: v.Reason,
		})
	}
}

// thousandths writes a score of thousandths as a number from 0 to 1.
func thousandths(n int64) json.Number { return json.Number(fmt.Sprintf("%d.%03d", n/1000, n%1000)) }
