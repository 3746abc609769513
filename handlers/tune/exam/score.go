package exam

import (
	"maps"
	"math"
	"slices"
)

// scores are what conversations scored, each between 0 (lost) and 1 (won).
type scores struct {
	n    int
	mean float64
	// split is the mean of x(1-x): ties, and conversations of which only some comparisons were
	// won, vary less than wins and losses do.
	split float64
}

// scoresOf gives each conversation one score, the mean of its comparisons, in an order that
// depends on nothing but their content.
func scoresOf(comparisons []Comparison) scores {
	points, counts := map[string]float64{}, map[string]float64{}
	for _, p := range comparisons {
		points[p.Conversation] += score(p)
		counts[p.Conversation]++
	}
	s := scores{n: len(points)}
	for _, name := range slices.Sorted(maps.Keys(points)) {
		x := points[name] / counts[name]
		s.mean += x / float64(s.n)
		s.split += x * (1 - x) / float64(s.n)
	}
	return s
}

// interval is Wilson's score interval (https://doi.org/10.1080/01621459.1927.10502953), for
// scores that are not only 0 and 1: the bounds are the rates p that lie z standard errors from
// the mean, where a score varies by p(1-p) less the split. Unlike a bootstrap it holds far in
// the tail, where the small alphas of later looks are.
func (s scores) interval(z float64) (low, high float64) {
	if s.n == 0 {
		return 0, 1
	}
	n, z2 := float64(s.n), z*z
	a, b := n+z2, 2*n*s.mean+z2
	c := n*s.mean*s.mean + z2*s.split
	root := math.Sqrt(max(b*b-4*a*c, 0))
	return max((b-root)/(2*a), 0), min((b+root)/(2*a), 1)
}

// bound is the lower bound of the rate at a one-sided alpha, with the correction for the steps
// that scores come in.
func (s scores) bound(alpha int64) float64 {
	if s.n == 0 {
		return 0
	}
	s.mean = max(s.mean-1/(2*float64(s.n)), 0)
	low, _ := s.interval(quantile(alpha))
	return min(low, s.mean)
}

// quantile is how many standard errors an alpha, in millionths, lies above the mean.
func quantile(alpha int64) float64 {
	if alpha <= 0 {
		return math.Inf(1)
	}
	return math.Sqrt2 * math.Erfinv(1-2*float64(alpha)/million)
}

// normal is the standard normal distribution function.
func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// tenThousandths rounds a rate.
func tenThousandths(rate float64) int64 { return int64(math.Round(rate * whole)) }

// signTest is how probable it is, of n fair coins, that at least k fall on one side.
func signTest(k, n int) float64 { return binomialTail(k, n, 0.5) }

// binomialTail is how probable at least k wins of n are where each is won with a probability p,
// which is neither 0 nor 1.
func binomialTail(k, n int, p float64) float64 {
	won, lost, sum := math.Log(p), math.Log1p(-p), 0.0
	for i := k; i <= n; i++ {
		sum += math.Exp(choose(n, i) + float64(i)*won + float64(n-i)*lost)
	}
	return min(sum, 1)
}

// choose is the logarithm of the binomial coefficient.
func choose(n, k int) float64 {
	all, _ := math.Lgamma(float64(n + 1))
	one, _ := math.Lgamma(float64(k + 1))
	rest, _ := math.Lgamma(float64(n - k + 1))
	return all - one - rest
}
