package flight

import (
	"context"
	"fmt"
	"sync"
)

// Reads lets callers who ask for the same at the same time share one answer.
// An answer is never older than the question: who comes while a read is under
// way waits for the next one, which is for all who came meanwhile. Its zero
// value works.
type Reads[K comparable, V any] struct {
	mu      sync.Mutex
	running map[K]*shared[V] // by what is read
}

// shared is one read, and what comes of it.
type shared[V any] struct {
	ctx   context.Context // of the first who asked for it, without its end
	read  func(context.Context) (V, error)
	begun bool       // whoever comes now is too late; Reads.mu
	next  *shared[V] // of those who came too late for this one; Reads.mu
	done  chan struct{}
	value V
	err   error
}

// Get returns what read answers to this caller or to another. The read outlives
// the context of the one who happened to ask first, up to GroupTime; each waits
// for as long as its own context lets it. Where read panics all who wait for it
// get an error.
func (r *Reads[K, V]) Get(ctx context.Context, key K, read func(context.Context) (V, error)) (V, error) {
	s := r.join(ctx, key, read)
	select {
	case <-s.done:
		return s.value, s.err
	case <-ctx.Done():
		var none V
		return none, fmt.Errorf("wait for a read to share: %w", context.Cause(ctx))
	}
}

// join returns the read that answers to who comes now, and sees to it that it is made.
func (r *Reads[K, V]) join(ctx context.Context, key K, read func(context.Context) (V, error)) *shared[V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.running[key]
	if now != nil && !now.begun {
		return now
	}
	if now != nil && now.next != nil {
		return now.next
	}
	s := &shared[V]{ctx: context.WithoutCancel(ctx), read: read, done: make(chan struct{})}
	if now != nil {
		now.next = s
		return s
	}
	if r.running == nil {
		r.running = map[K]*shared[V]{}
	}
	r.running[key] = s
	go r.run(key, s)
	return s
}

// run makes a read, and then the one that others wait for meanwhile.
func (r *Reads[K, V]) run(key K, s *shared[V]) {
	for s != nil {
		r.mu.Lock()
		s.begun = true
		r.mu.Unlock()
		s.value, s.err = s.answer()
		s = r.finish(key, s)
	}
}

func (s *shared[V]) answer() (value V, err error) {
	defer recovered(&err, "a shared read")
	ctx, cancel := context.WithTimeout(s.ctx, GroupTime)
	defer cancel()
	return s.read(ctx)
}

// finish lets go of those who waited, and returns the read that is to be made next.
func (r *Reads[K, V]) finish(key K, s *shared[V]) *shared[V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.next == nil {
		delete(r.running, key)
	} else {
		r.running[key] = s.next
	}
	close(s.done)
	return s.next
}
