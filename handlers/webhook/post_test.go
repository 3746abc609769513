package webhook

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/tasks"
)

func serve(t *testing.T, fn http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(fn)
	t.Cleanup(server.Close)
	return server
}

// TestNameOfAPrivateAddress has a name that only the look at the address itself
// can refuse.
func TestNameOfAPrivateAddress(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	r := serve(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	d := &deliverer{now: time.Now, http: &http.Client{Transport: transport(tasks.WebhookRules{}, time.Second)}}
	port := r.URL[strings.LastIndex(r.URL, ":"):]
	_, err := d.post(t.Context(), message{url: "http://localhost" + port})
	var refused *refusal
	if !errors.As(err, &refused) || !refused.final || !errors.Is(err, errNotPublic) || calls.Load() > 0 {
		t.Errorf("got %v and %d deliveries", err, calls.Load())
	}
}

func TestFaultsOfTheReceiver(t *testing.T) {
	t.Parallel()
	rules := tasks.WebhookRules{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	stop := make(chan struct{})
	hangs := serve(t, func(http.ResponseWriter, *http.Request) { <-stop })
	breaks := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	t.Cleanup(func() { close(stop) }) // before the servers close
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for url, code := range map[string]string{
		hangs.URL + "/path": "vendor_timeout", breaks.URL + "/path": "vendor_unavailable",
		closed.URL + "/path": "vendor_unavailable",
	} {
		d := &deliverer{now: time.Now, http: &http.Client{
			Transport: transport(rules, time.Second), Timeout: 200 * time.Millisecond,
		}}
		_, err := d.post(t.Context(), message{url: url})
		var refused *refusal
		if !errors.As(err, &refused) || refused.code != code || refused.final ||
			strings.Contains(err.Error(), "path") {
			t.Errorf("%s: %v, want %s", url, err, code)
		}
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	var least, most time.Duration
	for failed := 1; failed <= 12; failed++ {
		bound := min(5*time.Second<<(2*(failed-1)), maxPause)
		for range 100 {
			if got := pauseAfter(failed); got < bound/2 || got > bound {
				t.Fatalf("the pause after %d is %s, want %s to %s", failed, got, bound/2, bound)
			}
		}
		if failed < 12 {
			least, most = least+bound/2, most+bound
		}
	}
	if least < 12*time.Hour || most > 48*time.Hour {
		t.Errorf("all tries take %s to %s", least, most)
	}
	for header, want := range map[string]time.Duration{
		"": 0, "x": 0, "-1": 0, "30": 30 * time.Second, "999999999": maxPause,
	} {
		if got := retryAfter(header); got != want {
			t.Errorf("Retry-After %q is %s", header, got)
		}
	}
}
