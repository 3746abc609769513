package gate

import (
	"net/http/httptest"
	"testing"
)

func TestFromHere(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		from, proxy string
		want        bool
	}{{"127.0.0.1:5", "", true}, {"[::1]:5", "", true}, {"10.0.0.1:5", "", false}, {"127.0.0.1:5", "10.0.0.1",
		false}, {"@", "", false}} {
		req := httptest.NewRequest("GET", "/metrics", nil)
		req.RemoteAddr = tc.from
		if tc.proxy != "" {
			req.Header.Set("X-Forwarded-For", tc.proxy)
		}
		if got := fromHere(req); got != tc.want {
			t.Errorf("%s by %q: %v", tc.from, tc.proxy, got)
		}
	}
}
