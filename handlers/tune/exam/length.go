package exam

import "math"

const (
	lengthSteps = 50   // of Newton's method; it ends in under ten
	ridge       = 0.05 // keeps the fit finite where all papers are won
)

// lengthEven is the win rate that is left when both answers are equally long, by a logistic
// regression of the scores on the difference of the lengths, as AlpacaEval does it
// (https://arxiv.org/abs/2404.04475). It is shown, and decides nothing.
func lengthEven(comparisons []Comparison) float64 {
	if len(comparisons) == 0 {
		return 0
	}
	var base, slope float64
	for range lengthSteps {
		g0, g1 := -ridge*base, -ridge*slope
		h00, h01, h11 := ridge, 0.0, ridge
		for _, p := range comparisons {
			x := lengthDifference(p)
			won := logistic(base + slope*x)
			miss, weight := score(p)-won, won*(1-won)
			g0, g1 = g0+miss, g1+miss*x
			h00, h01, h11 = h00+weight, h01+weight*x, h11+weight*x*x
		}
		det := h00*h11 - h01*h01
		step0, step1 := (h11*g0-h01*g1)/det, (h00*g1-h01*g0)/det
		base, slope = base+step0, slope+step1
		if math.Abs(step0)+math.Abs(step1) < 1e-9 {
			break
		}
	}
	return logistic(base)
}

// lengthDifference is between -1, all the length is the incumbent's, and 1.
func lengthDifference(p Comparison) float64 {
	candidate, incumbent := float64(p.Bytes[0]), float64(p.Bytes[1])
	return (candidate - incumbent) / max(candidate+incumbent, 1)
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
