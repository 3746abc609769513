package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/store/rate"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// away are shared rates that can not be asked.
type away struct{}

func (away) Take(context.Context, []rate.Rate) ([]rate.Granted, error) {
	return nil, errors.New("away")
}

// setLimits replaces the tenant's limits.
func (r *rig) setLimits(t *testing.T, body string) {
	t.Helper()
	r.do(request{method: "PUT", path: "/v1/limits", body: body, key: r.admin}).want(t, 200, "")
}

// TestLimits holds chats to a limit of requests: headers tell what is left, the one too
// many is told when to come again, and another tenant is not held.
func TestLimits(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	r := newRig(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	r.setLimits(t, `{"data":[{"requests_per_minute":60,"burst":2}]}`)
	clock = clock.Add(time.Second) // longer than limits are believed
	a := r.post("/v1/chat/completions", askWhole).want(t, 200, "")
	wantHeaders(t, a.header, map[string]string{
		"X-Ratelimit-Limit-Requests": "60", "X-Ratelimit-Remaining-Requests": "1", "X-Ratelimit-Reset-Requests": "1s",
	})
	r.post("/v1/responses", `{"model":"assistant","input":"hi"}`).want(t, 200, "")
	refused := r.post("/v1/chat/completions", askWhole).want(t, 429, "rate_limit_exceeded")
	wantHeaders(t, refused.header, map[string]string{"Retry-After": "1", "X-Ratelimit-Remaining-Requests": "0"})
	r.post("/v1/jobs", `{"kind":"chat","input":`+askWhole+`}`).want(t, 429, "rate_limit_exceeded")
	r.do(request{method: "POST", path: "/v1/chat/completions", body: askWhole, key: r.other}).want(t, 200, "")
	r.get("/v1/models").want(t, 200, "")
	clock = clock.Add(time.Second)
	r.post("/v1/chat/completions", askWhole).want(t, 200, "")
	left := r.get("/v1/limits").want(t, 200, "")
	if at := left.field(t, "data").([]any)[0].(map[string]any)["requests"].(map[string]any); at["remaining"] != 0.0 {
		t.Errorf("left is %v", at)
	}
}

// TestLimitsOfTokens charges what a request asks for, by key and by model.
func TestLimitsOfTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id, secret := r.makeKey(t, `{}`)
	r.setLimits(t, `{"data":[{"key":"`+id+`","model":"assistant","tokens_per_minute":100}]}`)
	long := `{"model":"assistant","max_tokens":60,"messages":[{"role":"user","content":"hi"}]}`
	ask := func(body, key string) answer {
		return r.do(request{method: "POST", path: "/v1/chat/completions", body: body, key: key})
	}
	ask(long, secret).want(t, 200, "")
	ask(long, secret).want(t, 429, "rate_limit_exceeded")
	ask(long, r.key).want(t, 200, "")
	ask(`{"model":"other","max_tokens":60,"messages":[{"role":"user","content":"hi"}]}`, secret).want(t, 200, "")
}

// TestLimitsWithoutTheQueue grants a quarter of each limit in this process while the
// shared rates can not be asked.
func TestLimitsWithoutTheQueue(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Rates = away{} })
	r.setLimits(t, `{"data":[{"requests_per_minute":4,"burst":8}]}`)
	granted := 0
	for range 6 {
		if r.post("/v1/chat/completions", askWhole).status == 200 {
			granted++
		}
	}
	if granted != 2 {
		t.Errorf("%d were granted, want 2", granted)
	}
}

// TestLimitsRefuse holds what a limit may say.
func TestLimitsRefuse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, body := range []string{
		`{"data":[{}]}`, `{"data":[{"requests_per_minute":-1}]}`, `{"data":[{"tokens_per_minute":5,"burst":2}]}`,
		`{"data":[{"requests_per_minute":1},{"requests_per_minute":2}]}`, `{"data":[{"requests_per_minute":1,"model":"a b"}]}`,
	} {
		r.do(request{method: "PUT", path: "/v1/limits", body: body, key: r.admin}).want(t, 400, "invalid_request")
	}
	r.do(request{method: "PUT", path: "/v1/limits", body: `{"data":[{"requests_per_minute":1,"key":"key_x"}]}`, key: r.admin}).want(t, 404, "not_found")
	r.do(request{method: "PUT", path: "/v1/limits", body: `{"data":[]}`, key: r.key}).want(t, 403, "forbidden")
}

// held lets chats that stream wait behind their first chunk until free is closed.
func (r *rig) held(t *testing.T) (free chan struct{}) {
	free = make(chan struct{})
	t.Cleanup(sync.OnceFunc(func() {
		select {
		case <-free:
		default:
			close(free)
		}
	}))
	r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		if err := r.writer(run).Data(ctx, []byte(firstChunk)); err != nil {
			return nil, err
		}
		select {
		case <-free:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return r.echo(ctx, run)
	})
	return free
}

// streamOf opens a stream, and reads its first bytes where it is granted.
func (r *rig) streamOf(t *testing.T, q request) *http.Response {
	t.Helper()
	res := r.open(q)
	t.Cleanup(func() { must(t, res.Body.Close()) })
	if res.StatusCode == http.StatusOK {
		_, err := res.Body.Read(make([]byte, 1))
		must(t, err)
	}
	return res
}

// TestLimitsOfStreams holds a tenant to its open streams in every process, resumed ones too,
// and refuses nothing else; one that ends makes room.
func TestLimitsOfStreams(t *testing.T) {
	t.Parallel()
	shared := redis.NewStreams(storetest.EmbeddedQueue(t).Client)
	r := newRig(t, func(o *Options) { o.Streams = shared })
	tenant, err := r.store.EnsureTenant(t.Context(), "one")
	must(t, err)
	bounds := []rate.Open{{Name: tenant.ID + "::", Most: 2}}
	free := r.held(t)
	r.setLimits(t, `{"data":[{"open_streams":2}]}`)
	ask := request{method: "POST", path: "/v1/chat/completions", body: askStream}
	first := r.streamOf(t, ask)
	if full, err := shared.Open(t.Context(), "of another process", bounds); full >= 0 || err != nil {
		t.Fatal(full, err)
	}
	refused := r.do(ask).want(t, 429, "rate_limit_exceeded")
	wantHeaders(t, refused.header, map[string]string{"Retry-After": "1"})
	if said := refused.text(t, "error", "message"); !strings.Contains(said, "2 open streams") {
		t.Errorf("it says %q", said)
	}
	r.do(request{path: "/v1/jobs/" + first.Header.Get("X-Dreamlab-Job") + "/stream"}).want(t, 429, "rate_limit_exceeded")
	r.do(request{method: "POST", path: "/v1/messages", key: r.key,
		body: `{"model":"assistant","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"hi"}]}`}).want(t, 429, "")
	left := r.get("/v1/limits").want(t, 200, "").field(t, "data").([]any)[0].(map[string]any)["streams"].(map[string]any)
	if left["open"] != 2.0 || left["remaining"] != 0.0 {
		t.Errorf("left is %v", left)
	}
	if other := r.streamOf(t, request{method: "POST", path: ask.path, body: askStream, key: r.other}); other.StatusCode != 200 {
		t.Errorf("another tenant is told %d", other.StatusCode)
	}
	close(free)
	r.on(tasks.ChatRun, r.echo)
	r.post("/v1/chat/completions", askWhole).want(t, 200, "")
	_, err = io.ReadAll(first.Body)
	must(t, err)
	must(t, shared.Close(t.Context(), "of another process", bounds))
	if again := r.streamOf(t, ask); again.StatusCode != 200 {
		t.Errorf("after both ended it is told %d", again.StatusCode)
	}
}

// TestLimitsOfStreamsByKey holds one key and one model.
func TestLimitsOfStreamsByKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.held(t)
	id, secret := r.makeKey(t, `{}`)
	r.setLimits(t, `{"data":[{"key":"`+id+`","model":"assistant","open_streams":1}]}`)
	ask := func(model, key string) int {
		return r.streamOf(t, request{method: "POST", path: "/v1/chat/completions", key: key,
			body: strings.Replace(askStream, `"assistant"`, `"`+model+`"`, 1)}).StatusCode
	}
	for i, got := range []int{ask("assistant", secret), ask("assistant", secret), ask("other", secret), ask("assistant", r.key)} {
		if want := []int{200, 429, 200, 200}[i]; got != want {
			t.Errorf("stream %d is told %d, want %d", i+1, got, want)
		}
	}
}

// uncounted are shared streams that can not be asked.
type uncounted struct{ gate.Streams }

func (uncounted) Open(context.Context, string, []rate.Open) (int, error) {
	return -1, errors.New("away")
}
func (uncounted) Close(context.Context, string, []rate.Open) error { return errors.New("away") }
func (uncounted) Count(context.Context, rate.Open) (int64, error)  { return 0, errors.New("away") }

// TestLimitsOfStreamsWithoutTheQueue grants a quarter in this process while streams can not
// be counted.
func TestLimitsOfStreamsWithoutTheQueue(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Streams = uncounted{} })
	r.held(t)
	r.setLimits(t, `{"data":[{"open_streams":8}]}`)
	granted := 0
	for range 4 {
		if r.streamOf(t, request{method: "POST", path: "/v1/chat/completions", body: askStream}).StatusCode == 200 {
			granted++
		}
	}
	if granted != 2 {
		t.Errorf("%d were granted, want 2", granted)
	}
	if left := r.get("/v1/limits").want(t, 200, "").field(t, "data").([]any)[0].(map[string]any)["streams"]; left != nil {
		t.Errorf("left is %v, which nobody knows", left)
	}
}
