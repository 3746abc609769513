package dream

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/handlers/dream/presidio"
	"dreamlab/handlers/dream/study"
	"dreamlab/handlers/judge"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// study drives the study of one experience to its verdict.
func (s *sliceRun) study(ctx context.Context, id string) error {
	e, err := s.run.Store.Experience(ctx, s.run.Job.Tenant, id)
	if errors.Is(err, db.ErrNotFound) {
		s.result.Counts.Reject(rejectForgotten, 1) // deleted while it was dreamt of
		return nil
	}
	if err != nil {
		return fmt.Errorf("read an experience: %w", err)
	}
	if e.Dream != s.dream.ID {
		s.result.Counts.Reject(rejectReopened, 1) // feedback came while it was dreamt of
		return nil
	}
	one := study.New(e)
	if one.Rejected() == "" {
		known, err := s.knows(ctx, one)
		if err != nil {
			return err
		}
		if known {
			one.RejectDuplicate()
		}
	}
	if err := s.recall(ctx, one); err != nil {
		return err
	}
	verdict, err := s.drive(ctx, one)
	if err == nil && verdict.Reject == "" {
		verdict, err = s.checked(ctx, one, verdict)
	}
	if errors.Is(err, presidio.ErrUnchecked) {
		s.unchecked(id, err)
		return nil
	}
	if err == nil {
		s.note(one, verdict)
	}
	return err
}

// checked is the verdict on a row in which the service looked for personal data.
func (w *worker) checked(ctx context.Context, one *study.Study, v study.Verdict) (study.Verdict, error) {
	found, err := w.Settings.Personal.Finds(ctx, one.Said(v))
	if found != "" {
		v = study.Verdict{Reject: study.Personal, Why: "the row holds personal data: " + found, Replayed: v.Replayed, Judged: v.Judged}
	}
	return v, err
}

// unchecked gives an experience back to another dream, and stops this one: what it pays for could not be kept.
func (s *sliceRun) unchecked(id string, why error) {
	s.leave(rejectUnchecked, []string{id})
	if s.dream.Stopped == "" {
		s.stopped = "personal data can not be looked for: " + why.Error()
	}
}

// drive asks one question after the other until there is a verdict.
func (s *sliceRun) drive(ctx context.Context, one *study.Study) (study.Verdict, error) {
	given := map[string]judge.Answer{}
	for {
		questions, verdict, err := one.Next(given)
		if err != nil || len(questions) == 0 {
			return verdict, err
		}
		reply, err := s.ask(ctx, questions[0], one.Experience.Conversation)
		if errors.Is(err, errLater) {
			return verdict, err
		}
		given[questions[0].Step] = judge.Answer{Reply: reply, Err: err}
	}
}

// knows tells whether the row stands already.
func (s *sliceRun) knows(ctx context.Context, one *study.Study) (bool, error) {
	content := one.Content()
	if s.contents[content] {
		return true, nil
	}
	known, err := s.run.Store.HasExample(ctx, s.run.Job.Tenant, one.Experience.Alias, content, s.dream.ID)
	if err != nil {
		return false, fmt.Errorf("look for the same example: %w", err)
	}
	return known, nil
}

// mostRecalled bounds the rows with the same answer that are looked at.
const mostRecalled = 16

// recall shows a study the rows of other dreams that have its answer.
func (s *sliceRun) recall(ctx context.Context, one *study.Study) error {
	sum := one.AnswerSum()
	if sum == "" {
		return nil
	}
	e := one.Experience
	rows, err := s.run.Store.AnswerExamples(ctx, e.Tenant, e.Alias, sum, s.dream.ID, mostRecalled)
	if err != nil {
		return fmt.Errorf("look for the same answer: %w", err)
	}
	one.Know(rows)
	return nil
}

// note counts a verdict, and keeps the row where it says so.
func (s *sliceRun) note(one *study.Study, v study.Verdict) {
	counts := &s.result.Counts
	counts.Replayed += count(v.Replayed)
	counts.Judged += count(v.Judged)
	found := finding{Experience: one.Experience.ID, Verdict: v.Reject, Reason: v.Why}
	switch v.Reject {
	case "":
		counts.Verified++
		counts.Kept++
		counts.Improved += count(v.Improved != "")
		found.Kept, found.Verdict, found.Score = true, v.VerifiedBy, v.Score
		s.keep(one.Example(v))
	case study.HeldOut:
		counts.HeldOut++
		counts.Reject(v.Reject, 1)
		return // nothing may be learned from it
	default:
		counts.Reject(v.Reject, 1)
	}
	s.result.Findings = append(s.result.Findings, found)
}

func (s *sliceRun) keep(e learn.Example) {
	e.ID, e.Dream = db.NewID("exm_"), s.dream.ID
	s.contents[e.Content] = true
	s.examples = append(s.examples, e)
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
