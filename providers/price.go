package providers

import (
	"cmp"
	"math"
	"math/bits"
	"time"
)

// Rates are what tokens cost, in nano-dollars per million of them.
type Rates struct {
	In         int64
	CachedIn   int64 // equal to In where the vendor gives no discount
	CacheWrite int64 // 0 where what is written to a cache costs what other input does
	Out        int64
}

// Price is what a model's tokens cost from a day on.
type Price struct {
	From time.Time
	Rates
	Batch *Rates // nil where the vendor offers the model no batch
	// Flex, Priority and Reserved are the rates of the slower, the faster and the booked
	// service tier, nil where the vendor offers the model none or their price is not known.
	Flex, Priority, Reserved *Rates

	Train *int64 // nano-dollars per million tokens trained on, nil where that is not known
	// TrainPairs is the same for preference pairs, nil where that is not known to be another price.
	TrainPairs *int64
}

// unknownPriority is by how much the faster tier is dearer at most where its price is not
// known: by 75 % at AWS, by up to the double at OpenAI.
const unknownPriority = 2

// Served returns the rates of the tier of service that an answer names, by the name that
// its vendor has for it. A tier without a price costs the usual rates, which are its upper
// bound, but the faster one is dearer.
func (p *Price) Served(tier string) Rates {
	own := &p.Rates
	switch tier {
	case slowTier:
		own = cmp.Or(p.Flex, own)
	case "reserved":
		own = cmp.Or(p.Reserved, own)
	case "priority":
		if own = p.Priority; own == nil {
			return p.times(unknownPriority)
		}
	}
	return *own
}

// Most returns the rates that a call in a tier of service is reserved at, whichever tier
// then serves it: the dearer ones of that tier and of the usual, with all input at what the
// dearest kind of it costs.
func (p *Price) Most(tier string) Rates {
	most := Rates{}
	for _, r := range []Rates{p.Rates, p.Served(tier)} {
		most.In, most.Out = max(most.In, r.In, r.CachedIn, r.CacheWrite), max(most.Out, r.Out)
	}
	most.CachedIn = most.In
	return most
}

// Slower returns the rates of the slower tier of service where it costs less than the usual
// one, and nil where it does not.
func (p *Price) Slower() *Rates {
	if p.Flex == nil || p.Flex.In+p.Flex.Out >= p.In+p.Out {
		return nil
	}
	return p.Flex
}

func (r *Rates) times(n int64) Rates {
	return Rates{In: r.In * n, CachedIn: r.CachedIn * n, CacheWrite: r.CacheWrite * n, Out: r.Out * n}
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
	written := min(usage.CacheWrite, usage.Input-cached)
	var sum total
	sum.add(usage.Input-cached-written, r.In)
	sum.add(cached, r.CachedIn)
	sum.add(written, cmp.Or(r.CacheWrite, r.In))
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

// Estimate is a vendor's price before the start.
type Estimate struct {
	Available   bool   `json:"available"`
	Reason      string `json:"reason,omitempty"` // why not available
	Allowed     bool   `json:"allowed"`          // the account may spend it
	Nano        int64  `json:"nano"`             // nano-dollars
	TrainTokens int64  `json:"train_tokens"`
}
