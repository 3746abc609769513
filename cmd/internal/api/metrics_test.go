package api

import (
	"strings"
	"testing"
)

// TestRequestsAreCounted looks at what Prometheus is shown of answers and refusals.
func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.post("/v1/chat/completions", askWhole).want(t, 200, "")
	r.post("/v1/chat/completions", `{}`).want(t, 400, "invalid_request")
	r.post("/v1/chat/completions", strings.Repeat(" ", 1<<20)+askWhole).want(t, 413, "invalid_request")
	r.get("/nothing/here").want(t, 404, "not_found")
	shown := string(r.get("/metrics").want(t, 200, "").body)
	for _, want := range []string{
		`dreamlab_http_requests_total{class="2xx",route="POST /v1/chat/completions"} 1`,
		`dreamlab_http_requests_total{class="4xx",route="POST /v1/chat/completions"} 2`,
		`dreamlab_http_requests_total{class="4xx",route="* /"} 1`,
		`dreamlab_http_request_seconds_count{route="POST /v1/chat/completions"} 3`,
		`dreamlab_http_bodies_refused_total{reason="too large"} 1`,
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s is not in %s", want, shown)
		}
	}
}

// TestListsLeaveOutLargeFields keeps a page of jobs small, whatever the jobs hold.
func TestListsLeaveOutLargeFields(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 3 {
		r.post("/v1/chat/completions", strings.Replace(askWhole, "hi", strings.Repeat("hi ", 1000), 1)).want(t, 200, "")
	}
	list := r.get("/v1/jobs?limit=100").want(t, 200, "").body
	if len(list) > 3000 || strings.Contains(string(list), `"input"`) || strings.Contains(string(list), `"result"`) {
		t.Errorf("a list of three jobs has %d bytes: %s", len(list), list)
	}
}
