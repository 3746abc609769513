package pace

import (
	"time"

	"dreamlab/providers"
)

// book counts one unit of an account. Sent and done only grow: a call is sent when it is
// let go, and done when its answer's headers are there, or it failed.
//
// When the headers of a call come, all that was done before it was sent is in the
// vendor's count, and so is the call. Of the rest that was sent, some may not be. So with
// left from the headers, done as it was when the call was sent, and the call's own need,
// no more may ever have been sent than
//
//	most = left + done + need
//
// until the limit is reset, or as much more as has come back since.
type book struct {
	sent, done int64

	told        bool
	most        int64
	limit, left int64 // limit is 0 where it is not known
	heard       time.Time
	reset       time.Time
	refills     bool
}

// fit returns a need of a call that is not larger than the limit: the vendor has to say
// what becomes of a larger one.
func (b *book) fit(need int64) int64 {
	if b.told && b.limit > 0 {
		return min(need, b.limit)
	}
	return need
}

// wait returns how long to wait until there is room, 0 where there is.
func (b *book) wait(need int64, now time.Time) time.Duration {
	b.roll(now)
	if !b.told {
		return 0
	}
	short := b.sent + need - b.most - b.returned(now)
	if short <= 0 {
		return 0
	}
	reset := b.reset.Sub(now)
	if used := b.limit - b.left; b.refills && used > 0 {
		back := time.Duration(float64(b.reset.Sub(b.heard)) * float64(short) / float64(used))
		return min(back+time.Millisecond, reset)
	}
	return reset
}

// returned is how much of what was used has come back since the headers came.
func (b *book) returned(now time.Time) int64 {
	if !b.refills || b.limit <= b.left {
		return 0
	}
	part := float64(now.Sub(b.heard)) / float64(b.reset.Sub(b.heard))
	return int64(float64(b.limit-b.left) * part)
}

// roll begins a new window where the last one is over: all is there again but for what is
// under way. How long it lasts the next headers say.
func (b *book) roll(now time.Time) {
	if !b.told || now.Before(b.reset) {
		return
	}
	if b.limit == 0 {
		b.told = false
		return
	}
	b.most, b.left = b.done+b.limit, b.limit
	b.heard, b.reset, b.refills = now, now.Add(window), false
}

// learn takes in what a vendor says is left, after a call and all that was done before it.
func (b *book) learn(l providers.Allowance, covered int64, now time.Time) {
	b.told, b.most = true, l.Left+covered
	b.limit, b.left, b.refills = l.Limit, l.Left, l.Refills
	b.heard, b.reset = now, now.Add(l.Reset)
}
