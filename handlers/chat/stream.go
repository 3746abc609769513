package chat

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store"
)

// stream lets an answer flow into a reply: each chunk gets our id and the name
// that the client asked for, and is written with whatever became ready beside
// it. What shows nothing is held back, because the last chunk is to carry what
// is only known at the end.
type stream struct {
	label   label
	created int64 // unix seconds, for chunks of our own
	pump    *pump
	held    [][]byte
	usage   []byte // the vendor's own count, when it came
	shown   bool
}

func (t *turn) newStream(ctx context.Context) *stream {
	return &stream{
		label: t.label(), created: t.run.Job.Created.Unix(), pump: newPump(ctx, t.reply),
	}
}

// take is the sink of the call. A reply that can not be written does not stop
// the answer, which is paid for and kept; one that another worker writes does.
func (s *stream) take(chunk providers.Chunk) error {
	if s.fenced() {
		return store.ErrFenced
	}
	line := s.label.chunk(chunk.Data)
	if line.usage != nil {
		s.usage = bytes.Clone(line.usage)
	}
	if line.noChoices {
		return nil // a vendor's chunk of usage; ours is written at the end
	}
	s.held = append(s.held, line.data)
	switch {
	case chunk.Shows && !chunk.Ends:
		s.release(0)
	case s.shown:
		s.release(1)
	}
	s.shown = s.shown || chunk.Shows
	return nil
}

// release writes what is held back, but for the last few.
func (s *stream) release(but int) {
	if n := len(s.held) - but; n > 0 {
		s.pump.add(s.held[:n:n]...)
		s.held = append([][]byte(nil), s.held[n:]...)
	}
}

// tail returns the events that end a reply.
func (s *stream) tail(a *handlers.Answered, ours []byte, usage bool) [][]byte {
	if len(s.held) == 0 {
		s.held = [][]byte{s.closing(a)}
	}
	if usage {
		s.held = append(s.held, s.counted(a))
	}
	last := len(s.held) - 1
	s.held[last] = completion.With(s.held[last], "dreamlab", ours)
	return append(s.held, []byte("[DONE]"))
}

func (s *stream) close()        { s.pump.close() }
func (s *stream) broken() error { return s.pump.failure() }
func (s *stream) fenced() bool  { return errors.Is(s.pump.failure(), store.ErrFenced) }

// pump writes events to a reply on a goroutine of its own: what gathers while
// one entry is written becomes the next.
type pump struct {
	reply reply
	ready *sync.Cond
	done  chan struct{}

	mu      sync.Mutex
	waiting [][]byte
	closed  bool
	err     error
}

func newPump(ctx context.Context, reply reply) *pump {
	p := &pump{reply: reply, done: make(chan struct{})}
	p.ready = sync.NewCond(&p.mu)
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
		p.ready.Wait()
	}
	events := p.waiting
	p.waiting = nil
	return events
}

func (p *pump) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.closed, p.waiting = err, true, nil
}

func (p *pump) add(events ...[]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.waiting = append(p.waiting, events...)
	p.ready.Signal()
}

// close writes what waits and joins the goroutine.
func (p *pump) close() {
	p.mu.Lock()
	p.closed = true
	p.ready.Signal()
	p.mu.Unlock()
	<-p.done
}

func (p *pump) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}
