package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/cache"
	"dreamlab/store/db"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

const (
	askCold       = `{"model":"assistant","temperature":0,"messages":[{"role":"user","content":"hi"}]}`
	askColdStream = `{"stream":true,"stream_options":{"include_usage":true},"metadata":{"a":"b"},"user":"u",` +
		` "messages":[{"content":"hi", "role":"user"}],"temperature":0.0,"model":"assistant"}`
)

// cacheState is what a worker's answer says of the cache.
func cacheState(in tasks.ChatInput) string {
	if in.Missed {
		return "miss"
	}
	return "bypass"
}

func cacheIn(q *redis.Queue) *redis.Cache {
	return redis.NewCache(q.Client, redis.CacheOptions{TTL: time.Hour, MaxBytes: 1 << 20})
}

// cached is a rig with a cache, whose answers are counted.
type cached struct {
	*rig
	asked atomic.Int32
}

func newCached(t testing.TB, change ...func(*Options)) *cached {
	queue := storetest.EmbeddedQueue(t)
	with := func(o *Options) {
		o.Cache = cacheIn(queue)
	}
	c := &cached{rig: newRig(t, append([]func(*Options){with}, change...)...)}
	c.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		c.asked.Add(1)
		return c.echo(ctx, run)
	})
	return c
}

// ask asks and holds the reply to what it says of the cache, and what was asked so far.
func (c *cached) ask(t *testing.T, q request, state string, asked int32) answer {
	t.Helper()
	q.method, q.path = "POST", "/v1/chat/completions"
	a := c.do(q).want(t, 200, "")
	if got := a.header.Get("X-Dreamlab-Cache"); got != state || c.asked.Load() != asked {
		t.Fatalf("%s: %q and %d asked, want %q and %d", q.body, got, c.asked.Load(), state, asked)
	}
	return a
}

func with(body, members string) string { return strings.Replace(body, "{", "{"+members+",", 1) }

// TestCacheHit gives an answer again, whole and as a stream, for nothing and without a job.
func TestCacheHit(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	first := c.ask(t, request{body: askCold}, "miss", 1)
	again := c.ask(t, request{body: askCold}, "hit", 1)
	wantHeaders(t, again.header, map[string]string{
		"X-Dreamlab-Calls": "0", "X-Dreamlab-Cost-Usd": "0", "Age": "0", "X-Dreamlab-Job": "",
		"X-Dreamlab-Provider": "together", "X-Dreamlab-Model": "base", "X-Dreamlab-Sandbox": "true",
	})
	if a, b := first.field(t, "choices"), again.field(t, "choices"); !equalJSON(t, a, b) {
		t.Errorf("the answer is %v, want %v", b, a)
	}
	if again.field(t, "dreamlab", "cost_usd") != 0.0 || again.text(t, "dreamlab", "cache") != "hit" {
		t.Errorf("it says of itself %s", again.body)
	}
	res := c.open(request{method: "POST", path: "/v1/chat/completions", body: askColdStream})
	all := events(t, res)
	if state := res.Header.Get("X-Dreamlab-Cache"); state != "hit" || all[len(all)-1].data != "[DONE]" || c.asked.Load() != 1 {
		t.Errorf("the stream: %s, %d asked, %v", state, c.asked.Load(), all)
	}
	if last := all[len(all)-2].data; !strings.Contains(last, `"cost_usd":0,`) || !strings.Contains(last, `"usage":{`) {
		t.Errorf("the last chunk is %s", last)
	}
	jobs := c.get("/v1/jobs?kind=chat").want(t, 200, "")
	if list, _ := jobs.field(t, "data").([]any); len(list) != 1 {
		t.Errorf("jobs: %s", jobs.body)
	}
	metrics := c.get("/metrics")
	for _, line := range []string{
		"dreamlab_cache_hits_total 2", "dreamlab_cache_misses_total 1", "dreamlab_cache_saved_dollars_total 2e-06",
	} {
		if !strings.Contains(string(metrics.body), line+"\n") {
			t.Errorf("no %s", line)
		}
	}
}

func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	must(t, err)
	y, err := json.Marshal(b)
	must(t, err)
	return string(x) == string(y)
}

// TestCacheKeepsStreams stores what was streamed.
func TestCacheKeepsStreams(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	events(t, c.open(request{method: "POST", path: "/v1/chat/completions", body: askColdStream}))
	c.ask(t, request{body: askCold}, "hit", 1)
}

// TestCacheIsExact asks what differs: no answer is that of another.
func TestCacheIsExact(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	for i, body := range []string{
		askCold, with(askCold, `"seed":1`), with(askCold, `"stop":"x"`), with(askCold, `"max_tokens":7`),
		with(askCold, `"n":1`), with(askCold, `"top_p":0.5`), with(askCold, `"top_k":5`), with(askCold, `"top_k":6`),
		with(askCold, `"dreamlab":{"vendor":{"min_p":1}}`), with(askCold, `"response_format":{"type":"json_object"}`),
		with(askCold, `"tools":[{"type":"function","function":{"name":"f"}}]`),
		strings.Replace(askCold, `"hi"`, `"hi "`, 1), strings.Replace(askCold, `"user"`, `"system"`, 1),
		strings.Replace(askCold, `"content"`, `"reasoning":"r","content"`, 1),
		strings.Replace(askCold, `"content"`, `"name":"n","content"`, 1),
		strings.Replace(askCold, `assistant`, `other`, 1), strings.Replace(askCold, `assistant`, `together/base`, 1),
	} {
		c.ask(t, request{body: body}, "miss", int32(i)+1)
		c.ask(t, request{body: with(body, `"metadata":{"x":"y"},"service_tier":"flex"`)}, "hit", int32(i)+1)
	}
	asked := c.asked.Load()
	c.ask(t, request{body: askCold, key: c.other}, "miss", asked+1) // another tenant's
	c.do(request{method: "PUT", path: "/v1/routes/assistant", key: c.admin,
		body: `{"targets":[{"model":"together/base","weight":2}],"reason":"new"}`}).want(t, 200, "")
	c.ask(t, request{body: askCold}, "miss", asked+2) // another version of the route
}

// TestCacheModes asks in every way.
func TestCacheModes(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	control := func(value string) map[string]string { return map[string]string{"Cache-Control": value} }
	ours := func(mode string) string { return with(askWhole, `"dreamlab":{"cache":"`+mode+`"}`) }
	c.post("/v1/chat/completions", ours("only")).want(t, 404, "not_found")
	c.do(request{method: "POST", path: "/v1/chat/completions", body: askWhole,
		header: control("only-if-cached")}).want(t, 404, "not_found")
	asked := int32(0)
	for i, step := range []struct {
		body   string
		header map[string]string
		state  string
	}{
		{askWhole, nil, "bypass"}, // no temperature is not 0
		{askWhole, nil, "bypass"},
		{with(askWhole, `"temperature":0.1`), nil, "bypass"},
		{askWhole, control("no-cache"), "bypass"},
		{ours("off"), nil, "bypass"},
		{with(askCold, `"dreamlab":{"cache":"off"}`), nil, "bypass"},
		{askCold, control("no-store"), "bypass"},
		{ours("auto"), nil, "miss"},
		{ours("auto"), nil, "hit"},
		{ours("only"), nil, "hit"},
		{ours("refresh"), nil, "miss"},
		{ours("auto"), map[string]string{"Idempotency-Key": "k"}, "bypass"},
		{askWhole, control("max-age=60"), "hit"},
		{askWhole, control("only-if-cached"), "hit"},
		{askCold, control("no-cache"), "miss"},
		{askCold, control("max-age=0"), "miss"},
		{askCold, nil, "hit"},
		{with(askCold, `"store":false`), nil, "bypass"},
		{with(askCold, `"dreamlab":{"memory":true}`), nil, "bypass"},
	} {
		if step.state != "hit" {
			asked++
		}
		t.Log(i, step)
		c.ask(t, request{body: step.body, header: step.header}, step.state, asked)
	}
	c.post("/v1/chat/completions", ours("some")).want(t, 400, "invalid_request")
	c.post("/v1/jobs", `{"kind":"chat","input":`+ours("only")+`}`).want(t, 400, "invalid_request")
	c.post("/v1/chat/completions", with(askCold, `"store":false,"dreamlab":{"cache":"only"}`)).want(t, 404, "not_found")
}

// TestCacheKeepsWholeAnswers gives no answer again that was cut.
func TestCacheKeepsWholeAnswers(t *testing.T) {
	t.Parallel()
	for finish, state := range map[string]string{"length": "miss", "content_filter": "miss", "tool_calls": "hit"} {
		c := newCached(t)
		c.on(tasks.ChatRun, func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			c.asked.Add(1)
			body := []byte(strings.Replace(string(completionOf(run.Job.ID)), `"stop"`, `"`+finish+`"`, 1))
			w := c.writer(run)
			return &tasks.End{Result: body, Then: func(ctx context.Context) error {
				return errors.Join(w.Data(ctx, body), w.End(ctx))
			}}, nil
		})
		c.post("/v1/chat/completions", askCold).want(t, 200, "")
		asked := map[string]int32{"miss": 2, "hit": 1}[state]
		a := c.post("/v1/chat/completions", askCold).want(t, 200, "")
		hit := a.header.Get("X-Dreamlab-Cache") == "hit"
		if hit != (state == "hit") || c.asked.Load() != asked {
			t.Errorf("%s: hit %v, %d asked", finish, hit, c.asked.Load())
		}
	}
}

// TestCacheIsSharedByConsent gives tenants that share their answers each other's, without the job that they are of.
func TestCacheIsSharedByConsent(t *testing.T) {
	t.Parallel()
	c := newCached(t)
	sharing := kept.Sharing{}
	for _, name := range []string{"one", "two"} {
		tenant, err := c.store.EnsureTenant(t.Context(), name)
		must(t, err)
		sharing[tenant.ID] = true
	}
	options := c.options
	options.Metrics, options.CacheSharing = nil, sharing
	server, err := New(options)
	must(t, err)
	front := httptest.NewServer(server.Handler())
	t.Cleanup(func() { front.Close(); server.Close() })
	c.ask(t, request{body: askCold}, "miss", 1)
	c.url = front.URL
	first := c.ask(t, request{body: askCold}, "miss", 2) // what a tenant was answered before it shared is its own
	again := c.ask(t, request{body: askCold, key: c.other}, "hit", 2)
	if !equalJSON(t, first.field(t, "choices"), again.field(t, "choices")) || strings.Contains(string(again.body), `"job"`) {
		t.Errorf("the other tenant got %s", again.body)
	}
	c.ask(t, request{body: askCold, key: c.stranger(t)}, "miss", 3) // it does not share
}

// patientCache is a store whose commands may take as long as they do: on a busy machine one of many may
// take longer than a chat waits for it, which then rightly goes on without the cache.
type patientCache struct{ cache.Store }

func (p patientCache) Get(ctx context.Context, key string) ([]byte, error) {
	return p.Store.Get(context.WithoutCancel(ctx), key)
}

func (p patientCache) Put(ctx context.Context, key, job string, value []byte) (bool, error) {
	return p.Store.Put(context.WithoutCancel(ctx), key, job, value)
}

func (p patientCache) Lead(ctx context.Context, key, who string) ([]byte, bool, error) {
	return p.Store.Lead(context.WithoutCancel(ctx), key, who)
}

// TestCacheAsksOnce has a hundred equal requests come at once to two processes.
func TestCacheAsksOnce(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		store := patientCache{cacheIn(q)}
		c := newCached(t, func(o *Options) { o.Cache = store })
		options := c.options
		options.Metrics = nil
		second, err := New(options)
		must(t, err)
		t.Cleanup(second.Close)
		front := httptest.NewServer(second.Handler())
		t.Cleanup(front.Close)
		var all sync.WaitGroup
		var hits atomic.Int32
		for i := range 100 {
			all.Go(func() {
				q := c.build(request{method: "POST", path: "/v1/chat/completions", body: askCold})
				if i%2 == 0 {
					q.URL.Host = strings.TrimPrefix(front.URL, "http://")
				}
				res, err := http.DefaultClient.Do(q)
				if err != nil || res.StatusCode != http.StatusOK {
					t.Error(res, err)
					return
				}
				defer res.Body.Close()
				if res.Header.Get("X-Dreamlab-Cache") == "hit" {
					hits.Add(1)
				}
			})
		}
		all.Wait()
		if c.asked.Load() != 1 || hits.Load() != 99 {
			t.Errorf("%d asked and %d hits, want 1 and 99", c.asked.Load(), hits.Load())
		}
	})
}

// brokenCache is a store without its Redis.
type brokenCache struct{ calls atomic.Int32 }

var errBroken = errors.New("connect to Redis: nothing listens at its address")

func (b *brokenCache) Get(context.Context, string) ([]byte, error) {
	b.calls.Add(1)
	return nil, errBroken
}

func (b *brokenCache) Put(context.Context, string, string, []byte) (bool, error) {
	return false, errBroken
}

func (b *brokenCache) Lead(context.Context, string, string) ([]byte, bool, error) {
	return nil, false, errBroken
}

func (b *brokenCache) Claim(context.Context, string, string) (bool, error) { return false, errBroken }

func (b *brokenCache) Renew(context.Context, string, string) error   { return errBroken }
func (b *brokenCache) Release(context.Context, string, string) error { return errBroken }

// TestCacheAway has chats go on without the cache; what is not cacheable never asks it.
func TestCacheAway(t *testing.T) {
	t.Parallel()
	broken := &brokenCache{}
	c := newCached(t, func(o *Options) { o.Cache = broken })
	c.ask(t, request{body: askWhole}, "bypass", 1)
	if broken.calls.Load() != 0 {
		t.Error("the cache was asked for a chat that is not cacheable")
	}
	c.ask(t, request{body: askCold}, "bypass", 2)
	c.post("/v1/chat/completions", with(askCold, `"dreamlab":{"cache":"only"}`)).want(t, 503, "queue_unavailable")
	c.ask(t, request{body: with(askCold, `"dreamlab":{"cache":"refresh"}`)}, "miss", 3)
	if c.asked.Load() != 3 {
		t.Errorf("%d asked, want 3", c.asked.Load())
	}
}

// missingCache is one in which nothing is found.
type missingCache struct{ brokenCache }

func (*missingCache) Get(context.Context, string) ([]byte, error) { return nil, db.ErrNotFound }

// TestCacheBreaks has Redis go away between the look and the lease.
func TestCacheBreaks(t *testing.T) {
	t.Parallel()
	c := newCached(t, func(o *Options) { o.Cache = &missingCache{} })
	c.ask(t, request{body: askCold}, "bypass", 1)
}

// BenchmarkCacheHit compares a hit over HTTP with a plain GET of the same Redis, and with
// the HTTP request that does least.
func BenchmarkCacheHit(b *testing.B) {
	queue := storetest.RedisQueue(b)
	c := newCached(b, func(o *Options) { o.Cache = cacheIn(queue) })
	send := func(b *testing.B, q request) {
		res, err := http.DefaultClient.Do(c.build(q))
		must(b, err)
		_, err = io.Copy(io.Discard, res.Body)
		must(b, errors.Join(err, res.Body.Close()))
	}
	ask := request{method: "POST", path: "/v1/chat/completions", body: askCold}
	send(b, ask)
	must(b, queue.Client.Set(b.Context(), "k", completionOf("job_1"), time.Hour).Err())
	b.Run("hit", func(b *testing.B) {
		for b.Loop() {
			send(b, ask)
		}
	})
	b.Run("alive", func(b *testing.B) {
		for b.Loop() {
			send(b, request{path: "/healthz"})
		}
	})
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			must(b, queue.Client.Get(b.Context(), "k").Err())
		}
	})
}
