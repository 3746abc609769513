package providers

import (
	"bytes"
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
}

// Pricer knows what a call costs. An unknown price is an error, never zero.
type Pricer interface {
	// Price returns the price that is in force at a time.
	Price(provider, model string, at time.Time) (Price, error)
	// UpperBound returns what the request can cost at most, in nano-dollars.
	UpperBound(provider, model string, req *Request, at time.Time) (int64, error)
}

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

// How many tokens a request can be at most, for a reservation: no tokenizer in
// use makes more than one token of two bytes of text in a living language, and
// no vendor bills a picture above 2,500.
const (
	bytesPerTokenLeast = 2
	bytesPerTokenUsual = 4
	tokensPerMessage   = 16
	tokensPerImage     = 2_500
)

// InputBound returns the most input tokens that the request can be billed for.
func InputBound(req *Request) int64 {
	images, size := 0, len(req.Tools)+len(req.ResponseFormat)
	for i := range req.Messages {
		message := &req.Messages[i]
		size += len(message.Content) + len(message.ToolCalls) + len(message.Name)
		images += bytes.Count(message.Content, []byte(`"image_url"`))
	}
	fixed := tokensPerMessage*(len(req.Messages)+1) + images*tokensPerImage
	return int64(size/bytesPerTokenLeast + fixed)
}

// EstimateUsage guesses what an answer was billed where the vendor did not
// say. The guess stays marked as Missing.
func EstimateUsage(req *Request, reply *Reply) Usage {
	input := InputBound(req) * bytesPerTokenLeast / bytesPerTokenUsual
	output := (len(reply.Content) + len(reply.Message)) / bytesPerTokenUsual
	return Usage{Input: input, Output: int64(output) + 1, Missing: true}
}
