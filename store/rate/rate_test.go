package rate_test

import (
	"testing"
	"time"

	"dreamlab/store/rate"
)

// TestRateGrants holds that any minute after the burst has as many as the rate says,
// however the requests come.
func TestRateGrants(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{time.Millisecond, 37 * time.Millisecond, 99 * time.Millisecond} {
		bound := rate.Rate{PerMinute: 600, Burst: 60, Cost: 1}
		now, full := time.Unix(1_000_000, 0), time.Time{}
		var at []time.Time
		for end := now.Add(3 * time.Minute); now.Before(end); now = now.Add(every) {
			granted, next := bound.Ask(now, full)
			if full = next; granted.Wait == 0 {
				at = append(at, now)
			}
		}
		begin := at[0].Add(time.Minute) // the burst is spent long before
		n := 0
		for _, moment := range at {
			if !moment.Before(begin) && moment.Before(begin.Add(time.Minute)) {
				n++
			}
		}
		if n < 594 || n > 606 {
			t.Errorf("asked every %s: %d in a minute, want 600", every, n)
		}
	}
}

// TestRateTells holds what is told: what is left, when, and how long to wait.
func TestRateTells(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	bound := rate.Rate{PerMinute: 60, Burst: 2, Cost: 1}
	granted, full := bound.Ask(now, time.Time{})
	if granted != (rate.Granted{Remaining: 1, Reset: time.Second}) {
		t.Errorf("the first: %+v", granted)
	}
	granted, full = bound.Ask(now, full)
	if granted != (rate.Granted{Remaining: 0, Reset: 2 * time.Second}) {
		t.Errorf("the second: %+v", granted)
	}
	granted, same := bound.Ask(now.Add(500*time.Millisecond), full)
	if granted.Wait != 500*time.Millisecond || same != full {
		t.Errorf("the third: %+v", granted)
	}
	if granted, _ := bound.Ask(now.Add(time.Second), full); granted.Wait != 0 {
		t.Errorf("a second later: %+v", granted)
	}
	bound.Cost = 0
	if granted, same := bound.Ask(now, full); granted.Wait != 0 || same != full || granted.Remaining != 0 {
		t.Errorf("a look: %+v", granted)
	}
}
