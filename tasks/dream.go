package tasks

import (
	"encoding/json"

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
