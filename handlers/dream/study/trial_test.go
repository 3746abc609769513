package study

import (
	"testing"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store/learn"
)

// TestSameAnswerDecidesNothing tells a trial of which the answers are the same from one that shows
// whether the lesson helps.
func TestSameAnswerDecidesNothing(t *testing.T) {
	t.Parallel()
	one := New(learn.Experience{ID: "exp_1"})
	trial := one.Try("front", "lesson_1")
	said := func(with, without string) map[string]judge.Answer {
		return map[string]judge.Answer{
			trial.step + "/with": {Reply: &providers.Reply{Content: with}}, one.Replay(): {Reply: &providers.Reply{Content: without}},
		}
	}
	if trial.Decided(said("Ask for the number.", "Ask for the number.")) || !trial.Decided(said("Ask first.", "No.")) {
		t.Error("the same answer decides, or another one does not")
	}
}

// TestATrialThatIsUndecidedAsksNoSecondOrder asks about the second order only where it can make a difference.
func TestATrialThatIsUndecidedAsksNoSecondOrder(t *testing.T) {
	t.Parallel()
	trial := New(said(func(e *learn.Experience) { e.ID = "exp_1" })).Try("front", "lesson_1")
	for verdict, want := range map[string]string{
		forNeither: "", forA: "verifier exp_1/lesson_1/2 verify", forB: "verifier exp_1/lesson_1/2 verify",
	} {
		questions, gain, err := trial.Next(map[string]judge.Answer{
			"exp_1/replay": reply("13"), "exp_1/lesson_1/with": reply("A dozen."), "exp_1/lesson_1/1": reply(verdict),
		})
		if names(questions) != want || gain != 0 || err != nil {
			t.Errorf("%s: asked %q, gain %d, %v", verdict, names(questions), gain, err)
		}
	}
}
