package chat

import (
	"context"
	"sync"
)

// maxWaiting bounds what of an answer waits to be written, in bytes: a vendor that
// sends without an end would otherwise fill the memory while the queue is slow.
const maxWaiting = 1 << 20

// pump writes events to a reply on a goroutine of its own: what gathers while
// one entry is written becomes the next. A vendor that is faster than the reply is
// made to wait.
type pump struct {
	reply reply
	moved *sync.Cond // something waits, was taken, or the pump was closed
	done  chan struct{}

	mu      sync.Mutex
	waiting [][]byte
	size    int // of what waits, in bytes
	closed  bool
	err     error
}

func newPump(ctx context.Context, reply reply) *pump {
	p := &pump{reply: reply, done: make(chan struct{})}
	p.moved = sync.NewCond(&p.mu)
	go p.run(ctx)
	return p
}

func (p *pump) run(ctx context.Context) {
	defer close(p.done)
	for {
		events := p.next()
		if len(events) == 0 {
			return
		}
		if err := p.reply.Data(ctx, events...); err != nil {
			p.stop(err)
			return
		}
	}
}

// next waits for events; none are left once the pump is closed.
func (p *pump) next() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.waiting) == 0 && !p.closed {
		p.moved.Wait()
	}
	events := p.waiting
	p.waiting, p.size = nil, 0
	p.moved.Broadcast()
	return events
}

func (p *pump) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.closed, p.waiting = err, true, nil
	p.moved.Broadcast()
}

// add hands events over, and waits while too much is under way.
func (p *pump) add(events ...[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.size > maxWaiting && !p.closed {
		p.moved.Wait()
	}
	if p.closed {
		return
	}
	p.waiting = append(p.waiting, events...)
	for _, event := range events {
		p.size += len(event)
	}
	p.moved.Broadcast()
}

// close writes what waits and joins the goroutine.
func (p *pump) close() {
	p.mu.Lock()
	p.closed = true
	p.moved.Broadcast()
	p.mu.Unlock()
	<-p.done
}

func (p *pump) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}
