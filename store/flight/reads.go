package flight

import (
	"context"
	"runtime"
	"sync"
)

// Reads lets callers who ask for the same at the same time share one answer.
// An answer is never older than the question: who comes while a read is under
// way waits for the next one, which is for all who came meanwhile. Its zero
// value works.
type Reads[K comparable, V any] struct {
	mu    sync.Mutex
	lines map[K]*flight[V] // the one under way, by what is read
}

// flight is one read, and those who wait for its answer.
type flight[V any] struct {
	next  *flight[V]    // of those who came too late for this one; Reads.mu
	gone  bool          // it has begun: whoever comes now is too late; Reads.mu
	begin chan struct{} // a token for one of those who wait, who makes it
	done  chan struct{}
	value V
	err   error
}

func newFlight[V any]() *flight[V] {
	return &flight[V]{begin: make(chan struct{}, 1), done: make(chan struct{})}
}

// Get returns what read answers, in this goroutine or in another's. The read
// outlives the context of the one who happens to make it, up to GroupTime.
func (r *Reads[K, V]) Get(ctx context.Context, key K, read func(context.Context) (V, error)) (V, error) {
	f, first := r.board(key)
	if first {
		runtime.Gosched() // those who are about to come fly along
	} else {
		select {
		case <-f.done:
			return f.value, f.err
		case <-f.begin:
		}
	}
	r.depart(f)
	defer r.land(key, f)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), GroupTime)
	defer cancel()
	f.value, f.err = read(ctx)
	return f.value, f.err
}

// board returns the flight to take, and whether it is to be made at once.
func (r *Reads[K, V]) board(key K) (f *flight[V], first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.lines[key]
	if now == nil {
		if r.lines == nil {
			r.lines = map[K]*flight[V]{}
		}
		f = newFlight[V]()
		r.lines[key] = f
		return f, true
	}
	if !now.gone {
		return now, false
	}
	if now.next == nil {
		now.next = newFlight[V]()
	}
	return now.next, false
}

// depart closes a flight to those who come.
func (r *Reads[K, V]) depart(f *flight[V]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.gone = true
}

// land lets go of those who waited, and has the next flight begin.
func (r *Reads[K, V]) land(key K, f *flight[V]) {
	r.mu.Lock()
	next := f.next
	if next == nil {
		delete(r.lines, key)
	} else {
		r.lines[key] = next
	}
	r.mu.Unlock()
	close(f.done)
	if next != nil {
		next.begin <- struct{}{}
	}
}
