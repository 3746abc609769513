package schedule

import (
	"fmt"
	"time"
)

// Settings say when dreams start by themselves. Their zero value works.
type Settings struct {
	Threshold int            // fresh experiences that are worth a dream. Defaults to 100.
	Limit     int            // experiences in a dream. Defaults to 1,000.
	From, To  time.Duration  // the off-peak window, since midnight. Defaults to 01:00 to 06:00.
	Zone      *time.Location // of the window. Defaults to UTC.
	IdleWait  time.Duration  // the longest wait of a chat that counts as idle. Defaults to 100 ms.
	Starts    int            // dreams of a tenant in a day, at most. Defaults to 24.
	CoolDown  time.Duration  // how long the breaker stays open. Defaults to 24 hours.
}

func (s Settings) filled() Settings {
	s.Threshold = positive(s.Threshold, 100)
	s.Limit = positive(s.Limit, 1_000)
	s.Starts = positive(s.Starts, 24)
	s.IdleWait = positive(s.IdleWait, 100*time.Millisecond)
	s.CoolDown = positive(s.CoolDown, 24*time.Hour)
	if s.From == s.To {
		s.From, s.To = time.Hour, 6*time.Hour
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	return s
}

func positive[T int | time.Duration](given, otherwise T) T {
	if given > 0 {
		return given
	}
	return otherwise
}

// facts are all that a decision depends on.
type facts struct {
	Now     time.Time
	Fresh   int // experiences that no dream has taken
	Running bool
	Load    Load
	Capped  bool  // a budget limits the tenant
	Left    int64 // what is left of that budget, nano-dollars
	Starts  int   // dreams begun today
	Recent  []outcome
}

// outcome is what a dream came to, newest first.
type outcome struct {
	Ended time.Time
	Kept  int
	Cost  int64 // nano-dollars
}

// decide says whether a dream is due, and why.
func decide(f facts, s Settings) (start bool, reason string) {
	switch {
	case f.Running:
		return false, "running: the last dream has not ended"
	case f.Fresh < s.Threshold:
		return false, fmt.Sprintf("too few experiences: %d of %d", f.Fresh, s.Threshold)
	case f.Capped && f.Left <= 0:
		return false, "budget: it is used up"
	case f.Starts >= s.Starts:
		return false, fmt.Sprintf("breaker: %d dreams were started today", f.Starts)
	}
	if reason := breaker(f, s); reason != "" {
		return false, reason
	}
	idle := f.Load.Chats == 0 && f.Load.Wait <= s.IdleWait
	switch {
	case s.offPeak(f.Now):
		return true, "off-peak"
	case idle:
		return true, "idle"
	}
	return false, fmt.Sprintf("busy: %d chats, and it is not off-peak", f.Load.Chats)
}

// breakerDreams is how many dreams in a row the breaker looks at.
const breakerDreams = 3

// breaker returns why no dream may start: the last ones kept nothing, or each kept less
// for its money than the one before. It closes after the cool-down.
func breaker(f facts, s Settings) string {
	if len(f.Recent) < breakerDreams || f.Now.Sub(f.Recent[0].Ended) >= s.CoolDown {
		return ""
	}
	last := f.Recent[:breakerDreams]
	yield, rising := 0, true
	for i, o := range last {
		yield += o.Kept
		rising = rising && o.Kept > 0 && (i == 0 || dearer(last[i-1], o))
	}
	switch {
	case yield == 0:
		return "breaker: the last dreams kept nothing"
	case rising:
		return "breaker: each kept example costs more than the one before"
	}
	return ""
}

// dearer tells whether an example of dream a cost over a quarter more than one of dream b.
func dearer(a, b outcome) bool {
	return b.Kept > 0 && a.Cost/int64(a.Kept) > b.Cost/int64(b.Kept)*5/4
}

// Until returns how long it is from now to the off-peak window, 0 within it.
func (s Settings) Until(now time.Time) time.Duration {
	s = s.filled()
	if s.offPeak(now) {
		return 0
	}
	year, month, day := now.In(s.Zone).Date()
	opens := time.Date(year, month, day, 0, 0, 0, 0, s.Zone).Add(s.From)
	if !opens.After(now) {
		opens = time.Date(year, month, day+1, 0, 0, 0, 0, s.Zone).Add(s.From)
	}
	return opens.Sub(now)
}

// offPeak tells whether the window is open; one that ends before it begins
// spans midnight.
func (s Settings) offPeak(now time.Time) bool {
	local := now.In(s.Zone)
	at := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
	if s.From < s.To {
		return at >= s.From && at < s.To
	}
	return at >= s.From || at < s.To
}
