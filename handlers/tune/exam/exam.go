// Package exam says what an exam of a candidate against the incumbent can decide, which held-out
// answers are its papers, and what its comparisons decide.
//
// A paper is one held-out prompt that both models answer. A conversation has one paper at most,
// so that the number of papers is the number of independent conversations, and every test and
// interval is over conversations. Everything here is pure: no model is called, nothing is stored.
package exam

import "dreamlab/store/learn"

// whole is all of something, in the ten-thousandths of a report.
const whole = 10_000

// Comparison is one paper as candidate and incumbent answered it, and Faults are what is wrong with
// one of the answers.
type (
	Comparison = learn.Comparison
	Faults     = learn.Faults
)

// score is 1 for a win, one half for a tie, 0 for a loss.
func score(p Comparison) float64 {
	switch p.Outcome {
	case learn.Win:
		return 1
	case learn.Tie:
		return 0.5
	}
	return 0
}

// Sitting is an exam that was sat: who judged it, which look at the alias it is, and how its
// papers came out.
type Sitting struct {
	Judge      string       `json:"judge"`
	Seed       int64        `json:"seed"` // of the draw of the papers
	Look       Look         `json:"look"`
	Fresh      []Comparison `json:"fresh"`                // drawn for this exam
	Regression []Comparison `json:"regression,omitempty"` // of the set that every exam of the alias has
	Planted    learn.Told   `json:"planted"`
}
