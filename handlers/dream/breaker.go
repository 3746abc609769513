package dream

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dreamlab/handlers/dream/study"
	"dreamlab/store/money"
)

// Breaker says when a dream ends early: it gives back what it has not begun to another dream. It holds what came
// last against what came before, both of at least a window.
type Breaker struct {
	// Window is how many experiences that were paid for are held against those before. Defaults to 100.
	Window int
	// Yield is the share of the rows kept before, for each experience, below which the last ones may not
	// fall. Defaults to 0.25; a negative one switches it off.
	Yield float64
	// Cost is how many times as much as before a kept row may cost. Defaults to 4; a negative one switches it off.
	Cost float64
	// Malformed is the share of verdicts that may be unreadable, once there are ten of these. Defaults to
	// 0.25; a negative one switches it off.
	Malformed float64
}

func (b Breaker) filled() Breaker {
	b.Window = max(cmp.Or(b.Window, 100), 1)
	b.Yield, b.Cost, b.Malformed = cmp.Or(b.Yield, 0.25), cmp.Or(b.Cost, 4), cmp.Or(b.Malformed, 0.25)
	return b
}

// yielded is what a slice came to.
type yielded struct {
	ended time.Time // zero for the one that is at its end
	paid  int       // experiences that a model was asked about
	kept  int
	nano  int64
}

// yieldOf leaves out what users corrected: those rows cost nothing.
func yieldOf(r sliceResult, ended time.Time) yielded {
	y := yielded{ended: ended, paid: r.Counts.Replayed, nano: r.Live}
	for _, f := range r.Findings {
		y.kept += count(f.Kept && f.Verdict != study.Corrected)
	}
	return y
}

func (y *yielded) add(o yielded) {
	y.paid += o.paid
	y.kept += o.kept
	y.nano += o.nano
}

// halves parts slices, in the order in which they ended, into the last ones that make a window and those before.
func (b Breaker) halves(all []yielded) (before, last yielded) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(x, y yielded) int {
		if x.ended.IsZero() || y.ended.IsZero() {
			return cmp.Compare(endRank(x), endRank(y))
		}
		return x.ended.Compare(y.ended)
	})
	for _, y := range slices.Backward(all) {
		if last.paid < b.Window {
			last.add(y)
		} else {
			before.add(y)
		}
	}
	return before, last
}

func endRank(y yielded) int {
	if y.ended.IsZero() {
		return 1
	}
	return 0
}

// why says why a dream of these slices ends early, "" where it goes on.
func (b Breaker) why(all []yielded) string {
	before, last := b.halves(all)
	if before.paid < b.Window || last.paid < b.Window {
		return ""
	}
	was, is := float64(before.kept)/float64(before.paid), float64(last.kept)/float64(last.paid)
	switch {
	case b.Yield > 0 && before.kept == 0 && last.kept == 0:
		return fmt.Sprintf("none of %d experiences gave a row", before.paid+last.paid)
	case b.Yield > 0 && is < b.Yield*was:
		return fmt.Sprintf("the yield fell: of the last %d experiences %d gave a row, of the %d before %d",
			last.paid, last.kept, before.paid, before.kept)
	case b.Cost > 0 && before.kept > 0 && last.kept > 0 && dearer(before, last, b.Cost):
		return fmt.Sprintf("the cost of a kept row rose: from $%s to $%s",
			money.USD(before.nano/int64(before.kept)), money.USD(last.nano/int64(last.kept)))
	}
	return ""
}

// dearer tells whether a kept row costs more than so many times as much as before.
func dearer(before, last yielded, times float64) bool {
	was, is := float64(before.nano)/float64(before.kept), float64(last.nano)/float64(last.kept)
	return before.nano > 0 && is > times*was
}

// fewMalformed is how many verdicts have to be unreadable before their share counts: what the dream
// would keep is then what such a judge happens to write well.
const fewMalformed = 10

// unreadable tells whether verdicts were asked for and none, or too few, of them could be read.
func (b Breaker) unreadable(r sliceResult) bool {
	malformed, judged := r.Counts.Rejected[study.Malformed], r.Counts.Judged
	if judged == 0 {
		return malformed > 0
	}
	share := float64(malformed) / float64(malformed+judged)
	return b.Malformed > 0 && malformed >= fewMalformed && share > b.Malformed
}
