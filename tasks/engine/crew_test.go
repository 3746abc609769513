package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestCrew has functions that wait for each other run at once, and leaves nobody
// behind: who rests goes after a while, or at the end.
func TestCrew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		c := newCrew(over)
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
		time.Sleep(2 * crewRest) // of the bubble's clock
		synctest.Wait()
		select {
		case c.work <- func() {}:
			t.Error("somebody still rests")
		default:
		}
		both()
		close(over) // a bubble with anybody left in it fails
	})
}
