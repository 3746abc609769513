package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dreamlab/cmd/internal/web"
	"dreamlab/store"
)

func TestQueuePage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.get("/queues/").want(t, 403, "forbidden")
	if a := r.do(request{path: "/queues/", key: "none"}).want(t, 401,
		""); !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic") {
		t.Errorf("a browser is not asked for the key: %v", a.header)
	}
	page := r.build(request{path: "/queues/", key: "none"})
	page.SetBasicAuth("anybody", r.admin)
	res, err := http.DefaultClient.Do(page)
	must(t, err)
	body, err := io.ReadAll(res.Body)
	must(t, errors.Join(err, res.Body.Close()))
	policy := res.Header.Get("Content-Security-Policy")
	if res.StatusCode != 200 || bytes.Contains(body, []byte("googleapis")) || !strings.Contains(policy,
		"'sha256-") {
		t.Errorf("status %d, policy %s", res.StatusCode, policy)
	}
	r.post("/v1/dreams", `{}`).want(t, 202, "")
	lanes := r.open(request{path: "/queues/api/queues", key: r.admin})
	body, err = io.ReadAll(lanes.Body)
	must(t, errors.Join(err, lanes.Body.Close()))
	if lanes.StatusCode != 200 || !bytes.Contains(body, []byte(`"queue":"system"`)) && !bytes.Contains(body,
		[]byte(`"queue":"dream"`)) {
		t.Errorf("status %d: %s", lanes.StatusCode, body)
	}
	r.do(request{method: "DELETE", path: "/queues/api/queues/chat", key: r.admin}).want(t, 405, "")
	r.do(request{path: "/queues/api/none", key: r.admin}).want(t, 404, "not_found")
}

// A queue that can not be read does not blank the page.
func TestQueuePageWithABrokenQueue(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.finished(r.post("/v1/jobs", `{"kind":"chat","input":`+askWhole+`}`).want(t, 202, "").text(t, "id"))
	must(t, r.queue.Client.SAdd(t.Context(), "asynq:queues", "broken").Err())
	must(t, r.queue.Client.Set(t.Context(), "asynq:{broken}:pending", "no list", 0).Err())
	res := r.open(request{path: "/queues/api/queues", key: r.admin})
	body, err := io.ReadAll(res.Body)
	must(t, errors.Join(err, res.Body.Close()))
	if res.StatusCode != 200 || !bytes.Contains(body, []byte(`"queue":"chat"`)) {
		t.Errorf("status %d: %s", res.StatusCode, body)
	}
}

// pagesOf returns the pages under /app/.
func pagesOf(t testing.TB, s *store.Store) Pages {
	t.Helper()
	pages, err := web.New(web.Options{Sessions: s})
	must(t, err)
	return pages
}

// Below a prefix everything is where it is without one, and leads to addresses with it.
func TestPrefix(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Prefix = "/a/b" })
	for path, want := range map[string]string{
		"/a/b/healthz": "", "/healthz": "", "/a/b/app": "/a/b/app/", "/a/b/v1//jobs": "/a/b/v1/jobs", "/a/b/queues/": "",
	} {
		got := httptest.NewRecorder()
		r.server.Handler().ServeHTTP(got, httptest.NewRequest(http.MethodGet, path, nil))
		if led := got.Header().Get("Location"); led != want || got.Code == 404 {
			t.Errorf("%s: %d, leads to %q", path, got.Code, led)
		}
	}
}

// Who opens the address itself finds the way.
func TestWelcomePage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.open(request{path: "/", key: "none"})
	body, err := io.ReadAll(res.Body)
	must(t, errors.Join(err, res.Body.Close()))
	if res.StatusCode != 200 || !bytes.Contains(body, []byte(`"openapi.yaml"`)) {
		t.Errorf("%d: %s", res.StatusCode, body)
	}
}
