package study

import (
	"fmt"
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
)

// mostSamples is how often the lead model answers one question at most. It does so again where a check refuses its
// answer, and where its number is another than the base model's: a number that comes out twice is seldom wrong
// (https://arxiv.org/abs/2203.11171).
const mostSamples = 3

// samples are the lead model's answers to one question.
type samples struct {
	*Study
	given map[string]judge.Answer
}

// best is the lead model's answer that may become the row, or the question for the next one; neither where its
// answers contradict each other, or can not be had.
func (s samples) best(replay *providers.Reply) (*providers.Reply, []Question, error) {
	drawn := newDraw(judge.Result(replay.Content))
	for n := range mostSamples {
		reply, asked, err := s.number(n)
		if err != nil || len(asked) > 0 || reply == nil {
			return nil, asked, err
		}
		checkable, right := judge.Exact(s.Experience.Reference, reply.Content)
		again := drawn.repeats(reply.Content) // it would say the same for ever
		switch {
		case checkable && !right && again:
			return nil, nil, nil
		case checkable && !right:
			continue
		case checkable, again, judge.Claim(reply.Content) == "", drawn.agrees(reply.Content):
			return reply, nil, nil
		}
	}
	return nil, nil, nil
}

// doubt tells whether the number that the row's answer gives, and that nothing can be held against, is not found
// again: neither the base model comes to it, nor one of the lead model's answers, though they give numbers.
func (s samples) doubt(replay *providers.Reply) ([]Question, bool, error) {
	claim := judge.Claim(s.answer)
	checkable, _ := judge.Exact(s.Experience.Reference, s.answer)
	if claim == "" || checkable || judge.Result(replay.Content) == claim {
		return nil, false, nil
	}
	drawn := newDraw("")
	for n := range mostSamples {
		reply, asked, err := s.number(n)
		if err != nil || len(asked) > 0 || reply == nil {
			return asked, false, err
		}
		result := judge.Result(reply.Content)
		if result == claim || n == 0 && result == "" || drawn.repeats(reply.Content) { // the same words are one opinion
			return nil, false, nil
		}
		if drawn.agrees(reply.Content) {
			return nil, true, nil
		}
	}
	return nil, true, nil
}

// SampleOf tells which of the lead model's answers a question is for: 1 is the first.
func SampleOf(q Question) int {
	for n := mostSamples; n > 1; n-- {
		if strings.HasSuffix(q.Step, fmt.Sprintf("/sample/%d", n)) {
			return n
		}
	}
	return 1
}

// number is one of the lead model's answers, or the question for it; nil where the vendor refuses it.
func (s samples) number(n int) (*providers.Reply, []Question, error) {
	stage := "improve"
	if n > 0 {
		stage = fmt.Sprintf("sample/%d", n+1)
	}
	answer, answered := s.given[s.step(stage)]
	if !answered {
		question, err := s.question(stage, PurposeImprove, Lead)
		return nil, []Question{question}, err
	}
	return answer.Reply, nil, foreign(answer.Err)
}

// draw is what answers to one question have said so far.
type draw struct {
	numbers map[string]bool
	last    string
}

func newDraw(number string) *draw { return &draw{numbers: map[string]bool{number: number != ""}} }

// agrees tells whether an answer's number came out before, and notes it.
func (d *draw) agrees(answer string) bool {
	number := judge.Result(answer)
	known := d.numbers[number]
	d.numbers[number] = number != ""
	return known
}

// repeats tells whether an answer is the one before word for word, and notes it.
func (d *draw) repeats(answer string) bool {
	again := same(d.last, answer)
	d.last = answer
	return again
}
