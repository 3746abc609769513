package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"dreamlab/store/rate"
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
