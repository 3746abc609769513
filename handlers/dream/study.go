package dream

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"dreamlab/handlers"
	"dreamlab/handlers/judge"
	"dreamlab/providers"
)

// verdict is why an experience is kept or not.
type verdict struct {
	how      string // verified by: reference, correction, judged; "" where it was not
	reject   string // the reason, where it was not
	why      string // the judge's words
	rejected string // the worse answer, for a preference pair
	score    int64  // thousandths
}

// refusals of a vendor that belong to one experience and not to the slice.
var ownFaults = []string{
	"content_filter", "context_length_exceeded", "invalid_request", "unsupported_parameter",
}

// examine replays, judges and checks an experience, and keeps it if that says so.
func (s *slicing) examine(ctx context.Context, p *paper) error {
	v, err := s.verdict(ctx, p)
	if errors.Is(err, judge.ErrMalformed) {
		s.reject(p, rejectMalformed, "")
		return nil
	}
	for _, code := range ownFaults {
		if handlers.Failed(err, code) {
			s.reject(p, code, "")
			return nil
		}
	}
	if err != nil {
		return err
	}
	if v.reject != "" {
		s.reject(p, v.reject, v.why)
		return nil
	}
	s.result.Counts.Verified++
	s.keep(p, v)
	return nil
}

func (s *slicing) verdict(ctx context.Context, p *paper) (verdict, error) {
	replay, err := s.replay(ctx, p)
	if err != nil {
		return verdict{}, err
	}
	s.result.Counts.Replayed++
	if v, decided := p.checked(replay.Content); decided {
		return v, nil
	}
	if p.repeats(replay.Content) {
		return verdict{reject: rejectSame, why: "the model says the same again, and nobody said that it was right"}, nil
	}
	outcome, err := judge.Both(ctx, s.asker(p), judge.Case{
		Prompt: p.prompt, First: p.answer, Second: replay.Content, Reference: p.Reference, Feedback: p.feedback(),
	}, p.ID+"/judge")
	if err != nil {
		return verdict{}, err
	}
	s.result.Counts.Judged++
	return p.judged(outcome, replay.Content), nil
}

// replay has the base model answer again; it does not see the old answer.
func (s *slicing) replay(ctx context.Context, p *paper) (*providers.Reply, error) {
	var messages []providers.Message
	if err := json.Unmarshal(p.prompt, &messages); err != nil {
		return nil, err
	}
	request := providers.Request{Messages: messages, MaxTokens: replayTokens}
	return s.ask(ctx, handlers.Step{Name: p.ID + "/replay", Purpose: "replay", Request: request}, s.Base, p)
}

// asker puts a judge's question to the lead model. The second order is the check.
func (s *slicing) asker(p *paper) judge.Ask {
	return func(ctx context.Context, step string, request providers.Request) (*providers.Reply, error) {
		purpose := "critique"
		if strings.HasPrefix(step, p.ID+"/judge/2") {
			purpose = "verify"
		}
		return s.ask(ctx, handlers.Step{Name: step, Purpose: purpose, Request: request}, s.Lead, p)
	}
}

func (s *slicing) ask(ctx context.Context, step handlers.Step, model string, p *paper) (
	*providers.Reply, error,
) {
	if err := s.makeRoom(ctx, step.Name); err != nil {
		return nil, err
	}
	tiers, err := s.Caller.Resolve(ctx, s.run.Store.Queries, s.run.Job.Tenant, model, p.Conversation)
	if err != nil {
		return nil, err
	}
	step.Tiers, step.Within = tiers, within(s.dream)
	answered, err := s.Caller.Ask(ctx, s.run, step)
	if err != nil {
		return nil, err
	}
	s.result.Live += answered.Nano
	return answered.Reply, nil
}
