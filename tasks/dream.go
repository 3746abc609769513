package tasks

import (
	"encoding/json"
	"math/big"
	"regexp"
)

// DreamInput is the input of dream.plan, and the body of POST /v1/dreams.
type DreamInput struct {
	Limit     int         `json:"limit,omitempty"`      // experiences at most. Defaults to 1,000.
	Mode      string      `json:"mode,omitempty"`       // auto, live, batch. Defaults to auto.
	BudgetUSD json.Number `json:"budget_usd,omitempty"` // decimal dollars, as text or number
	DryRun    bool        `json:"dry_run,omitempty"`
}

// SliceInput is the input of dream.slice: at most 16 experiences.
type SliceInput struct {
	Dream       string   `json:"dream"`
	Experiences []string `json:"experiences"`
}

// DreamPart is the input of dream.reflect and dream.consolidate.
type DreamPart struct {
	Dream string `json:"dream"`
}

// Bounds of a dream's batch.
const (
	DefaultDreamLimit = 1_000
	mostDreamLimit    = 100_000
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
		in.Limit, fault = within(name, raw, 1, mostDreamLimit)
	case "mode":
		in.Mode, fault = oneOf(name, raw, "auto", "live", "batch")
	case "dry_run":
		in.DryRun, fault = typed[bool](name, raw)
	case "budget_usd":
		if in.BudgetUSD, fault = typed[json.Number](name, raw); fault == nil {
			_, fault = nanoDollars(name, in.BudgetUSD)
		}
	}
	return fault
}

// Budget returns the budget in nano-dollars, and false where none was given.
func (in *DreamInput) Budget() (int64, bool, error) {
	if in.BudgetUSD == "" {
		return 0, false, nil
	}
	nano, fault := nanoDollars("budget_usd", in.BudgetUSD)
	if fault != nil {
		return 0, false, fault
	}
	return nano, true, nil
}

// decimal is an amount of money as people write it.
var decimal = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,18})?$`)

// nanoDollars reads decimal dollars and rounds down: a budget is never widened.
func nanoDollars(param string, amount json.Number) (int64, *InputError) {
	if !decimal.MatchString(string(amount)) {
		return 0, invalid(param, "give an amount in dollars such as 1.50, not negative and below a billion")
	}
	value, ok := new(big.Rat).SetString(string(amount))
	if !ok {
		return 0, invalid(param, "give an amount in dollars such as 1.50")
	}
	value.Mul(value, big.NewRat(1_000_000_000, 1))
	return new(big.Int).Quo(value.Num(), value.Denom()).Int64(), nil
}
