package bet_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"dreamlab/handlers/tune/trial/bet"
)

// tries is how often each rate is measured: at a level of 5 %, 50 errors are expected at most, and
// more than 80 come by chance once in 20,000 times.
const (
	tries  = 1_000
	alpha  = 0.05
	atMost = 80
)

// refuted counts the tests that refute, at any time, that differences of two rates are zero on average.
func refuted(first, second float64, observations int) (n int) {
	for seed := range uint64(tries) {
		random := rand.New(rand.NewPCG(seed, 1))
		var test bet.Test
		for range observations {
			test.Add(coin(random, first)-coin(random, second), 1)
		}
		if test.Refuted(alpha) {
			n++
		}
	}
	return n
}

func coin(random *rand.Rand, p float64) float64 {
	if random.Float64() < p {
		return 1
	}
	return 0
}

func TestEqualRatesAreSeldomTold(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0, 0.01, 0.1, 0.5, 0.9} {
		n := refuted(rate, rate, 2_000)
		t.Logf("at %v: %d of %d", rate, n, tries)
		if n > atMost {
			t.Errorf("at %v, %d of %d equal rates were told apart", rate, n, tries)
		}
	}
}

func TestGreaterRatesAreTold(t *testing.T) {
	t.Parallel()
	for first, second := range map[float64]float64{0.3: 0.2, 0.1: 0.02, 0.6: 0.4} {
		if n := refuted(first, second, 2_000); n < tries*95/100 {
			t.Errorf("%v above %v was told %d of %d times", first, second, n, tries)
		}
		if n := refuted(second, first, 2_000); n > tries/100 {
			t.Errorf("%v below %v was taken for more %d times", second, first, n)
		}
	}
}

// No observation can take all of the wealth, and a long test stays a number.
func TestWealthStaysFinite(t *testing.T) {
	t.Parallel()
	var test bet.Test
	for range 10_000 {
		test.Add(1, 1)
	}
	test.Add(-1, 1)
	if math.IsInf(test.Evidence(), 0) || math.IsNaN(test.Log) || test.Log < 0 || !test.Refuted(alpha) {
		t.Errorf("%+v", test)
	}
	if together := bet.Together([]bet.Test{test, {}}); math.IsInf(together, 0) || together <= 1 {
		t.Errorf("together %v", together)
	}
}

func TestBoundAboveAMean(t *testing.T) {
	t.Parallel()
	if got := bet.Above(0, 0, alpha); got != 1 {
		t.Errorf("of nothing: %v", got)
	}
	if got := bet.Above(10, 100, alpha); got < 0.1+0.12 || got > 0.1+0.13 {
		t.Errorf("of 10 in 100: %v", got)
	}
	if got := bet.Above(1, 1, alpha); got != 1 {
		t.Errorf("of one: %v", got)
	}
}
