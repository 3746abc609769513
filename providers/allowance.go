package providers

import (
	"context"
	"time"
)

// Unit is what a vendor limits.
type Unit int

// The units, and how many there are.
const (
	Requests Unit = iota
	Tokens
	Units
)

// Allowance is what a vendor says is left of one of its limits.
type Allowance struct {
	Unit  Unit
	Limit int64         // 0 where it does not say
	Left  int64         // after the call that it came with
	Reset time.Duration // until nothing of the limit is used; 0 where it does not say
	// Refills is set where what is used comes back little by little until then, and not
	// all at once.
	Refills bool
}

// Pace keeps calls within what vendors allow, so that they need not refuse. What other
// processes send counts, too; an implementation that can not reach what the processes
// share goes by its own calls. It must return within some milliseconds. Targets are given
// without Priced.
type Pace interface {
	// Take asks whether a call that uses up to so many tokens may be sent now. It may
	// where heard is not nil: heard is to be called once, with what the vendor's answer
	// says is left, or with nothing where no answer came. Else wait tells when there may
	// be room for it.
	Take(ctx context.Context, target Target, tokens int64) (heard func([]Allowance), wait time.Duration)
}

// unpaced sends all calls at once.
type unpaced struct{}

func (unpaced) Take(context.Context, Target, int64) (func([]Allowance), time.Duration) {
	return func([]Allowance) {}, 0
}

type heardKey struct{}

func withHeard(ctx context.Context, heard func([]Allowance)) context.Context {
	return context.WithValue(ctx, heardKey{}, heard)
}

// Heard is told by drivers what an answer's headers say is left, as soon as they have
// come.
func Heard(ctx context.Context, left []Allowance) {
	if heard, listens := ctx.Value(heardKey{}).(func([]Allowance)); listens && len(left) > 0 {
		heard(left)
	}
}
