// Package rate holds bounds that refill evenly, and of how many may be open at once, for limits that are shared through Redis
// and those of one process.
package rate

import "time"

// Rate is a bound that refills evenly (GCRA, https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).
type Rate struct {
	Name      string // of what is bounded
	PerMinute int64
	Burst     int64 // how much may come at once
	Cost      int64 // what is asked for now; 0 only looks
}

// Granted is what a rate has after it was asked.
type Granted struct {
	Remaining int64         // of the burst
	Reset     time.Duration // until all of the burst is there again
	Wait      time.Duration // until what was asked for is there; 0 where it was granted
}

// Each is how long one unit takes to refill.
func (r Rate) Each() float64 { return float64(time.Minute) / float64(r.PerMinute) }

// Ask tells what the rate has at an instant, by the instant at which its last unit is
// refilled, and that instant afterwards. Nothing is taken where there is a wait.
func (r Rate) Ask(now, full time.Time) (Granted, time.Time) {
	if full.Before(now) {
		full = now
	}
	each, burst := r.Each(), r.Each()*float64(r.Burst)
	after := full.Add(time.Duration(each * float64(r.Cost)))
	if wait := float64(after.Sub(now)) - burst; wait > 0.5 {
		return r.granted(full.Sub(now), time.Duration(wait)), full
	}
	return r.granted(after.Sub(now), 0), after
}

func (r Rate) granted(reset, wait time.Duration) Granted {
	left := float64(r.Burst) - float64(reset)/r.Each()
	return Granted{Remaining: max(0, int64(left+1e-6)), Reset: reset, Wait: wait}
}
