package tune

import (
	"fmt"
	"math"
	"math/bits"

	"dreamlab/store/money"
)

// Bill is what a tune is going to cost at most, nano-dollars.
type Bill struct {
	Training   int64 `json:"training"`
	Evaluation int64 `json:"evaluation"`
	Hosting    int64 `json:"hosting"` // a month, at the configured hours
}

func (b Bill) total() int64 { return plus(plus(b.Training, b.Evaluation), b.Hosting) }

// refusal says why a bill is not paid, or "" where it fits. Without a cap
// everything fits.
func (b Bill) refusal(limit int64, capped bool) string {
	switch {
	case !capped:
		return ""
	case limit <= 0:
		return "refused: budget is used up: raise it, or wait for its next period"
	case b.Hosting > limit:
		return fmt.Sprintf("refused: hosting would cost $%s a month, over the budget of $%s",
			money.USD(b.Hosting), money.USD(limit))
	case b.total() > limit:
		return fmt.Sprintf("refused: budget of $%s does not cover training ($%s), evaluation ($%s) and a month "+
			"of hosting ($%s)", money.USD(limit), money.USD(b.Training), money.USD(b.Evaluation),
			money.USD(b.Hosting))
	}
	return ""
}

// plus adds amounts; what outgrows 64 bits stays at the largest.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// times multiplies an amount; what outgrows 64 bits stays at the largest.
func times(nano, n int64) int64 {
	high, low := bits.Mul64(uint64(max(nano, 0)), uint64(max(n, 0)))
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}

// trainingBound is tokens times epochs at a rate per million, rounded up.
func trainingBound(tokens int64, epochs int, rate int64) int64 {
	product := times(times(tokens, int64(epochs)), rate)
	if product == math.MaxInt64 {
		return product
	}
	return (product + 999_999) / 1_000_000
}
