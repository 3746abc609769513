package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// driven is a clock that a test moves.
type driven struct {
	mu  sync.Mutex
	now time.Time
}

func (d *driven) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *driven) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

// staling is a cache whose answers are fresh for a minute and stale for another, in front of
// two processes. Answers wait for a token.
type staling struct {
	*cached
	clock driven
	free  chan struct{}
}

func newStaling(t *testing.T) *staling {
	s := &staling{clock: driven{now: time.Now()}, free: make(chan struct{}, 100)}
	store := cacheIn(storetest.EmbeddedQueue(t))
	s.cached = newCached(t, func(o *Options) {
		o.Cache, o.CacheTTL, o.CacheStale, o.Now = store, time.Minute, time.Minute, s.clock.Now
	})
	s.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		s.asked.Add(1)
		select {
		case <-s.free:
			return s.echo(ctx, run)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	return s
}

// ended waits until all chats have ended, and returns how many there were.
func (s *staling) ended(t *testing.T) int {
	t.Helper()
	jobs := s.get("/v1/jobs?kind=chat").want(t, 200, "").field(t, "data").([]any)
	for _, one := range jobs {
		s.finished(one.(map[string]any)["id"].(string))
	}
	return len(jobs)
}

// until waits for what happens beside the clients.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("in vain: ", what)
		}
	}
}

// TestCacheStale gives a stale answer at once, whole and as a stream and in both processes,
// while one job asks it anew; after it the new one is given.
func TestCacheStale(t *testing.T) {
	t.Parallel()
	s := newStaling(t)
	options := s.options
	options.Metrics = nil
	second, err := New(options)
	must(t, err)
	t.Cleanup(second.Close)
	front := httptest.NewServer(second.Handler())
	t.Cleanup(front.Close)
	s.free <- struct{}{}
	first := s.ask(t, request{body: askCold}, "miss", 1)
	s.clock.pass(90 * time.Second)
	for i := range 20 { // the answer is not free: who waited for it would wait for ever
		body, url := askCold, s.url
		if i%4 > 1 {
			body = askColdStream
		}
		if i%2 == 1 {
			s.url = front.URL
		}
		res := s.open(request{method: "POST", path: "/v1/chat/completions", body: body})
		s.url = url
		all, err := readAll(res)
		if state := res.Header.Get("X-Dreamlab-Cache"); err != nil || state != "stale" || !strings.Contains(all, `"cache":"stale"`) {
			t.Errorf("%d: %s, %v: %s", i, state, err, all)
		}
		wantHeaders(t, res.Header, map[string]string{"Age": "90", "X-Dreamlab-Cost-Usd": "0", "X-Dreamlab-Job": ""})
	}
	until(t, "the job that asks anew", func() bool { return s.asked.Load() == 2 })
	s.free <- struct{}{}
	until(t, "the new answer", func() bool {
		return s.post("/v1/chat/completions", askCold).header.Get("X-Dreamlab-Cache") == "hit"
	})
	again := s.post("/v1/chat/completions", askCold).want(t, 200, "")
	if a, b := first.text(t, "dreamlab", "job"), again.text(t, "dreamlab", "job"); a == b {
		t.Errorf("%s answers still", a)
	}
	if n := s.ended(t); n != 2 || s.asked.Load() != 2 {
		t.Errorf("%d jobs and %d asked, want 2", n, s.asked.Load())
	}
	s.clock.pass(3 * time.Minute)
	s.free <- struct{}{}
	s.ask(t, request{body: askCold}, "miss", 3)
}

// TestCacheStaleFails keeps the stale answer where asking anew fails, and tells no client.
func TestCacheStaleFails(t *testing.T) {
	t.Parallel()
	s := newStaling(t)
	s.free <- struct{}{}
	s.ask(t, request{body: askCold}, "miss", 1)
	s.clock.pass(90 * time.Second)
	s.on(tasks.ChatRun, func(context.Context, *tasks.Run) (*tasks.End, error) {
		s.asked.Add(1)
		return nil, tasks.Fail("content_filter", "no")
	})
	for range 5 {
		if a := s.post("/v1/chat/completions", askCold).want(t, 200, ""); a.header.Get("X-Dreamlab-Cache") != "stale" {
			t.Errorf("it is %s", a.header.Get("X-Dreamlab-Cache"))
		}
	}
	until(t, "the warning", func() bool { return strings.Contains(s.log.String(), "could not be asked anew") })
	s.ask(t, request{body: askCold}, "stale", 2)
	if n := s.ended(t); n != 2 {
		t.Errorf("%d jobs, want 2", n)
	}
}

// TestCacheStaleAway gives the stale answer where the lease can not be taken, and asks nothing.
func TestCacheStaleAway(t *testing.T) {
	t.Parallel()
	s := newStaling(t)
	s.free <- struct{}{}
	s.ask(t, request{body: askCold}, "miss", 1)
	options := s.options
	options.Metrics, options.Cache = nil, &unclaimed{Cache: options.Cache.(*redis.Cache)}
	second, err := New(options)
	must(t, err)
	front := httptest.NewServer(second.Handler())
	t.Cleanup(front.Close)
	s.clock.pass(90 * time.Second)
	s.url = front.URL
	s.ask(t, request{body: askCold}, "stale", 1)
	second.Close()
	if s.asked.Load() != 1 || !strings.Contains(s.log.String(), "was not refreshed") {
		t.Errorf("%d asked: %s", s.asked.Load(), s.log.String())
	}
}

// unclaimed is a cache whose leases can not be taken.
type unclaimed struct{ *redis.Cache }

func (*unclaimed) Claim(context.Context, string, string) (bool, error) {
	return false, errors.New("away")
}

func readAll(res *http.Response) (string, error) {
	text, err := io.ReadAll(res.Body)
	return string(text), errors.Join(err, res.Body.Close())
}
