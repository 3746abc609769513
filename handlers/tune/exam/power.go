package exam

import (
	"fmt"
	"math"
	"sort"

	"dreamlab/store/learn"
)

// enough is the probability with which a better model has to be found: 80 %, with a point to spare.
const enough = 0.81

// fivePoints is the win rate of a model that is five points better than an equal one.
const fivePoints = 0.55

// tooMany is more conversations than an exam will ever have.
const tooMany = 1 << 24

// Plan says what an exam of n conversations can decide at a look, before anything is paid. It
// reckons without ties, which only make an exam more certain.
func (g Gate) Plan(n int, look Look) learn.ExamPlan {
	p := learn.ExamPlan{Conversations: n, Look: look, Detectable: whole}
	found := sort.Search(whole, func(rate int) bool { return g.power(float64(rate)/whole, n, look.Alpha) >= enough })
	p.Detectable = int64(found)
	p.FivePoints = tenThousandths(g.power(fivePoints, n, look.Alpha))
	p.Needed = g.needed(look.Alpha)
	p.Undecidable = g.undecidable(p)
	return p
}

// power is the probability that a model of that true win rate is found.
func (g Gate) power(rate float64, n int, alpha int64) float64 {
	if n == 0 || rate <= g.bar() {
		return 0
	}
	if n <= exactly {
		return binomialTail(g.winsNeeded(n, alpha), n, rate)
	}
	size, bar := float64(n), g.bar()
	critical := bar + 1/(2*size) + quantile(alpha)*deviation(bar)/math.Sqrt(size)
	return normal((rate - critical) * math.Sqrt(size) / deviation(rate))
}

// exactly is up to how many conversations the power is summed exactly; beyond it the normal
// distribution is as good.
const exactly = 10_000

// winsNeeded is how many of n conversations a candidate has to win.
func (g Gate) winsNeeded(n int, alpha int64) int {
	return sort.Search(n+1, func(wins int) bool {
		return scores{n: n, mean: float64(wins) / float64(n)}.bound(alpha) > g.bar()
	})
}

// bar is the win rate above which a candidate is better.
func (g Gate) bar() float64 { return 0.5 + float64(g.Margin)/whole }

// deviation is the standard deviation of a comparison that is won with a probability.
func deviation(rate float64) float64 { return math.Sqrt(rate * (1 - rate)) }

// needed is how many conversations find a model that is five points better; 0: no number does,
// because the margin is as large.
func (g Gate) needed(alpha int64) int {
	if g.power(fivePoints, tooMany, alpha) < enough {
		return 0
	}
	return sort.Search(tooMany, func(n int) bool { return g.power(fivePoints, n, alpha) >= enough })
}

// undecidable says why an exam would decide nothing, or "".
func (g Gate) undecidable(p learn.ExamPlan) string {
	switch {
	case p.Conversations < g.Conversations:
		return fmt.Sprintf("%d held-out conversations of %d needed", p.Conversations, g.Conversations)
	case p.Detectable > g.Detect:
		return fmt.Sprintf("%d held-out conversations find no model below a win rate of %s at look %d of the year; "+
			"%s has to be found", p.Conversations, percent(p.Detectable), p.Look.Number, percent(g.Detect))
	}
	return ""
}

// Describe says in a sentence what an exam can decide.
func Describe(p learn.ExamPlan) string {
	five := "the margin leaves no room for a model 5 points better"
	if p.Needed > 0 {
		five = fmt.Sprintf("a model 5 points better is found with %s, and with 80%% from %d conversations on",
			percent(p.FivePoints), p.Needed)
	}
	return fmt.Sprintf("an exam of %d conversations, look %d of the year, finds a win rate of %s with 80%%; %s",
		p.Conversations, p.Look.Number, percent(p.Detectable), five)
}
