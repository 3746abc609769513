package tasks

import (
	"encoding/json"
	"strings"

	"dreamlab/store/money"
)

// DreamInput is the input of dream.plan, and the body of POST /v1/dreams.
type DreamInput struct {
	Limit     int        `json:"limit,omitempty"`      // experiences at most. Defaults to 1,000.
	Mode      string     `json:"mode,omitempty"`       // auto, live, batch. Defaults to auto.
	BudgetUSD *money.USD `json:"budget_usd,omitempty"` // Defaults to the tenant's own budget.
	DryRun    bool       `json:"dry_run,omitempty"`
}

// SliceInput is the input of dream.slice: at most 16 experiences, or 500 where its questions
// go to batches.
type SliceInput struct {
	Dream       string   `json:"dream"`
	Experiences []string `json:"experiences"`
	Batch       bool     `json:"batch,omitempty"` // where it costs less
}

// AnticipateInput is the input of dream.anticipate.
type AnticipateInput struct {
	Dream string `json:"dream"`
	Nano  int64  `json:"nano"` // what it may spend, nano-dollars
}

// DreamPart is the input of dream.reflect and dream.consolidate.
type DreamPart struct {
	Dream string `json:"dream"`
}

// Bounds of a dream's batch.
const (
	DefaultDreamLimit = 1_000
	maxDreamLimit     = 100_000
)

// ParseDream reads and checks the body of POST /v1/dreams; an empty body asks
// for the defaults, which it fills in. Its error is an [*InputError].
func ParseDream(body []byte) (*DreamInput, error) {
	in := &DreamInput{Limit: DefaultDreamLimit, Mode: "auto"}
	if len(body) == 0 {
		return in, nil
	}
	members, fault := object("", body)
	if fault != nil {
		return nil, fault
	}
	if fault := onlyKnown("", members, "limit", "mode", "budget_usd", "dry_run"); fault != nil {
		return nil, fault
	}
	for _, name := range sortedNames(members) {
		if fault := in.read(name, members[name]); fault != nil {
			return nil, fault
		}
	}
	return in, nil
}

func (in *DreamInput) read(name string, raw json.RawMessage) (fault *InputError) {
	switch name {
	case "limit":
		in.Limit, fault = within(name, raw, 1, maxDreamLimit)
	case "mode":
		in.Mode, fault = oneOf(name, raw, "auto", "live", "batch")
	case "dry_run":
		in.DryRun, fault = typed[bool](name, raw)
	case "budget_usd":
		in.BudgetUSD, fault = readBudget(name, raw)
	}
	return fault
}

// maxBudget is what a client may allow one dream or tune, below a billion dollars.
const maxBudget = 1_000_000_000*money.Dollar - 1

// readBudget reads decimal dollars, as text or as a number.
func readBudget(name string, raw json.RawMessage) (*money.USD, *InputError) {
	budget, fault := typed[money.USD](name, raw)
	if fault != nil || budget > maxBudget {
		return nil, invalid(name, "give an amount in dollars such as 1.50, not negative and below a billion")
	}
	return &budget, nil
}

// SolveInput is the input of dream.solve, and the body of POST /api/dream_lab/solve.
type SolveInput struct {
	Task      string     `json:"task"`
	System    string     `json:"system,omitempty"`     // the system message that the team answers under
	Reference string     `json:"reference,omitempty"`  // a right answer, against which those of the team are checked
	BudgetUSD *money.USD `json:"budget_usd,omitempty"` // Defaults to the tenant's own budget.
}

// maxTask bounds a task with all that belongs to it, in bytes, as what is dreamt of.
const maxTask = 64 << 10

// ParseSolve reads and checks the body of POST /api/dream_lab/solve. Its error is an [*InputError].
func ParseSolve(body []byte) (*SolveInput, error) {
	in := &SolveInput{}
	members, fault := object("", body)
	if fault == nil {
		fault = onlyKnown("", members, "task", "system", "reference", "budget_usd")
	}
	for _, name := range sortedNames(members) {
		if fault == nil {
			fault = in.read(name, members[name])
		}
	}
	switch {
	case fault != nil:
		return nil, fault
	case strings.TrimSpace(in.Task) == "":
		return nil, invalid("task", "give the task as a text")
	case len(in.Task)+len(in.System)+len(in.Reference) > maxTask:
		return nil, invalid("task", "the task, its system message and its reference have at most %d bytes together", maxTask)
	}
	return in, nil
}

func (in *SolveInput) read(name string, raw json.RawMessage) (fault *InputError) {
	switch name {
	case "task":
		in.Task, fault = typed[string](name, raw)
	case "system":
		in.System, fault = typed[string](name, raw)
	case "reference":
		in.Reference, fault = typed[string](name, raw)
	case "budget_usd":
		in.BudgetUSD, fault = readBudget(name, raw)
	}
	return fault
}

// Solution is the team's answer to a task: the result of dream.solve.
type Solution struct {
	Answer     *string        `json:"answer"`
	AnsweredBy *string        `json:"answered_by"` // base, lead
	Verified   bool           `json:"verified"`
	VerifiedBy *string        `json:"verified_by"` // reference, judged
	Attempts   []SolveAttempt `json:"attempts"`    // the base model's, then the lead model's
	Verdicts   []SolveVerdict `json:"verdicts"`    // the lead model's, in both orders; none where the reference decided
}

// SolveAttempt is what a model of the team made of the task.
type SolveAttempt struct {
	Role     string  `json:"role"` // base, lead
	Alias    string  `json:"alias"`
	Provider string  `json:"provider"` // "" where none answered
	Model    string  `json:"model"`
	Answer   *string `json:"answer"`
	Correct  *bool   `json:"correct"` // by the reference; nil where it can not be checked so
	Error    *string `json:"error"`   // why there is no answer: a code
}

// SolveVerdict is one comparison of the two answers.
type SolveVerdict struct {
	Prefers   string      `json:"prefers"` // base, lead, equal
	BaseScore json.Number `json:"base_score"`
	LeadScore json.Number `json:"lead_score"` // from 0 to 1
	Reason    string      `json:"reason"`
}
