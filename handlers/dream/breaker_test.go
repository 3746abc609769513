package dream

import (
	"strings"
	"testing"
	"time"

	"dreamlab/handlers/dream/study"
	"dreamlab/store/learn"
)

// series are slices that ended one after the other, an hour apart, the last of them just now.
func series(slices ...yielded) []yielded {
	for i := range slices[:len(slices)-1] {
		slices[i].ended = time.Date(2026, 5, 4, i, 0, 0, 0, time.UTC)
	}
	return slices
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	good, few, none := yielded{paid: 50, kept: 20, nano: 20e6}, yielded{paid: 50, kept: 2, nano: 2e6}, yielded{paid: 50, nano: 1e6}
	dear := yielded{paid: 50, kept: 20, nano: 100e6}
	free := yielded{} // all of it was screened
	never := Breaker{Yield: -1, Cost: -1, Malformed: -1}
	for name, c := range map[string]struct {
		breaker Breaker
		slices  []yielded
		why     string
	}{
		"steady":              {Breaker{}, series(good, good, good, good, good), ""},
		"too few to tell":     {Breaker{}, series(good, good, none), ""},
		"yield":               {Breaker{}, series(good, good, few, few), "the yield fell: of the last 100 experiences 4 gave a row, of the 100 before 40"},
		"yield of nothing":    {Breaker{}, series(good, good, none, none), "the yield fell: of the last 100"},
		"a quarter is enough": {Breaker{}, series(good, good, yielded{paid: 100, kept: 10, nano: 10e6}), ""},
		"nothing at all":      {Breaker{}, series(none, none, none, none), "none of 200 experiences gave a row"},
		"cost":                {Breaker{}, series(good, good, dear, dear), "the cost of a kept row rose: from $0.001 to $0.005"},
		"a dear bargain":      {Breaker{Cost: 5}, series(good, good, dear, dear), ""},
		"a smaller window":    {Breaker{Window: 50}, series(good, none), "the yield fell"},
		"screened slices":     {Breaker{}, series(good, good, free, free, free), ""},
		"switched off":        {never, series(good, good, none, none), ""},
		"cost switched off":   {Breaker{Cost: -1}, series(good, good, dear, dear), ""},
	} {
		why := c.breaker.filled().why(c.slices)
		if c.why == "" && why != "" || !strings.HasPrefix(why, c.why) {
			t.Errorf("%s: %q", name, why)
		}
	}
	mixed := series(few, few, good, good)
	mixed[0], mixed[3] = mixed[3], mixed[0] // in another order than that in which they ended
	if why := (Breaker{}).filled().why(mixed); why != "" {
		t.Errorf("a rising yield: %q", why)
	}
}

func TestBreakerOfMalformedVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		share             float64
		malformed, judged int
		want              bool
	}{
		{0, 0, 9, false}, {0, 1, 0, true}, {0, 9, 9, false}, {0, 10, 30, false}, {0, 11, 30, true}, {0.5, 11, 30, false},
		{0.1, 10, 50, true}, {-1, 40, 30, false}, {-1, 1, 0, true},
	} {
		r := sliceResult{Counts: learn.DreamCounts{Judged: c.judged, Rejected: map[string]int{study.Malformed: c.malformed}}}
		if got := (Breaker{Malformed: c.share}).filled().unreadable(r); got != c.want {
			t.Errorf("%d malformed of %d at %v: %v", c.malformed, c.malformed+c.judged, c.share, got)
		}
	}
}
