package providers

import (
	"math"
	"math/bits"
	"time"
)

// Rates are what tokens cost, in nano-dollars per million of them.
type Rates struct {
	In       int64
	CachedIn int64 // equal to In where the vendor gives no discount
	Out      int64
}

// Price is what a model's tokens cost from a day on.
type Price struct {
	From time.Time
	Rates
	Batch *Rates // nil where the vendor offers the model no batch
	// Flex and Priority are the rates of the slower and the faster service tier, nil
	// where the vendor offers the model none or their price is not known.
	Flex, Priority *Rates
	Train          *int64 // nano-dollars per million tokens trained on, nil where that is not known
}

// Pricer knows what a call costs. An unknown price is an error, never zero.
type Pricer interface {
	// Price returns the price that is in force at a time.
	Price(provider, model string, at time.Time) (Price, error)
	// Quote returns what is reserved for the request, in nano-dollars: its input
	// counted generously, and as many tokens of answer as were asked for, or
	// TypicalAnswer where the request says nothing.
	Quote(provider, model string, req *Request, at time.Time) (int64, error)
	// Context returns how many tokens the model takes; 0 where that is not known.
	Context(provider, model string) int
}

// TypicalAnswer is for how many tokens of answer money is reserved where a request
// does not bound it. Few answers are longer; the whole context would be reserved
// ten thousand times too high for most.
const TypicalAnswer = 4096

// Cost returns what the usage costs in nano-dollars, rounded up.
func (r Rates) Cost(usage Usage) int64 {
	cached := min(usage.CachedInput, usage.Input)
	var sum total
	sum.add(usage.Input-cached, r.In)
	sum.add(cached, r.CachedIn)
	sum.add(usage.Output, r.Out)
	return sum.perMillion()
}

// total is a sum of products that may outgrow 64 bits.
type total struct{ high, low uint64 }

func (t *total) add(tokens, rate int64) {
	if tokens <= 0 || rate <= 0 {
		return
	}
	high, low := bits.Mul64(uint64(tokens), uint64(rate))
	var carry uint64
	t.low, carry = bits.Add64(t.low, low, 0)
	t.high, _ = bits.Add64(t.high, high, carry)
}

func (t *total) perMillion() int64 {
	const million = 1_000_000
	if t.high >= million {
		return math.MaxInt64
	}
	quotient, rest := bits.Div64(t.high, t.low, million)
	if rest > 0 {
		quotient++
	}
	return int64(min(quotient, math.MaxInt64))
}
