package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

// idle is an API whose jobs nobody does, with one place in each lane.
type idle struct {
	t      *testing.T
	store  *store.Store
	engine *engine.Engine
	server *Server
	url    string
	now    time.Time
}

func newIdle(t *testing.T, backlog int) *idle {
	t.Helper()
	queue, err := redis.Open("")
	must(t, err)
	t.Cleanup(func() { must(t, queue.Close()) })
	r := newRig(t) // for its bucket alone
	i := &idle{t: t, store: storetest.SQLite(t), now: time.Now()}
	i.engine, err = engine.New(engine.Options{
		Store: i.store, Redis: queue.Client, Lanes: map[tasks.Lane]engine.LaneConfig{tasks.Chat: {Window: 1}},
	})
	must(t, err)
	i.server, err = New(Options{
		Engine: i.engine, Store: i.store, Replies: r.reader, Bucket: r.bucket, Models: catalogue(),
		Backlog: backlog, Now: func() time.Time { i.now = i.now.Add(time.Minute); return i.now },
	})
	must(t, err)
	t.Cleanup(i.server.Close)
	_, err = i.store.SetRoute(t.Context(), learn.Route{
		Alias: "assistant", Targets: []learn.RouteTarget{{Model: "together/base", Weight: 1}},
	})
	must(t, err)
	server := httptest.NewServer(i.server.Handler())
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

// key returns the secret of a new key, and its tenant.
func (i *idle) key(tenant string) (secret, id string) {
	i.t.Helper()
	found, err := i.store.EnsureTenant(i.t.Context(), tenant)
	must(i.t, err)
	secret = store.NewSecret()
	fresh := store.Key{Tenant: found.ID, Scopes: []string{store.ScopeUse}}
	_, err = i.store.CreateKey(i.t.Context(), fresh, secret)
	must(i.t, err)
	return secret, found.ID
}

const askJob = `{"kind":"chat","input":` + askWhole + `}`

// post returns the status, the Retry-After and the body of the answer.
func (i *idle) post(path, body, key, idem string) (int, string, string) {
	i.t.Helper()
	q, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, i.url+path, strings.NewReader(body))
	must(i.t, err)
	q.Header.Set("Authorization", "Bearer "+key)
	q.Header.Set("Idempotency-Key", idem)
	res, err := http.DefaultClient.Do(q)
	must(i.t, err)
	text, err := io.ReadAll(res.Body)
	must(i.t, err)
	must(i.t, res.Body.Close())
	return res.StatusCode, res.Header.Get("Retry-After"), string(text)
}

func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	i := newIdle(t, 3)
	key, tenant := i.key("busy")
	other, _ := i.key("quiet")
	want := func(status int, after, key, idem string) {
		t.Helper()
		got, retry, body := i.post("/v1/jobs", askJob, key, idem)
		if got != status || retry != after || status == 429 && !strings.Contains(body, "rate_limit_exceeded") {
			t.Fatalf("%d, Retry-After %q: %s; want %d, %q", got, retry, body, status, after)
		}
	}
	for _, idem := range []string{"a", "b", "c", "d"} { // one is dispatched
		want(202, "", key, idem)
	}
	want(429, "60", key, "e")
	want(202, "", key, "a") // accepted before
	want(202, "", other, "a")
	queued, _, err := i.store.Jobs(t.Context(), tenant, job.Filter{Status: "queued"}, db.Page{})
	must(t, err)
	_, err = i.engine.Cancel(t.Context(), tenant, queued[0].ID)
	must(t, err)
	want(202, "", key, "e")
	want(429, "10", key, "f") // one job ended in the last ten seconds
}

// TestLateChats has a chat that waits for so long that another, which may wait for 60 seconds, would expire.
func TestLateChats(t *testing.T) {
	t.Parallel()
	i := newIdle(t, 100)
	key, tenant := i.key("busy")
	for range 2 { // one is dispatched
		_, _, err := i.engine.Accept(t.Context(), job.NewJob{
			Tenant: tenant, Kind: string(tasks.ChatRun), Attached: true, Priority: 9,
		}, nil)
		must(t, err)
	}
	must(t, i.store.ShiftClock(t.Context(), 46*time.Second))
	status, after, body := i.post("/v1/chat/completions", askWhole, key, "")
	if status != 429 || after == "" {
		t.Errorf("a chat that would expire: %d, Retry-After %q: %s", status, after, body)
	}
	if status, _, body := i.post("/v1/jobs", askJob, key, ""); status != 202 {
		t.Errorf("a job that may wait: %d: %s", status, body)
	}
}

// TestQueuedJobsAreALimit has a tenant that may have two jobs wait in a lane send five, and another
// tenant, which is not held.
func TestQueuedJobsAreALimit(t *testing.T) {
	t.Parallel()
	i := newIdle(t, 1000)
	held, tenant := i.key("held")
	free, _ := i.key("free")
	must(t, i.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		return q.SetLimits(t.Context(), tenant, []store.Limit{{Tenant: tenant, Queued: 2}})
	}))
	for n := range 5 {
		want := 202
		if n >= 3 { // one is under way, two wait
			want = 429
		}
		if status, after, body := i.post("/v1/jobs", askJob, held, ""); status != want || want == 429 && after == "" {
			t.Errorf("job %d: status %d, again after %q: %s", n+1, status, after, body)
		}
		if status, _, body := i.post("/v1/jobs", askJob, free, ""); status != 202 {
			t.Errorf("another tenant's job %d: status %d: %s", n+1, status, body)
		}
	}
}
