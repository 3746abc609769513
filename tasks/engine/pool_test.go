package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPool has functions that wait for each other run at once, and leaves no
// goroutine behind: idle ones end after a while, or when the pool is closed.
func TestPool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		c := newPool(over)
		met := make(chan int)
		both := func() {
			c.do(func() { met <- 1 })
			c.do(func() { met <- 2 })
			if got := <-met + <-met; got != 3 {
				t.Errorf("met %d", got)
			}
		}
		both()
		synctest.Wait()
		both()
		time.Sleep(2 * poolRest) // of the bubble's clock
		synctest.Wait()
		select {
		case c.work <- func() {}:
			t.Error("a goroutine is still idle")
		default:
		}
		both()
		close(over) // a bubble with a goroutine left in it fails
	})
}
