package engine

import "time"

// poolRest is how long a goroutine of a pool waits for more to do.
const poolRest = 5 * time.Second

// pool runs functions, each in a goroutine of its own, and keeps those that are
// done for the next: a handler goes deep, and a fresh goroutine's stack has to be
// copied several times until it holds that.
type pool struct {
	work chan func()
	over <-chan struct{} // closed when idle goroutines are to end
}

func newPool(over <-chan struct{}) *pool { return &pool{work: make(chan func()), over: over} }

// do runs f, and does not wait for it.
func (c *pool) do(f func()) {
	select {
	case c.work <- f: // an idle goroutine takes it
	default:
		go c.serve(f)
	}
}

func (c *pool) serve(f func()) {
	rest := time.NewTimer(poolRest)
	defer rest.Stop()
	for {
		f()
		rest.Reset(poolRest)
		select {
		case f = <-c.work:
		case <-rest.C:
			return
		case <-c.over:
			return
		}
	}
}
