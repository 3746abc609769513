package engine

import "time"

// crewRest is how long a goroutine of a crew waits for more to do.
const crewRest = 5 * time.Second

// crew runs functions, each in a goroutine of its own, and keeps those that are
// done for the next: a handler goes deep, and a fresh goroutine's stack has to be
// copied several times until it holds that.
type crew struct {
	work chan func()
	over <-chan struct{} // then nobody waits any more
}

func newCrew(over <-chan struct{}) *crew { return &crew{work: make(chan func()), over: over} }

// do runs f, and does not wait for it.
func (c *crew) do(f func()) {
	select {
	case c.work <- f: // one who rests takes it
	default:
		go c.serve(f)
	}
}

func (c *crew) serve(f func()) {
	rest := time.NewTimer(crewRest)
	defer rest.Stop()
	for {
		f()
		rest.Reset(crewRest)
		select {
		case f = <-c.work:
		case <-rest.C:
			return
		case <-c.over:
			return
		}
	}
}
