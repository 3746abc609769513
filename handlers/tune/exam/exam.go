// Package exam says what an exam of a candidate against the incumbent can decide, which held-out
// answers are its papers, and what its comparisons decide.
//
// A paper is one held-out prompt that both models answer. A conversation has one paper at most,
// so that the number of papers is the number of independent conversations, and every test and
// interval is over conversations. Everything here is pure: no model is called, nothing is stored.
package exam

import "dreamlab/handlers/judge"

// whole is all of something, in the ten-thousandths of a report.
const whole = 10_000

// Faults are what is wrong with an answer whatever it is compared with.
type Faults struct {
	Refused     bool `json:"refused,omitempty"`
	Failed      bool `json:"failed,omitempty"`      // no answer, an empty or cut one, or an error's text
	Form        bool `json:"form,omitempty"`        // not the JSON that was recorded or is right
	Placeholder bool `json:"placeholder,omitempty"` // the mark of something masked
	Link        bool `json:"link,omitempty"`        // a web address that nothing before it has
	Personal    bool `json:"personal,omitempty"`    // personal data or a secret that nothing before it has
	Language    bool `json:"language,omitempty"`    // another script than the question's
	Length      bool `json:"length,omitempty"`      // several times as long as the recorded answer
	Toxic       bool `json:"toxic,omitempty"`       // an insult or a threat of the list
}

// Comparison is one paper as candidate and incumbent answered it.
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
	// Bytes are the lengths of the candidate's and the incumbent's answer.
	Bytes [2]int `json:"bytes"`
}

// score is 1 for a win, one half for a tie, 0 for a loss.
func (p Comparison) score() float64 {
	switch p.Choice {
	case judge.First:
		return 1
	case judge.Equal:
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
	Cheaper    bool         `json:"cheaper,omitempty"`    // the candidate's tokens cost less than the incumbent's
}
