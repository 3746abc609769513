package gate

import (
	"net/http/httptest"
	"testing"
)

func TestFromHere(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		from, host, header string
		want               bool
	}{
		{from: "127.0.0.1:5", host: "127.0.0.1:8080", want: true}, {from: "[::1]:5", host: "[::1]:8080", want: true},
		{from: "127.0.0.1:5", host: "localhost", want: true}, {from: "127.0.0.1:5", host: "LocalHost.:80", want: true},
		{from: "[::ffff:127.0.0.1]:5", host: "127.8.0.1", want: true}, {from: "127.0.0.1:5", host: "::1", want: true},
		{from: "10.0.0.1:5", host: "127.0.0.1"}, {from: "@", host: "localhost"},
		{from: "127.0.0.1:5", host: "rebound.example"}, {from: "127.0.0.1:5", host: "10.0.0.1"}, {from: "127.0.0.1:5"},
		{from: "127.0.0.1:5", host: "localhost.example"}, {from: "127.0.0.1:5", host: "127.0.0.1.nip.io:80"},
		{from: "127.0.0.1:5", host: "localhost", header: "X-Forwarded-For"},
		{from: "127.0.0.1:5", host: "localhost", header: "X-Forwarded-Host"},
		{from: "127.0.0.1:5", host: "localhost", header: "Forwarded"}, {from: "127.0.0.1:5", host: "localhost", header: "Via"},
		{from: "127.0.0.1:5", host: "localhost", header: "X-Real-IP"},
		{from: "127.0.0.1:5", host: "localhost", header: "CF-Connecting-IP"},
		{from: "127.0.0.1:5", host: "localhost", header: "True-Client-IP"},
		{from: "127.0.0.1:5", host: "localhost", header: "Fly-Client-IP"},
		{from: "127.0.0.1:5", host: "localhost", header: "Accept", want: true},
	} {
		req := httptest.NewRequest("GET", "/metrics", nil)
		req.RemoteAddr, req.Host = tc.from, tc.host
		if tc.header != "" {
			req.Header.Set(tc.header, "") // an empty one says as much
		}
		if got := fromHere(req); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}
