// Package bill is what vendors tell by their APIs of what they have billed: by day and model, in
// calls, tokens and dollars. It is what the books are held against, and decides nothing.
package bill

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dreamlab/store/money"
)

// Line is a part of a bill: what was used of a model on a day. Of one model and day there may be
// several lines. What a line does not tell is nil.
type Line struct {
	Day   time.Time // its beginning, UTC
	Model string    // the vendor's name of it
	Calls *int64
	// Input and Output are tokens. Input includes what was cached.
	Input, Output *int64
	Nano          *int64 // nano-dollars; below 0 for a credit
}

// Biller is a driver, or a part of one, whose vendor tells what it has billed.
type Biller interface {
	// Bill hands over what was billed for the days from one to another, which is not among
	// them, in any order, and stops with the error that each returns. Vendors bill hours
	// later: lines of the last day may be missing. It makes as many requests as the vendor
	// has pages, none of them twice, and fails with the [*providers.Error] of one that failed.
	Bill(ctx context.Context, from, to time.Time, each func(Line) error) error
}

// Namer is a biller whose vendor bills under other names than its models are asked by.
type Namer interface {
	Biller
	// Named returns under which name a line of the bill and the books are compared: for a model
	// of the books, and for the name that a line has. What can not be told apart gets one name,
	// what belongs to no model keeps its own.
	Named(name string, models []string) string
}

// Nano reads an amount in dollars, a JSON number or a text of one, as nano-dollars.
func Nano(amount json.RawMessage, currency string) (*int64, error) {
	if !strings.EqualFold(currency, "usd") {
		return nil, fmt.Errorf("read the bill: it is in %.10q: the books are in dollars", currency)
	}
	text := strings.Trim(string(amount), `"`)
	sign := int64(1)
	if credit, is := strings.CutPrefix(text, "-"); is {
		sign, text = -1, credit
	}
	nano, err := money.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the bill: %w", err)
	}
	return new(sign * int64(nano)), nil
}
