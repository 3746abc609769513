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
