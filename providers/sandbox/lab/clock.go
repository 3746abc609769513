package lab

import (
	"sync"
	"time"
)

// Clock is the lab's time. It runs some times as fast as the wall's and can be
// moved ahead, never back. It is safe for concurrent use.
type Clock struct {
	wall func() time.Time

	mu    sync.Mutex
	at    time.Time // wall time at which the lab's time was lab
	lab   time.Time
	speed float64
}

func newClock(wall func() time.Time, speed float64) *Clock {
	now := wall()
	return &Clock{wall: wall, at: now, lab: now.UTC(), speed: speed}
}

// Now returns the lab's time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	passed := c.wall().Sub(c.at)
	return c.lab.Add(time.Duration(float64(passed) * c.speed))
}

// Wall returns the time of who calls, which no script moves: what clients sign is
// dated by it.
func (c *Clock) Wall() time.Time { return c.wall() }

// Speed returns lab seconds per wall second.
func (c *Clock) Speed() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speed
}

// Advance moves the time ahead; a negative duration does nothing.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rebase(c.now().Add(max(d, 0)))
}

// SetSpeed makes a wall second last speed lab seconds; below zero is taken as
// zero, which stops the clock.
func (c *Clock) SetSpeed(speed float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rebase(c.now())
	c.speed = max(speed, 0)
}

// atLeast moves the time to t unless it is past it: a lab that is opened again
// goes on where it stopped.
func (c *Clock) atLeast(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now()) {
		c.rebase(t)
	}
}

func (c *Clock) rebase(lab time.Time) {
	c.at, c.lab = c.wall(), lab
}
