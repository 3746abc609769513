package tune

import (
	"cmp"
	"fmt"

	"dreamlab/handlers/judge"
	"dreamlab/store/learn"
)

// Gate says what a candidate has to reach, in ten-thousandths. Zero fields take
// their defaults.
type Gate struct {
	// Margin is how far above one half the lower bound of the win rate has to
	// be. Defaults to 200.
	Margin int64
	// Allowance is how much worse than the incumbent a floor's rate may be.
	// Defaults to 200.
	Allowance int64
	// Conversations is how many held-out conversations decide. Defaults to 30:
	// fewer are undecided.
	Conversations int
	// Resamples of the bootstrap. Defaults to 2,000.
	Resamples int
	// Seed of the bootstrap. Defaults to 1.
	Seed int64
}

func (g Gate) filled() Gate {
	g.Margin = cmp.Or(g.Margin, 200)
	g.Allowance = cmp.Or(g.Allowance, 200)
	g.Conversations = cmp.Or(g.Conversations, 30)
	g.Resamples = cmp.Or(g.Resamples, 2_000)
	g.Seed = cmp.Or(g.Seed, 1)
	return g
}

// Faults are what is wrong with an answer whatever it is compared with.
type Faults struct {
	Refused bool `json:"refused,omitempty"`
	Failed  bool `json:"failed,omitempty"` // no answer, an empty or cut one, or an error's text
	Form    bool `json:"form,omitempty"`   // not the JSON that was recorded or is right
}

// Comparison is one held-out prompt as candidate and incumbent answered it.
type Comparison struct {
	Experience   string       `json:"experience"`
	Conversation string       `json:"conversation"`
	Choice       judge.Choice `json:"choice"` // First is the candidate
	Checked      bool         `json:"checked,omitempty"`
	CandidateHit bool         `json:"candidate_hit,omitempty"`
	IncumbentHit bool         `json:"incumbent_hit,omitempty"`
	Judged       bool         `json:"judged,omitempty"`
	Agreed       bool         `json:"agreed,omitempty"`
	Candidate    Faults       `json:"candidate"`
	Incumbent    Faults       `json:"incumbent"`
}

// points are two for a win, one for a tie.
func (p Comparison) points() int {
	switch p.Choice {
	case judge.First:
		return 2
	case judge.Equal:
		return 1
	}
	return 0
}

// The gate's decisions.
const (
	decisionPromote   = "promote"
	decisionRefuse    = "refuse"
	decisionUndecided = "undecided"
)

// report makes the report of an evaluation and decides.
func (g Gate) report(comparisons []Comparison, judgeName string) learn.Report {
	drawn := clusters(comparisons)
	r := learn.Report{
		Judge: judgeName, Conversations: len(drawn), Papers: len(comparisons),
		Margin: g.Margin, Resamples: g.Resamples, Seed: g.Seed,
	}
	var sum cluster
	for _, c := range drawn {
		sum = sum.plus(c)
	}
	r.WinRate = sum.rate()
	r.Low, r.High = interval(drawn, g.Resamples, g.Seed)
	count(&r, comparisons)
	r.Floors = g.floors(comparisons)
	r.Decision, r.Reason = g.decide(r)
	return r
}

func count(r *learn.Report, comparisons []Comparison) {
	judged, agreed := 0, 0
	for _, p := range comparisons {
		r.Wins += one(p.Choice == judge.First)
		r.Ties += one(p.Choice == judge.Equal)
		r.Losses += one(p.Choice == judge.Second)
		r.Checked += one(p.Checked)
		r.CandidateHit += one(p.CandidateHit)
		r.IncumbentHit += one(p.IncumbentHit)
		judged += one(p.Judged)
		agreed += one(p.Agreed)
	}
	r.Agreement = share(agreed, judged)
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

// The floors, by name.
const (
	floorRefusals = "refusals"
	floorFailures = "failures"
	floorForm     = "form"
	floorExact    = "exact"
)

// floors compares rates that no preference makes up for. The first three are
// ceilings: the value may not be above the floor's number.
func (g Gate) floors(comparisons []Comparison) map[string]learn.Floor {
	ceiling := func(fault func(Faults) bool) learn.Floor {
		candidate, incumbent := 0, 0
		for _, p := range comparisons {
			candidate += one(fault(p.Candidate))
			incumbent += one(fault(p.Incumbent))
		}
		f := learn.Floor{Value: share(candidate, len(comparisons)), Floor: share(incumbent, len(comparisons)) + g.Allowance}
		f.Passed = f.Value <= f.Floor
		return f
	}
	return map[string]learn.Floor{
		floorRefusals: ceiling(func(f Faults) bool { return f.Refused }),
		floorFailures: ceiling(func(f Faults) bool { return f.Failed }),
		floorForm:     ceiling(func(f Faults) bool { return f.Form }),
		floorExact:    g.exactFloor(comparisons),
	}
}

// exactFloor is on right answers where they can be checked.
func (g Gate) exactFloor(comparisons []Comparison) learn.Floor {
	checked, candidate, incumbent := 0, 0, 0
	for _, p := range comparisons {
		checked += one(p.Checked)
		candidate += one(p.Checked && p.CandidateHit)
		incumbent += one(p.Checked && p.IncumbentHit)
	}
	f := learn.Floor{Value: share(candidate, checked), Floor: max(share(incumbent, checked)-g.Allowance, 0)}
	f.Passed = f.Value >= f.Floor
	return f
}

// decide opens the gate or not, and says why. A broken floor refuses however
// few conversations there are.
func (g Gate) decide(r learn.Report) (decision, reason string) {
	for _, name := range []string{floorRefusals, floorFailures, floorForm, floorExact} {
		if f := r.Floors[name]; !f.Passed {
			return decisionRefuse, fmt.Sprintf("floor %s: %s against %s", name, percent(f.Value), percent(f.Floor))
		}
	}
	interval := fmt.Sprintf("win rate %s, 95%% interval %s to %s",
		percent(r.WinRate), percent(r.Low), percent(r.High))
	switch {
	case r.Conversations < g.Conversations:
		return decisionUndecided, fmt.Sprintf("undecided: %d held-out conversations of %d needed (%s)",
			r.Conversations, g.Conversations, interval)
	case r.Low <= whole/2+g.Margin:
		return decisionRefuse, fmt.Sprintf("not better: %s, the lower bound has to be above %s",
			interval, percent(whole/2+g.Margin))
	}
	return decisionPromote, "better: " + interval
}

// percent shows ten-thousandths.
func percent(n int64) string { return fmt.Sprintf("%d.%02d%%", n/100, n%100) }
