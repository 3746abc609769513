package exam

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dreamlab/store/learn"
)

// judged makes comparisons of n conversations with the given choices, repeated.
func judged(n int, choices ...learn.Outcome) []Comparison {
	comparisons := make([]Comparison, n)
	for i := range comparisons {
		comparisons[i] = Comparison{Conversation: fmt.Sprint(i), Outcome: choices[i%len(choices)]}
	}
	return comparisons
}

// sat is the report of a first exam of these comparisons.
func sat(comparisons []Comparison) learn.Report {
	return Gate{}.Filled().Report(Sitting{
		Judge: "judge", Look: NextLook(Look{}, false, time.Unix(0, 0)), Fresh: comparisons,
	})
}

func TestGate(t *testing.T) {
	t.Parallel()
	worse := judged(60, learn.Win)
	for i := range worse {
		worse[i].Checked, worse[i].CandidateHit, worse[i].IncumbentHit = true, i%2 == 0, true
	}
	refusing := judged(60, learn.Win)
	for i := range 10 {
		refusing[i].Candidate.Refused = true
	}
	silent := judged(10, learn.Win)
	formless := judged(60, learn.Win)
	for i := range 5 {
		silent[i].Candidate.Failed, formless[i].Candidate.Form = true, true
	}
	for _, c := range []struct {
		name, decision, reason string
		comparisons            []Comparison
	}{
		{"all won", Promote, "better: win rate 100.00%", judged(60, learn.Win)},
		{"most won", Promote, "better", judged(60, learn.Win, learn.Win, learn.Tie)},
		{"all lost", Refuse, "not better: win rate 0.00%", judged(60, learn.Loss)},
		{"ties", Refuse, "not better: win rate 50.00%", judged(60, learn.Tie)},
		{"equal", Refuse, "not better", judged(200, learn.Win, learn.Loss)},
		{"seems better", Refuse, "not better: win rate 66.67%", judged(30, learn.Win, learn.Win, learn.Loss)},
		{"few", Undecided, "undecided: 29 held-out conversations of 30", judged(29, learn.Win)},
		{"none", Undecided, "undecided: 0 held-out", nil},
		{"preferred but wrong", Refuse, "floor exact: 50.00% against 100.00%", worse},
		{"preferred but refusing", Refuse, "floor refusals: 16.66% against 0.00%", refusing},
		{"few and failing", Refuse, "floor failures: 50.00%", silent},
		{"formless", Refuse, "floor form: 8.33%", formless},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := sat(c.comparisons)
			if r.Decision != c.decision || !strings.HasPrefix(r.Reason, c.reason) {
				t.Errorf("%s: %s", r.Decision, r.Reason)
			}
			if r.Wins+r.Ties+r.Losses != r.Papers {
				t.Errorf("report %+v does not add up", r)
			}
		})
	}
}

// One conversation of a hundred turns is one voice.
func TestConversationsAreDrawnWhole(t *testing.T) {
	t.Parallel()
	talkative := judged(40, learn.Loss)
	for range 400 {
		talkative = append(talkative, Comparison{Conversation: "0", Outcome: learn.Win})
	}
	r := sat(talkative)
	if r.Decision == Promote || r.WinRate > 5_000 {
		t.Errorf("one conversation decided: %+v", r)
	}
}

// drawn are the scores of n conversations in which the candidate wins with a probability, but for
// the share of ties.
func drawn(dice *rand.Rand, n int, win, ties float64) scores {
	s := scores{n: n}
	for range n {
		switch {
		case dice.Float64() < ties:
			s.mean += 0.5 / float64(n)
			s.split += 0.25 / float64(n)
		case dice.Float64() < win:
			s.mean += 1 / float64(n)
		}
	}
	return s
}

// A year of nights, each with an exam of a model that is not better, promotes one in at most 5 %
// of the years: whatever the exams' size and their share of ties, and without any margin. A
// simulated year ends at its first false promotion. Of 400 years 28 would be more than 5 % by
// more than chance explains (once in 20 such tests).
func TestAYearOfEqualModels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		papers int
		ties   float64
		margin int64
		most   int
	}{{40, 0, 1, 28}, {60, 0.3, 1, 28}, {200, 0.1, 1, 28}, {60, 0.3, 200, 20}, {200, 0.1, 200, 20}} {
		t.Run(fmt.Sprintf("%d papers, margin %d", c.papers, c.margin), func(t *testing.T) {
			t.Parallel()
			gate, dice := Gate{Margin: c.margin}.Filled(), rand.New(rand.NewPCG(7, uint64(c.papers)))
			wrong := 0
			for range 400 {
				wrong += one(yearPromotes(gate, func() scores { return drawn(dice, c.papers, 0.5, c.ties) }))
			}
			t.Logf("%d of 400 years had a false promotion", wrong)
			if wrong > c.most {
				t.Errorf("%d of 400 years had a false promotion", wrong)
			}
		})
	}
}

// yearPromotes tells whether one of 365 nights promotes, by the gate's own rule.
func yearPromotes(g Gate, sit func() scores) bool {
	now, look := time.Unix(0, 0), Look{}
	for range nights {
		look = NextLook(look, false, now)
		if sit().bound(look.Alpha) > g.bar() {
			return true
		}
		now = now.Add(24 * time.Hour)
	}
	return false
}

// What the year spends stays within its alpha, and what a promotion spent comes back.
func TestAlphaIsSpentOverTheYear(t *testing.T) {
	t.Parallel()
	now, look, sum := time.Unix(0, 0), Look{}, int64(0)
	for night := range 2 * nights {
		look = NextLook(look, false, now)
		if night == nights {
			if look.Number != 1 || sum > yearlyAlpha || sum < yearlyAlpha*9/10 {
				t.Errorf("after a year: look %d, spent %d of %d", look.Number, sum, yearlyAlpha)
			}
			sum = 0
		}
		sum += look.Alpha
		now = now.Add(24 * time.Hour)
	}
	if sum > yearlyAlpha {
		t.Errorf("the second year spent %d of %d", sum, yearlyAlpha)
	}
	first := NextLook(Look{}, false, now)
	if again := NextLook(first, true, now); again.Alpha != spend(2)+first.Alpha {
		t.Errorf("after a promotion the second look has %d", again.Alpha)
	}
}

// A model that is five points better is found with 80 % by as many conversations as the plan
// says, and one at the win rate that the plan calls detectable by those at hand.
func TestThePlanKeepsItsWord(t *testing.T) {
	t.Parallel()
	gate, look := Gate{}.Filled(), NextLook(Look{}, false, time.Unix(0, 0))
	plan := gate.Plan(60, look)
	for name, c := range map[string]struct {
		papers    int
		win, ties float64
	}{
		"five points": {plan.Needed, 0.55, 0},
		// A win rate of 55 % all the same: 57.1 % of what is no tie.
		"five points, with ties": {plan.Needed, 0.5 + 0.05/0.7, 0.3},
		"detectable":             {60, float64(plan.Detectable) / whole, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dice, found := rand.New(rand.NewPCG(9, uint64(c.papers))), 0
			for range 2_000 {
				found += one(drawn(dice, c.papers, c.win, c.ties).bound(look.Alpha) > gate.bar())
			}
			t.Logf("%d papers, win rate %v: found %d of 2,000", c.papers, c.win, found)
			if found < 1_600 {
				t.Errorf("%d papers found a win rate of %v %d times of 2,000", c.papers, c.win, found)
			}
		})
	}
}

func TestPlanSaysWhatCannotBeDecided(t *testing.T) {
	t.Parallel()
	gate, first := Gate{}.Filled(), NextLook(Look{}, false, time.Unix(0, 0))
	late := Look{Number: 300, Alpha: spend(300)}
	for _, c := range []struct {
		papers int
		look   Look
		why    string
	}{
		{0, first, "0 held-out conversations of 30 needed"},
		{29, first, "29 held-out conversations of 30 needed"},
		{30, first, ""},
		{30, late, "30 held-out conversations find no model below a win rate of"},
		{100, late, ""},
	} {
		if got := gate.Plan(c.papers, c.look).Undecidable; !strings.HasPrefix(got, c.why) || (got == "") != (c.why == "") {
			t.Errorf("%d papers at look %d: %q", c.papers, c.look.Number, got)
		}
	}
}

// Floors are tests: an equal model that fails half the papers keeps them nearly always, and one
// that is 20 points worse does not.
func TestFloorsAreTests(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(11, 11))
	broken := func(candidate, incumbent float64) (n int) {
		for range 400 {
			var p pairs
			for range 100 {
				p.add(dice.Float64() < candidate, dice.Float64() < incumbent)
			}
			n += one(!p.floor(200).Passed)
		}
		return n
	}
	if n := broken(0.5, 0.5); n > 28 {
		t.Errorf("an equal model broke the floor %d times of 400", n)
	}
	if n := broken(0.45, 0.5); n > 8 {
		t.Errorf("a better model broke the floor %d times of 400", n)
	}
	if n := broken(0.7, 0.5); n < 320 {
		t.Errorf("a worse model broke the floor %d times of 400", n)
	}
}

func TestVoidExams(t *testing.T) {
	t.Parallel()
	comparisons := judged(60, learn.Win)
	for i := range comparisons {
		comparisons[i].Judged, comparisons[i].Agreed = true, i%10 < 6
	}
	if r := sat(comparisons); r.Decision != Undecided || !strings.HasPrefix(r.Reason, "undecided: the exam is void") {
		t.Errorf("%s: %s", r.Decision, r.Reason)
	}
}

// Checked and judged papers are tested apart: many judged ones do not make up for the others.
func TestGroupsHoldApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		choice learn.Outcome
		hit    bool
		want   string
	}{
		"worse where checked": {learn.Loss, true, "the checked papers do not hold"},
		"right nowhere":       {learn.Tie, false, "the checked papers do not hold"},
		"equal where checked": {learn.Tie, true, "better"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			comparisons := judged(200, learn.Win)
			for i := range comparisons[:20] {
				p := &comparisons[i]
				p.Checked, p.Outcome, p.CandidateHit, p.IncumbentHit = true, c.choice, c.hit, c.hit
			}
			if r := sat(comparisons); !strings.HasPrefix(r.Reason, c.want) {
				t.Errorf("%s: %s", r.Decision, r.Reason)
			}
		})
	}
}

// What earlier exams had may not get worse.
func TestRegressionsRefuse(t *testing.T) {
	t.Parallel()
	s := Sitting{Look: NextLook(Look{}, false, time.Unix(0, 0)), Fresh: judged(100, learn.Win),
		Regression: judged(20, learn.Loss)}
	r := Gate{}.Filled().Report(s)
	if r.Decision != Refuse || !strings.HasPrefix(r.Reason, "the regression papers do not hold") || r.Papers != 100 {
		t.Errorf("%s: %s of %d", r.Decision, r.Reason, r.Papers)
	}
}

func TestCheaperModels(t *testing.T) {
	t.Parallel()
	s := Sitting{Look: NextLook(Look{}, false, time.Unix(0, 0)), Fresh: judged(400, learn.Win, learn.Loss)}
	if r := (Gate{}).Filled().Report(s); r.Decision != Refuse {
		t.Errorf("without a setting: %s", r.Reason)
	}
	if r := (Gate{Cheaper: 800}).Filled().Report(s); r.Decision != Promote || !strings.HasPrefix(r.Reason, "cheaper") {
		t.Errorf("with a setting: %s", r.Reason)
	}
}

// A candidate that wins by its length alone is shown to.
func TestLengthIsTakenOut(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(5, 5))
	comparisons := make([]Comparison, 400)
	for i := range comparisons {
		bytes, choice := [2]int{200, 100}, learn.Win
		if dice.Float64() < 0.2 {
			bytes, choice = [2]int{100, 200}, learn.Loss
		}
		if dice.Float64() < 0.2 { // the judge does not look at the length alone
			choice = []learn.Outcome{learn.Win, learn.Loss}[dice.IntN(2)]
		}
		comparisons[i] = Comparison{Conversation: fmt.Sprint(i), Outcome: choice, Bytes: bytes}
	}
	r := sat(comparisons)
	if r.WinRate < 7_000 || r.LengthEven < 4_500 || r.LengthEven > 6_000 {
		t.Errorf("win rate %d, %d at equal lengths", r.WinRate, r.LengthEven)
	}
}

func TestIntervalHoldsTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		choices := rapid.SampledFrom([]learn.Outcome{learn.Win, learn.Tie, learn.Loss})
		comparisons := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Comparison {
			return Comparison{
				Conversation: fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "conversation")),
				Outcome:      choices.Draw(t, "choice"),
			}
		}), 1, 80).Draw(t, "comparisons")
		r := sat(comparisons)
		if r.Low > r.WinRate || r.WinRate > r.High || r.Low < 0 || r.High > whole || r.Bound > r.WinRate {
			t.Errorf("%d is not in %d to %d, or below %d", r.WinRate, r.Low, r.High, r.Bound)
		}
		slices.Reverse(comparisons)
		if again := sat(comparisons); again.Low != r.Low || again.High != r.High || again.LengthEven != r.LengthEven {
			t.Errorf("another order gave %d to %d instead of %d to %d", again.Low, again.High, r.Low, r.High)
		}
	})
}
