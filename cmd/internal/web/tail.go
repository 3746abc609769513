package web

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"time"

	"dreamlab/cmd/internal/api/wire"
)

// Bounds of the live list of requests.
const (
	tailPause = time.Second      // between two lists, however much happens
	tailLife  = 15 * time.Second // then the browser connects again: less than a process has to stop
)

// tailRequests sends the list of requests, and sends it anew when the API's stream of events tells
// that a job has ended. A browser that connects again names the list that it had.
func tailRequests(v *visit) error {
	ctx, stop := context.WithTimeout(v.r.Context(), tailLife)
	ended, err := v.listen(ctx)
	if err != nil {
		stop()
		return err
	}
	out := wire.NewSSE(v.w, false)
	err = v.tail(ctx, out, ended)
	stop()
	for range ended { // until the API has seen that nobody listens
	}
	if out.Started() {
		return nil // the browser has gone, or connects again and is told what is wrong then
	}
	return err
}

func (v *visit) tail(ctx context.Context, out *wire.SSE, ended <-chan struct{}) error {
	last := v.r.Header.Get("Last-Event-ID")
	for {
		list, err := v.requestList()
		if err != nil {
			return err
		}
		if id := digest(list); id != last {
			err, last = out.Data(id, list), id
		} else {
			err = out.Beat()
		}
		if err != nil || !wait(ctx, time.After(tailPause)) || !wait(ctx, ended) {
			return err
		}
	}
}

// wait waits for a signal and tells whether it came before the end. A channel that is closed gives
// no more of them.
func wait[T any](ctx context.Context, signal <-chan T) bool {
	select {
	case <-ctx.Done():
		return false
	case _, open := <-signal:
		if !open {
			<-ctx.Done()
		}
		return open
	}
}

// requestList is the list as the page of requests shows it.
func (v *visit) requestList() ([]byte, error) {
	body, err := v.requests()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := v.templates["requests"].ExecuteTemplate(&out, "request-list", body); err != nil {
		return nil, fmt.Errorf("show the list of requests: %w", err)
	}
	return out.Bytes(), nil
}

// digest tells one list from another.
func digest(list []byte) string {
	sum := fnv.New64a()
	_, _ = sum.Write(list) // it never fails
	return strconv.FormatUint(sum.Sum64(), 36)
}

// listen returns a channel that is told when jobs have ended, and closed when the API tells no more.
func (v *visit) listen(ctx context.Context) (<-chan struct{}, error) {
	question, err := v.question(ctx, http.MethodGet, "/v1/events", nil)
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{}, 1)
	go func() {
		defer close(ended)
		v.api.ServeHTTP(&bell{header: http.Header{}, ended: ended}, question)
	}()
	return ended, nil
}

// bell takes the API's stream of events and rings when a job has ended.
type bell struct {
	header http.Header
	ended  chan<- struct{}
}

// Header returns headers that nobody reads.
func (b *bell) Header() http.Header { return b.header }

// WriteHeader has nothing to note: a refusal has no event in it.
func (b *bell) WriteHeader(int) {}

// Write rings at the event of a job's end. It does not wait for whoever listens: one ring stands for
// all that happened before the list is read.
func (b *bell) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("event: job.ended\n")) {
		select {
		case b.ended <- struct{}{}:
		default:
		}
	}
	return len(p), nil
}

// SetWriteDeadline has nothing to wait for: no network stands between.
func (b *bell) SetWriteDeadline(time.Time) error { return nil }

// Flush does nothing: what is written has arrived.
func (b *bell) Flush() {}
