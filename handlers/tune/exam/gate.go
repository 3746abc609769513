package exam

import (
	"cmp"
	"fmt"

	"dreamlab/store/learn"
)

// Gate says what a candidate has to reach, in ten-thousandths. Zero fields take
// their defaults.
type Gate struct {
	// Margin is how far above one half the lower bound of the win rate has to
	// be. Defaults to 200.
	Margin int64
	// Allowance is how much worse than the incumbent a floor's rate may be even
	// where it is shown to be worse. Defaults to 200.
	Allowance int64
	// Conversations is how many held-out conversations decide. Defaults to 30.
	Conversations int
	// Agreement is how often the two orders of the judge have to agree. Defaults
	// to 7,000: below it the exam is void.
	Agreement int64
	// Detect is the true win rate that an exam has to find with a probability of
	// 80 %, or it is not begun. Defaults to 8,200.
	Detect int64
	// Cheaper is how much below one half the lower bound of the win rate may be, where
	// the candidate costs less than the incumbent. Defaults to 0: it has to be better.
	Cheaper int64
	// Same tells that candidate and incumbent are the same weights at two places, which Cheaper is for, too.
	Same bool
}

// Filled returns the gate with its defaults.
func (g Gate) Filled() Gate {
	g.Margin = cmp.Or(g.Margin, 200)
	g.Allowance = cmp.Or(g.Allowance, 200)
	g.Conversations = cmp.Or(g.Conversations, 30)
	g.Agreement = cmp.Or(g.Agreement, 7_000)
	g.Detect = cmp.Or(g.Detect, 8_200)
	return g
}

// The gate's decisions.
const (
	Promote   = "promote"
	Refuse    = "refuse"
	Undecided = "undecided"
)

// The groups of papers that are tested apart.
const (
	GroupChecked    = "checked"    // an exact check decided
	GroupJudged     = "judged"     // the judge decided, or both answers are the same
	GroupRegression = "regression" // of the set that every exam has
)

// smallGroup is how many papers a group needs to be tested apart.
const smallGroup = 10

// Errors of the first kind that single tests are allowed.
const (
	both    = 25_000 // on each side of a 95 % interval
	oneSide = 50_000 // of a test whether something is worse
)

// Report makes the report of an exam and decides.
func (g Gate) Report(s Sitting) learn.Report {
	all := scoresOf(s.Fresh)
	low, high := all.interval(quantile(both))
	r := learn.Report{
		Judge: s.Judge, Seed: s.Seed, Look: s.Look, Conversations: all.n, Papers: len(s.Fresh), Margin: g.Margin,
		Cheaper: g.Cheaper, Same: g.Same,
		WinRate: tenThousandths(all.mean), Low: tenThousandths(low), High: tenThousandths(high),
		Bound: tenThousandths(all.bound(s.Look.Alpha)), LengthEven: tenThousandths(lengthEven(s.Fresh)),
		Groups: groups(s),
	}
	if all.n == 0 {
		r.WinRate = 0
	}
	count(&r, s.Fresh)
	r.Planted = s.Planted
	r.Floors = g.floors(append(append([]Comparison{}, s.Fresh...), s.Regression...), s.Planted)
	r.Decision, r.Reason = g.decide(r)
	return r
}

func count(r *learn.Report, comparisons []Comparison) {
	judged, agreed := 0, 0
	for _, p := range comparisons {
		r.Wins += one(p.Outcome == learn.Win)
		r.Ties += one(p.Outcome == learn.Tie)
		r.Losses += one(p.Outcome == learn.Loss)
		r.Checked += one(p.Checked)
		r.CandidateHit += one(p.CandidateHit)
		r.IncumbentHit += one(p.IncumbentHit)
		judged += one(p.Judged)
		agreed += one(p.Agreed)
	}
	r.Agreement = share(agreed, judged)
	if judged == 0 {
		r.Agreement = whole // nothing was judged, so nothing was disagreed on
	}
}

// groups tests the parts of the papers apart. A group holds unless it is shown to be worse; the
// checked one holds only where the candidate is right at all.
func groups(s Sitting) map[string]learn.Group {
	var checked, judged []Comparison
	hits := 0
	for _, p := range s.Fresh {
		if p.Checked {
			checked = append(checked, p)
			hits += one(p.CandidateHit)
		} else {
			judged = append(judged, p)
		}
	}
	out := map[string]learn.Group{
		GroupChecked: group(checked), GroupJudged: group(judged), GroupRegression: group(s.Regression),
	}
	if c := out[GroupChecked]; c.Papers >= smallGroup && hits == 0 {
		c.Passed = false
		out[GroupChecked] = c
	}
	return out
}

func group(comparisons []Comparison) learn.Group {
	s := scoresOf(comparisons)
	low, high := s.interval(quantile(both))
	_, highest := s.interval(quantile(oneSide))
	return learn.Group{
		Papers: len(comparisons), WinRate: tenThousandths(s.mean), Low: tenThousandths(low), High: tenThousandths(high),
		Passed: s.n < smallGroup || highest >= 0.5,
	}
}

// decide opens the gate or not, and says why. A broken floor refuses however
// few conversations there are.
func (g Gate) decide(r learn.Report) (decision, reason string) {
	if r.Planted.Told > 0 {
		return Refuse, fmt.Sprintf("floor %s: it tells %d of %d secrets that no row of its dataset held", floorPlanted,
			r.Planted.Told, r.Planted.Asked)
	}
	for _, name := range floorNames() {
		if f := r.Floors[name]; !f.Passed {
			return Refuse, fmt.Sprintf("floor %s: %s against %s", name, percent(f.Value), percent(f.Floor))
		}
	}
	rate := fmt.Sprintf("win rate %s, 95%% interval %s to %s", percent(r.WinRate), percent(r.Low), percent(r.High))
	switch {
	case r.Conversations < g.Conversations:
		return Undecided, fmt.Sprintf("undecided: %d held-out conversations of %d needed (%s)",
			r.Conversations, g.Conversations, rate)
	case r.Agreement < g.Agreement:
		return Undecided, fmt.Sprintf("undecided: the exam is void: the judge's two orders agree on %s of the papers, "+
			"%s are needed", percent(r.Agreement), percent(g.Agreement))
	}
	decision, reason = g.better(r, rate)
	if decision != Promote {
		return decision, reason
	}
	for _, name := range []string{GroupChecked, GroupJudged, GroupRegression} {
		if p := r.Groups[name]; !p.Passed {
			return Refuse, fmt.Sprintf("the %s papers do not hold: win rate %s of %d, 95%% interval %s to %s", name,
				percent(p.WinRate), p.Papers, percent(p.Low), percent(p.High))
		}
	}
	return decision, reason
}

// better compares the lower bound with what it has to be above.
func (g Gate) better(r learn.Report, rate string) (decision, reason string) {
	if r.Bound > whole/2+g.Margin {
		return Promote, "better: " + rate
	}
	at := fmt.Sprintf("the lower bound at look %d of the year, %s", r.Look.Number, percent(r.Bound))
	if g.Cheaper > 0 && r.Bound > whole/2-g.Cheaper {
		why := "cheaper"
		if g.Same {
			why = "the same weights"
		}
		return Promote, fmt.Sprintf("%s and not worse: %s, %s, is above %s", why, rate, at, percent(whole/2-g.Cheaper))
	}
	return Refuse, fmt.Sprintf("not better: %s, %s, has to be above %s", rate, at, percent(whole/2+g.Margin))
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// share of n in all, in ten-thousandths; of nothing it is 0.
func share(n, all int) int64 {
	if all == 0 {
		return 0
	}
	return int64(n) * whole / int64(all)
}

// percent shows ten-thousandths.
func percent(n int64) string { return fmt.Sprintf("%d.%02d%%", n/100, n%100) }
