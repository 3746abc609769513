package alike

import (
	"math"
	"slices"
)

// Scored is a pair of questions: how alike they were found, and whether they mean the same.
type Scored struct {
	Similarity float64
	Same       bool
}

// Point is what a threshold came to on labelled pairs. A rate's interval is that of Wilson, at 95 %
// (https://doi.org/10.1080/01621459.1927.10502953).
type Point struct {
	Threshold float64 `json:"threshold"`
	Taken     int     `json:"taken"` // pairs at or above it
	Right     int     `json:"right"` // of these, those that mean the same
	Precision float64 `json:"precision"`
	Low       float64 `json:"low"` // of the precision's interval
	High      float64 `json:"high"`
	Recall    float64 `json:"recall"` // of the pairs that mean the same
}

// Calibrate returns the lowest threshold from which on the precision is at least that, and whether there
// is one; else the one of the best precision. Sure asks it of the low end of the interval.
func Calibrate(pairs []Scored, precision float64, sure bool) (best Point, reached bool) {
	sorted := slices.Clone(pairs)
	slices.SortFunc(sorted, func(a, b Scored) int {
		switch {
		case a.Similarity > b.Similarity:
			return -1
		case a.Similarity < b.Similarity:
			return 1
		}
		return 0
	})
	same := 0
	for _, p := range sorted {
		if p.Same {
			same++
		}
	}
	right := 0
	for i, p := range sorted {
		if p.Same {
			right++
		}
		last := i+1 == len(sorted) || sorted[i+1].Similarity < p.Similarity
		if !last || p.Similarity <= 0 { // pairs of one similarity are taken together
			continue
		}
		at := pointOf(p.Similarity, right, i+1, same)
		met := at.Precision >= precision && (!sure || at.Low >= precision)
		if met || !reached && at.Low > best.Low {
			best, reached = at, reached || met
		}
	}
	return best, reached
}

func pointOf(threshold float64, right, taken, same int) Point {
	p := Point{Threshold: math.Floor(threshold*1e4) / 1e4, Taken: taken, Right: right, Precision: float64(right) / float64(taken)}
	if same > 0 {
		p.Recall = float64(right) / float64(same)
	}
	p.Low, p.High = wilson(p.Precision, float64(taken))
	return p
}

// wilson is the interval of a rate of n trials.
func wilson(rate, n float64) (low, high float64) {
	const z = 1.959964 // the 97.5th percentile of the normal distribution
	mid := (rate + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(rate*(1-rate)/n+z*z/(4*n*n))
	return max(0, mid-half), min(1, mid+half)
}
