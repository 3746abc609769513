// Package judge compares two answers: it asks a model which one is better, once in each order,
// and it checks without a model what can be checked so: a number, a word or a JSON document
// against a reference, a refusal, an error's text.
//
// It stores nothing and calls no model: [Next] is pure, and its caller gets the answers to the
// questions, one by one or in a batch. Dreams use it for the answers of conversations, tunes
// for those of a new model.
package judge

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"dreamlab/providers"
)

// ErrMalformed means that a judge gave no verdict that could be read, twice.
var ErrMalformed = errors.New("the judge's verdict could not be read")

// The purposes of the entries of a judgement: the first order, and the second.
const (
	PurposeCritique = "critique"
	PurposeVerify   = "verify"
)

// Question is a question to a model. Its answer is stored under the step, so that a
// repetition costs nothing.
type Question struct {
	Step    string
	Purpose string // of the entry
	Request providers.Request
	Again   bool // its first answer could not be read: it is asked alone
	Turned  bool // it shows the second answer of its case first
}

// Answer is the reply to a question, or its error.
type Answer struct {
	Reply *providers.Reply
	Err   error
}

// Ask asks the judge.
type Ask func(ctx context.Context, step string, req providers.Request) (*providers.Reply, error)

// Case holds two answers to one conversation.
type Case struct {
	Prompt    json.RawMessage // the messages before the answer, a JSON list
	First     string
	Second    string
	Reference string // the right answer, "" where none is known
	Feedback  string // the user's feedback on the answer, "" where nothing
}

// Swapped returns the case with its answers in the other order.
func (c Case) Swapped() Case {
	c.First, c.Second = c.Second, c.First
	return c
}

// Choice says which of two answers is better.
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

// Swapped returns the verdict for the answers in the other order.
func (v Verdict) Swapped() Verdict {
	v.Choice = v.Choice.swapped()
	v.First, v.Second = v.Second, v.First
	return v
}

// Outcome is the result of both orders.
type Outcome struct {
	Choice Choice `json:"choice"` // Equal where the orders disagree
	Agreed bool   `json:"agreed"`
	// Scores are means over both orders, in thousandths.
	First  int64  `json:"first"`
	Second int64  `json:"second"`
	Reason string `json:"reason"` // of the first judgement
	// Orders are the two judgements, both for the answers in the case's order.
	Orders [2]Verdict `json:"-"`
}

// Next judges a case in both orders, as the steps "<step>/1" and "<step>/2". From the
// answers so far, by step, it returns the questions that can be asked next, or else the
// outcome. Judges prefer what they are shown first (https://arxiv.org/abs/2306.05685),
// so two orders that disagree are a tie.
//
// A verdict that cannot be read is asked for once more, as "<step>/1/again"; if that one cannot
// be read either, Next fails with [ErrMalformed]. Any other error of an answer is returned
// unchanged.
func Next(c Case, step string, given map[string]Answer) (Outcome, []Question, error) {
	one, first, err := order(c, step+"/1", PurposeCritique, given)
	if err != nil {
		return Outcome{}, nil, err
	}
	two, second, err := order(c.Swapped(), step+"/2", PurposeVerify, given)
	if err != nil {
		return Outcome{}, nil, err
	}
	if asked := append(first, second...); len(asked) > 0 {
		return Outcome{}, asked, nil
	}
	return Join(one, two.Swapped()), nil, nil
}

// NextUnless is Next for a caller to whom the first judgement may be enough: where it is, the second order is not
// asked about, and counts as saying the same. Half of the cases, by what they say, show their second answer first in
// the first order: where many are judged together, what is to be kept does not stand first in all of them.
func NextUnless(enough func(Verdict) bool, c Case, step string, given map[string]Answer) (Outcome, []Question, error) {
	turned := c.turned()
	one, asked, err := c.judged(turned, step+"/1", PurposeCritique, given)
	switch {
	case err != nil || len(asked) > 0:
		return Outcome{}, asked, err
	case enough(one):
		return Join(one, one), nil, nil
	}
	two, asked, err := c.judged(!turned, step+"/2", PurposeVerify, given)
	if err != nil || len(asked) > 0 {
		return Outcome{}, asked, err
	}
	return Join(one, two), nil, nil
}

// turned tells half of the cases from the others.
func (c Case) turned() bool {
	sum := sha256.Sum256([]byte(c.First + "\n" + c.Second + "\n" + string(c.Prompt)))
	return sum[0]&1 == 1
}

// judged is order for a case that may show its second answer first. The verdict is on the answers in the case's order.
func (c Case) judged(turned bool, step, purpose string, given map[string]Answer) (Verdict, []Question, error) {
	if !turned {
		return order(c, step, purpose, given)
	}
	verdict, asked, err := order(c.Swapped(), step, purpose, given)
	for i := range asked {
		asked[i].Turned = true
	}
	return verdict.Swapped(), asked, err
}

// order judges in the case's own order: it returns the verdict, or the next question.
func order(c Case, step, purpose string, given map[string]Answer) (Verdict, []Question, error) {
	var malformed error
	for i, name := range []string{step, step + "/again"} {
		answer, answered := given[name]
		if !answered {
			request, err := Request(c)
			return Verdict{}, []Question{{Step: name, Purpose: purpose, Request: request, Again: i > 0}}, err
		}
		verdict, err := read(answer)
		if !errors.Is(err, ErrMalformed) {
			return verdict, nil, err
		}
		malformed = err
	}
	return Verdict{}, nil, malformed
}

// read reads the verdict of an answer. An answer that the vendor itself reports as malformed is
// malformed here too.
func read(a Answer) (Verdict, error) {
	var failure *providers.Error
	if errors.As(a.Err, &failure) && failure.Kind == providers.KindModelOutput {
		return Verdict{}, fmt.Errorf("%w: %w", ErrMalformed, a.Err)
	}
	if a.Err != nil {
		return Verdict{}, a.Err
	}
	return Parse(a.Reply)
}

// Both asks the questions of [Next] one after the other.
func Both(ctx context.Context, ask Ask, c Case, step string) (Outcome, error) {
	given := map[string]Answer{}
	for {
		outcome, asked, err := Next(c, step, given)
		if err != nil || len(asked) == 0 {
			return outcome, err
		}
		reply, err := ask(ctx, asked[0].Step, asked[0].Request)
		given[asked[0].Step] = Answer{reply, err}
	}
}

// Join combines two verdicts that are in the same order into one outcome.
func Join(one, two Verdict) Outcome {
	out := Outcome{
		Choice: Equal, Agreed: one.Choice == two.Choice, Reason: one.Reason,
		First: (one.First + two.First) / 2, Second: (one.Second + two.Second) / 2, Orders: [2]Verdict{one, two},
	}
	if out.Agreed {
		out.Choice = one.Choice
	}
	return out
}
