package providers

import (
	"context"
	"math"
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
	// Take asks whether a call that uses up to so many tokens may be sent now, and notes
	// whether somebody waits for it. It may where heard is not nil: heard is to be called
	// once, with what the vendor's answer says is left, or with nothing where no answer came.
	// Else wait tells when there may be room for it.
	Take(ctx context.Context, target Target, tokens int64, live bool) (heard func([]Allowance), wait time.Duration)
	// Room returns how long it takes until such a share of each of a target's limits is left:
	// 0 where it is, where nothing is known of them, and where no call that somebody waits for
	// was sent there within the last minute.
	Room(ctx context.Context, target Target, share float64) time.Duration
}

// unpaced sends all calls at once.
type unpaced struct{}

func (unpaced) Take(context.Context, Target, int64, bool) (func([]Allowance), time.Duration) {
	return func([]Allowance) {}, 0
}

func (unpaced) Room(context.Context, Target, float64) time.Duration { return 0 }

// Room returns for how long work that nobody waits for should leave a target to those who
// wait: until such a share, from 0 to 1, of each of its vendor's limits is left with one of
// the keys. It is 0 where nobody has waited for a call there within the last minute.
func (r *Router) Room(ctx context.Context, target Target, share float64) time.Duration {
	accounts := r.accounts[target.Provider]
	if len(accounts) == 0 || target.Account != "" {
		return r.pace.Room(ctx, r.limited(target), share)
	}
	least := time.Duration(math.MaxInt64)
	for _, account := range accounts {
		target.Account = account.Name
		least = min(least, r.pace.Room(ctx, r.limited(target), share))
	}
	return least
}

// limited is what a vendor counts its limits for.
func (r *Router) limited(target Target) Target {
	target = target.plain()
	if tiered, able := r.driver(target).(Tiered); able && tiered.Pooled() {
		target.Service = ""
	}
	return target
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
