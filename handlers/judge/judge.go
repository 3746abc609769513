// Package judge is the room of judgement: it asks a model which of two answers
// is better, twice and in both orders, and it checks by itself what can be
// checked without a model: a number, a word, a JSON document against a
// reference, a refusal, an error's text.
//
// It keeps nothing and pays nothing: how a question is asked and who answers is
// the caller's [Ask]. Dreams judge what was said with it, tunes what a new
// model says.
package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dreamlab/providers"
)

// ErrMalformed means that a judge gave no verdict that could be read, twice.
var ErrMalformed = errors.New("the judge's verdict could not be read")

// Ask asks the judge. The step names the question, so that a repetition finds
// its answer and pays nothing.
type Ask func(ctx context.Context, step string, req providers.Request) (*providers.Reply, error)

// Case is two answers to one conversation.
type Case struct {
	Prompt    json.RawMessage // the messages before the answer, a JSON list
	First     string
	Second    string
	Reference string // the right answer, "" where nobody knows it
	Feedback  string // what the user said of the answer, "" where nothing
}

// Swapped returns the case with its answers in the other order.
func (c Case) Swapped() Case {
	c.First, c.Second = c.Second, c.First
	return c
}

// Choice is which of two answers is better.
type Choice string

// The choices.
const (
	First  Choice = "first"
	Second Choice = "second"
	Equal  Choice = "equal"
)

func (c Choice) swapped() Choice {
	switch c {
	case First:
		return Second
	case Second:
		return First
	}
	return c
}

// Verdict is one judgement.
type Verdict struct {
	Choice Choice `json:"choice"`
	// Scores of the two answers, in thousandths of the best.
	First  int64  `json:"first"`
	Second int64  `json:"second"`
	Reason string `json:"reason"`
}

// Swapped returns the verdict as it reads with the answers in the other order.
func (v Verdict) Swapped() Verdict {
	v.Choice = v.Choice.swapped()
	v.First, v.Second = v.Second, v.First
	return v
}

// Outcome is what both orders came to.
type Outcome struct {
	Choice Choice `json:"choice"` // Equal where the orders disagree
	Agreed bool   `json:"agreed"`
	// Scores are means over both orders, in thousandths.
	First  int64  `json:"first"`
	Second int64  `json:"second"`
	Reason string `json:"reason"` // of the first judgement
}

// Once asks in the case's own order. A verdict that can not be read is asked
// for once more, as the step "<step>/again"; the second fails with
// [ErrMalformed].
func Once(ctx context.Context, ask Ask, c Case, step string) (Verdict, error) {
	req, err := Request(c)
	if err != nil {
		return Verdict{}, err
	}
	verdict, err := askOnce(ctx, ask, req, step)
	if errors.Is(err, ErrMalformed) {
		verdict, err = askOnce(ctx, ask, req, step+"/again")
	}
	return verdict, err
}

func askOnce(ctx context.Context, ask Ask, req providers.Request, step string) (Verdict, error) {
	reply, err := ask(ctx, step, req)
	var failure *providers.Error
	if errors.As(err, &failure) && failure.Kind == providers.KindModelOutput {
		return Verdict{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err != nil {
		return Verdict{}, err
	}
	return Parse(reply)
}

// Both asks in both orders, as the steps "<step>/1" and "<step>/2". Judges
// prefer what they are shown first (https://arxiv.org/abs/2306.05685), so two
// orders that disagree are a tie.
func Both(ctx context.Context, ask Ask, c Case, step string) (Outcome, error) {
	one, err := Once(ctx, ask, c, step+"/1")
	if err != nil {
		return Outcome{}, err
	}
	two, err := Once(ctx, ask, c.Swapped(), step+"/2")
	if err != nil {
		return Outcome{}, err
	}
	return Join(one, two.Swapped()), nil
}

// Join makes one outcome of two verdicts that read in the same order.
func Join(one, two Verdict) Outcome {
	out := Outcome{
		Choice: Equal, Agreed: one.Choice == two.Choice, Reason: one.Reason,
		First: (one.First + two.First) / 2, Second: (one.Second + two.Second) / 2,
	}
	if out.Agreed {
		out.Choice = one.Choice
	}
	return out
}
