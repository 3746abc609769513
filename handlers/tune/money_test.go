package tune

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/providers"
)

func TestBillRefusal(t *testing.T) {
	t.Parallel()
	const dollar = 1_000_000_000
	for _, c := range []struct {
		name   string
		bill   Bill
		limit  int64
		capped bool
		want   string
	}{
		{"no cap", Bill{Hosting: math.MaxInt64}, 0, false, ""},
		{"fits", Bill{1 * dollar, 2 * dollar, 3 * dollar}, 6 * dollar, true, ""},
		{"hosting alone", Bill{Hosting: 7 * dollar}, 6 * dollar, true, "refused: hosting would cost $7 a month"},
		{"all together", Bill{1 * dollar, 3 * dollar, 3 * dollar}, 6 * dollar, true, "refused: budget of $6"},
		{"nothing left", Bill{Evaluation: 1}, -5, true, "refused: budget is used up"},
		{"beyond counting", Bill{math.MaxInt64, 1, 1}, math.MaxInt64 - 1, true, "refused: budget"},
	} {
		got := c.bill.refusal(c.limit, c.capped)
		if !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestTrainingBound(t *testing.T) {
	t.Parallel()
	if got := trainingBound(1_000_001, 3, 480_000_000); got != 1_440_001_440 {
		t.Errorf("a little over a million tokens, 3 epochs, $0.48: %d", got)
	}
	if got := trainingBound(math.MaxInt64, 3, 1); got != math.MaxInt64 {
		t.Errorf("too many tokens: %d", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.Int64Range(0, 1<<40).Draw(t, "tokens")
		rate := rapid.Int64Range(0, 1<<40).Draw(t, "rate")
		if trainingBound(tokens, 2, rate) < trainingBound(tokens, 1, rate) {
			t.Errorf("more epochs of %d tokens cost less at %d", tokens, rate)
		}
	})
}

func TestSuffix(t *testing.T) {
	t.Parallel()
	spec := providers.TrainSpec{Base: "b", Epochs: 3, Rank: 16, File: "file-1", Suffix: "x"}
	one := suffix("ftjob-1", "abc", spec)
	spec.File, spec.Suffix = "file-2", ""
	if again := suffix("ftjob-1", "abc", spec); again != one || len(one) > 40 {
		t.Errorf("the same training is called %s and %s", one, again)
	}
	other := spec
	other.Epochs = 2
	for name, got := range map[string]string{
		"training": suffix("ftjob-2", "abc", spec),
		"dataset":  suffix("ftjob-1", "abd", spec),
		"spec":     suffix("ftjob-1", "abc", other),
	} {
		if got == one {
			t.Errorf("another %s has the same suffix", name)
		}
	}
}
