package lab

import (
	"sync"
	"time"
)

// journalSize is how many requests are remembered.
const journalSize = 1000

// Request is a line of the log of what the emulators were asked. It holds no
// body, no key and no query.
type Request struct {
	Time   time.Time `json:"time"` // the lab's
	Vendor string    `json:"vendor"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Status int       `json:"status"` // 0: the connection was cut without an answer
	Model  string    `json:"model,omitempty"`
	ID     string    `json:"request_id"`
	Fault  string    `json:"fault,omitempty"`  // the fault that was played
	Trace  string    `json:"trace,omitempty"`  // the W3C traceparent that came with it
	Billed bool      `json:"billed,omitempty"` // a chat that was put in the books, whatever came of its answer
	// NanoUSD is what it was billed, nano-dollars.
	NanoUSD int64 `json:"nano_usd,omitempty"`
}

// journal remembers the last requests.
type journal struct {
	mu   sync.Mutex
	ring []Request
	next int
}

func (j *journal) add(r Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < journalSize {
		j.ring = append(j.ring, r)
		return
	}
	j.ring[j.next] = r
	j.next = (j.next + 1) % journalSize
}

func (j *journal) list() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Request, 0, len(j.ring))
	out = append(out, j.ring[j.next:]...)
	return append(out, j.ring[:j.next]...)
}

// Requests lists the last thousand requests, oldest first.
func (l *Lab) Requests() []Request { return l.journal.list() }
