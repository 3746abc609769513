package study

import (
	"errors"
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/handlers/judge/screen"
	"dreamlab/providers"
)

// Trial tries a lesson on an experience: the base model answers it with the lesson in front and
// without, and the lead model compares. Like a study it is a pure stepper.
type Trial struct {
	study *Study
	front string // the message that holds the lesson
	step  string
}

// Try begins the trial of a lesson, under a step that tells it from others.
func (s *Study) Try(front, step string) *Trial { return &Trial{s, front, s.step(step)} }

// Replay is the step of the base model's answer without a lesson, which a study has asked for.
func (s *Study) Replay() string { return s.step("replay") }

// Next returns the next questions, or else what the lesson did: 1 where it helped, -1 where it
// harmed, 0 where it changed nothing that counts.
func (t *Trial) Next(given map[string]judge.Answer) ([]Question, int, error) {
	without, answered := given[t.study.Replay()]
	if !answered {
		question, err := t.study.question("replay", PurposeReplay, Base)
		return []Question{question}, 0, err
	}
	with, answered := given[t.step+"/with"]
	if !answered {
		question, err := t.with()
		return []Question{question}, 0, err
	}
	for _, a := range []judge.Answer{without, with} {
		if a.Err != nil {
			return nil, 0, foreign(a.Err)
		}
	}
	if gain, decided := t.checked(with.Reply, without.Reply); decided {
		return nil, gain, nil
	}
	return t.judged(with.Reply.Content, without.Reply.Content, given)
}

// Decided tells whether the answers with and without the lesson differ: the same words show nothing
// of it.
func (t *Trial) Decided(given map[string]judge.Answer) bool {
	with, without := given[t.step+"/with"].Reply, given[t.study.Replay()].Reply
	return with == nil || without == nil || !same(with.Content, without.Content)
}

// with asks the base model with the lesson in front.
func (t *Trial) with() (Question, error) {
	question, err := t.study.question("replay", PurposeReplay, Base)
	question.Step = t.step + "/with"
	front := providers.TextMessage("system", t.front)
	question.Request.Messages = append([]providers.Message{front}, question.Request.Messages...)
	return question, err
}

// checked decides what no judge has to be asked about.
func (t *Trial) checked(with, without *providers.Reply) (gain int, decided bool) {
	switch {
	case unfinished(without):
		return 0, true // there is nothing to compare with
	case unfinished(with), screen.Reason(t.study.messages(), with.Content) != "":
		return -1, true
	case same(with.Content, without.Content):
		return 0, true
	}
	reference := t.study.Experience.Reference
	checkable, right := judge.Exact(reference, with.Content)
	if !checkable {
		return 0, false
	}
	_, before := judge.Exact(reference, without.Content)
	return count(right) - count(before), true
}

func (t *Trial) judged(with, without string, given map[string]judge.Answer) ([]Question, int, error) {
	undecided := func(v judge.Verdict) bool { return v.Choice == judge.Equal } // the other order can not make it agree
	outcome, asked, err := judge.NextUnless(undecided, judge.Case{
		Prompt: t.study.prompt, First: strings.TrimSpace(with), Second: strings.TrimSpace(without),
		Reference: t.study.Experience.Reference,
	}, t.step, given)
	if err != nil || len(asked) > 0 {
		return t.study.toJudges(asked), 0, unreadable(err)
	}
	if !outcome.Agreed {
		return nil, 0, nil
	}
	return nil, count(outcome.Choice == judge.First) - count(outcome.Choice == judge.Second), nil
}

// unreadable forgives what is the fault of one verdict: it decides nothing.
func unreadable(err error) error {
	if err == nil || errors.Is(err, judge.ErrMalformed) {
		return nil
	}
	return foreign(err)
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
