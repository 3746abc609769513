package chat

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
)

// slowReply takes an entry whenever it is told to.
type slowReply struct {
	discard
	proceed chan struct{}
	got     int
}

func (r *slowReply) Data(_ context.Context, lines ...[]byte) error {
	<-r.proceed
	for _, line := range lines {
		r.got += len(line)
	}
	return nil
}

func TestPumpMakesAFastVendorWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reply := &slowReply{proceed: make(chan struct{})}
		p := newPump(t.Context(), reply)
		line, added := bytes.Repeat([]byte("x"), maxWaiting/4), 0
		go func() {
			for range 20 {
				p.add(line)
				added++
			}
		}()
		synctest.Wait()
		if added > 10 { // five may be under way, and five wait
			t.Errorf("%d of 20 were taken while nothing was written", added)
		}
		close(reply.proceed)
		synctest.Wait()
		p.close()
		if added != 20 || reply.got != 20*len(line) {
			t.Errorf("%d of 20 were taken, %d bytes written", added, reply.got)
		}
	})
}
