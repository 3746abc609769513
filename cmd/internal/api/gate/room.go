package gate

import (
	"net/http"
	"sync"
	"time"

	"dreamlab/cmd/internal/api/wire"
)

// room bounds the bytes of bodies that the process holds at once. A body of JSON
// costs several times its size while it is read, and nothing else bounds how many
// come together.
type room struct {
	max int64

	mu    sync.Mutex
	taken int64
}

// take makes room for a body, and returns what gives it back, any number of times.
func (r *room) take(size int64) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken > 0 && r.taken+size > r.max { // one alone is always taken
		return nil, &wire.Fault{
			Status: http.StatusTooManyRequests, Code: "rate_limit_exceeded", After: time.Second,
			Message: "Too many large requests are being read at once: try again in a second.",
		}
	}
	r.taken += size
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken -= size
	}), nil
}

// sizeOf is what a body may take at most: one without a length, all of the limit.
func sizeOf(r *http.Request, limit int64) int64 {
	if r.ContentLength < 0 {
		return limit
	}
	return r.ContentLength
}
