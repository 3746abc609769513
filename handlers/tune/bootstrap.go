package tune

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// whole is all of something, in the ten-thousandths of a report.
const whole = 10_000

// cluster is a conversation's comparisons: their points (a win 2, a tie 1) and how
// many they are.
type cluster struct{ points, comparisons int }

func (c cluster) plus(o cluster) cluster {
	return cluster{c.points + o.points, c.comparisons + o.comparisons}
}

// rate is the win rate, ties counted half, in ten-thousandths.
func (c cluster) rate() int64 {
	if c.comparisons == 0 {
		return 0
	}
	return int64(math.Round(float64(c.points) * whole / float64(2*c.comparisons)))
}

// clusters groups comparisons by conversation, in an order that depends on nothing
// but their content.
func clusters(comparisons []Comparison) []cluster {
	by := map[string]cluster{}
	for _, p := range comparisons {
		by[p.Conversation] = by[p.Conversation].plus(cluster{p.points(), 1})
	}
	out := make([]cluster, 0, len(by))
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, by[name])
	}
	return out
}

// interval is the 95 % interval of the win rate, by percentiles of a cluster
// bootstrap (Cameron, Gelbach, Miller, https://doi.org/10.1162/rest.90.3.414):
// whole conversations are drawn, because their comparisons are not independent.
func interval(drawn []cluster, resamples int, seed int64) (low, high int64) {
	if len(drawn) == 0 || resamples == 0 {
		return 0, whole
	}
	dice := rand.New(rand.NewPCG(uint64(seed), 1))
	rates := make([]int64, resamples)
	for i := range rates {
		var sum cluster
		for range drawn {
			sum = sum.plus(drawn[dice.IntN(len(drawn))])
		}
		rates[i] = sum.rate()
	}
	slices.Sort(rates)
	cut := resamples / 40 // 2.5 %
	return rates[cut], rates[resamples-1-cut]
}
