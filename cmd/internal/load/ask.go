package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// question is one request of a load, with the expected answer.
type question struct {
	url, key, body string
	status         int         // that is expected
	header         http.Header // beside the usual ones; may be nil
}

// timing is the duration of an answer and the time to its first byte.
type timing struct{ first, whole time.Duration }

// ask sends a question and reads the whole answer. A stream counts only if it ends with [DONE].
func (q question) ask(ctx context.Context, client *http.Client) (timing, error) {
	began := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, q.url, strings.NewReader(q.body))
	if err != nil {
		return timing{}, fmt.Errorf("ask: %w", err)
	}
	maps.Copy(request.Header, q.header)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+q.key)
	response, err := client.Do(request)
	if err != nil {
		return timing{}, fmt.Errorf("ask: %w", err)
	}
	reader := bufio.NewReader(response.Body)
	_, err = reader.Peek(1)
	first := time.Since(began)
	text, readErr := io.ReadAll(reader)
	err = errors.Join(err, readErr, response.Body.Close())
	if err == nil && response.StatusCode != q.status {
		err = fmt.Errorf("status %d: %s", response.StatusCode, text)
	}
	if err == nil && strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") &&
		!strings.Contains(string(text), "data: [DONE]") {
		err = fmt.Errorf("the stream broke off: %s", text)
	}
	return timing{first, time.Since(began)}, err
}

// answers are the timings of many questions.
type answers struct {
	mu     sync.Mutex
	firsts []time.Duration
	wholes []time.Duration
	faults []error
}

func (a *answers) add(t timing, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.faults = append(a.faults, err)
		return
	}
	a.firsts, a.wholes = append(a.firsts, t.first), append(a.wholes, t.whole)
}

// fault returns the first error and the number of all.
func (a *answers) fault() error {
	if len(a.faults) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d requests went wrong: %w", len(a.faults), len(a.faults)+len(a.wholes), a.faults[0])
}

// closed asks n times from clients that never pause (a closed loop), and returns the total
// time.
func closed(n, clients int, ask func() (timing, error)) (*answers, time.Duration) {
	var all sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	found, began := &answers{}, time.Now()
	for range clients {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				found.add(ask())
			}
		})
	}
	all.Wait()
	return found, time.Since(began)
}

// steady asks n times at a fixed rate (an open loop), however long the answers take.
func steady(ctx context.Context, n int, every time.Duration, ask func() (timing, error)) *answers {
	var all sync.WaitGroup
	found := &answers{}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for range n {
		select {
		case <-ctx.Done():
			found.add(timing{}, ctx.Err())
		case <-ticker.C:
			all.Go(func() { found.add(ask()) })
		}
	}
	all.Wait()
	return found
}

// counting returns a function that counts up from one.
func counting() func() int64 {
	var n atomic.Int64
	return func() int64 { return n.Add(1) }
}
