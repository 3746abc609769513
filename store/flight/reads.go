package flight

import (
	"context"
	"fmt"
	"sync"
)

// Reads lets callers that ask for the same thing at the same time share one read. An answer is
// never older than the call: a caller that comes while a read is running waits for the next
// one, which serves all callers that came meanwhile. Its zero value works.
type Reads[K comparable, V any] struct {
	mu      sync.Mutex
	running map[K]*shared[V] // by what is read
}

// shared is one read and its result.
type shared[V any] struct {
	ctx   context.Context // of the first caller, without its cancellation
	read  func(context.Context) (V, error)
	begun bool       // later callers need the next read; guarded by Reads.mu
	next  *shared[V] // the read of the callers that came after this one began; guarded by Reads.mu
	done  chan struct{}
	value V
	err   error
}

// Get returns the result of read, called for this caller or for another one. The read does not
// end with the first caller's context, and is bounded by GroupTime; each caller waits until its
// own context ends. Where read panics all its callers get an error.
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

// join returns the read that serves a new caller, and starts it where it is the first.
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

// run makes a read, and then the one for the callers that came meanwhile.
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

// finish releases the callers of a read, and returns the read that is to be made next.
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
