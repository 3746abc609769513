// Package bet tests hypotheses by betting, so that a test may be looked at after every observation
// and be stopped at any of them: its error holds at all times together.
//
// A gambler bets on each observation before it is made, at odds that are fair or worse while the
// hypothesis holds. The wealth is then a nonnegative supermartingale that starts at one, and by
// Ville's inequality comes to 1/alpha or more with a probability of at most alpha, ever. See
// Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, Journal of the
// Royal Statistical Society B 86 (2024), and for two samples Shekhar and Ramdas, Nonparametric
// two-sample testing by betting, IEEE Transactions on Information Theory 70 (2024).
//
// What is observed, and what follows from it, is the caller's.
package bet

import "math"

// Test bets that the mean of observations is above zero. Its zero value has seen none.
type Test struct {
	N       int64   `json:"n"`
	Sum     float64 `json:"sum"`
	Squares float64 `json:"squares"`
	Log     float64 `json:"log"`  // logarithm of the wealth
	Most    float64 `json:"most"` // the greatest that Log has been
}

const (
	// boldness is how much of the wealth a bet may lose at most: with all of it, one observation could
	// end the test.
	boldness = 0.75
	// richest bounds the logarithm of the wealth, far beyond any alpha.
	richest = 60
)

// Add bets on an observation, which is at least -lowest. The hypothesis is that its expectation,
// given all observations before, is at most zero.
func (t *Test) Add(x, lowest float64) {
	t.Log = min(t.Log+math.Log1p(t.stake(lowest)*max(x, -lowest)), richest)
	t.Most = max(t.Most, t.Log)
	t.N++
	t.Sum += x
	t.Squares += x * x
}

// stake is the next bet, by the mean and the variance of the observations before it: the one under
// which the wealth would have grown fastest, nearly (aGRAPA in the paper). Before the first
// observation the mean is zero and the variance a quarter.
func (t *Test) stake(lowest float64) float64 {
	mean := t.Sum / float64(t.N+1)
	spread := max((0.25+t.Squares)/float64(t.N+1)-mean*mean, 0)
	if mean <= 0 {
		return 0
	}
	return min(mean/(spread+mean*mean), boldness/lowest)
}

// Refuted tells whether the hypothesis was refuted at a level, by now or before.
func (t *Test) Refuted(alpha float64) bool { return t.Most >= -math.Log(alpha) }

// Evidence is the greatest that the wealth has been: the hypothesis is refuted at the level of its
// inverse.
func (t *Test) Evidence() float64 { return math.Exp(t.Most) }

// Together is the wealth of one gambler who began several tests with equal parts of it: it tests
// that all their hypotheses hold, however they depend on each other.
func Together(tests []Test) float64 {
	sum := 0.0
	for _, t := range tests {
		sum += math.Exp(t.Log)
	}
	return sum / float64(len(tests))
}

// Above returns a bound that the mean of n independent observations between 0 and 1 exceeds with a
// probability of at most alpha, where they come to a sum (Hoeffding's inequality).
func Above(sum float64, n int64, alpha float64) float64 {
	if n == 0 {
		return 1
	}
	return min(1, sum/float64(n)+math.Sqrt(-math.Log(alpha)/(2*float64(n))))
}
