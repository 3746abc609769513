package held

import (
	"bytes"
	"net/http"
	"time"
)

// Bell takes a stream of server-sent events and rings at those of one name.
type Bell struct {
	header http.Header
	mark   []byte
	ring   chan<- struct{}
}

// NewBell returns a bell that rings at each event with a name.
func NewBell(event string, ring chan<- struct{}) *Bell {
	return &Bell{header: http.Header{}, mark: []byte("event: " + event + "\n"), ring: ring}
}

// Header returns headers that nobody reads.
func (b *Bell) Header() http.Header { return b.header }

// WriteHeader has nothing to note: a refusal has no event in it.
func (b *Bell) WriteHeader(int) {}

// Write rings where the event is among what is written. It does not wait for whoever listens: one ring stands for
// all that came before it is heard.
func (b *Bell) Write(p []byte) (int, error) {
	if bytes.Contains(p, b.mark) {
		select {
		case b.ring <- struct{}{}:
		default:
		}
	}
	return len(p), nil
}

// SetWriteDeadline has nothing to wait for: no network stands between.
func (b *Bell) SetWriteDeadline(time.Time) error { return nil }

// Flush does nothing: what is written has arrived.
func (b *Bell) Flush() {}
