package status

import "dreamlab/cmd/internal/config"

// Examination is what was found of the settings and of all that they name.
type Examination struct {
	Settings []config.Value `json:"settings"`
	Findings []Finding      `json:"findings"`
}

// Finding is what the examination of one dependency came to.
type Finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`         // what was found
	Mend   string `json:"mend,omitempty"` // what to do about it
}

// Faults returns how many dependencies need mending.
func (e Examination) Faults() (faults int) {
	for _, f := range e.Findings {
		if !f.OK {
			faults++
		}
	}
	return faults
}
