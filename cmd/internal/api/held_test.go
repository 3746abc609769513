package api

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/wire"
)

// raw sends bytes as they are and returns the connection, which is left open.
func (r *rig) raw(t *testing.T, text string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, text)
	must(t, err)
	return conn
}

// half are requests whose bodies never come to their end.
func half(key string) map[string]struct {
	text   string
	status int
} {
	const length, chunked = "Host: x\r\nContent-Length: 1000\r\n", "Host: x\r\nTransfer-Encoding: chunked\r\n"
	ours := "Authorization: Bearer " + key + "\r\n"
	return map[string]struct {
		text   string
		status int
	}{
		"no key":           {"POST /v1/jobs HTTP/1.1\r\n" + length + "\r\nx", 401},
		"no key, chunked":  {"POST /v1/jobs HTTP/1.1\r\n" + chunked + "\r\n5\r\nhel", 401},
		"no key, upload":   {"POST /v1/files HTTP/1.1\r\n" + length + "\r\nx", 401},
		"wrong key":        {"POST /v1/jobs HTTP/1.1\r\n" + length + "Authorization: Bearer dl-x\r\n\r\nx", 401},
		"no path":          {"POST /nothing HTTP/1.1\r\n" + length + "\r\nx", 404},
		"wrong method":     {"PUT /v1/jobs HTTP/1.1\r\n" + length + "\r\nx", 405},
		"open, with body":  {"GET /healthz HTTP/1.1\r\n" + length + "\r\nx", 200},
		"with a key":       {"GET /v1/jobs HTTP/1.1\r\n" + length + ours + "\r\nx", 200},
		"too large":        {"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n" + ours + "\r\nx", 413},
		"comes too slowly": {"POST /v1/jobs HTTP/1.1\r\n" + length + ours + "\r\n{", 408},
		"upload that stalls": {"POST /v1/experiences HTTP/1.1\r\nContent-Type: application/x-ndjson\r\n" + length + ours +
			"\r\n{", 408},
		"path to clean":    {"POST //v1/jobs HTTP/1.1\r\n" + length + "\r\nx", 307},
		"path to a folder": {"POST /queues HTTP/1.1\r\n" + length + "\r\nx", 307},
	}
}

// A request that is refused, or answered, before its body has come is answered at
// once and holds neither its connection nor a shutdown.
func TestHalfRequestsHoldNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) {
		o.Patience = wire.Patience{Idle: 50 * time.Millisecond, Linger: 50 * time.Millisecond}
	})
	for name, q := range half(r.key) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := bufio.NewReader(r.raw(t, q.text))
			res, err := http.ReadResponse(conn, nil)
			must(t, err)
			_, err = io.ReadAll(res.Body)
			must(t, err)
			if res.StatusCode != q.status || !res.Close || res.Header.Get("X-Request-Id") == "" {
				t.Errorf("status %d, want %d; closes %v; %v", res.StatusCode, q.status, res.Close, res.Header)
			}
			if _, err := conn.ReadByte(); err != io.EOF {
				t.Errorf("the connection is still open: %v", err)
			}
		})
	}
}

// A server stops at once below a request that was refused and goes on.
func TestRefusedRequestHoldsNoShutdown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	o := r.options
	o.Patience, o.Grace = wire.Patience{Linger: 50 * time.Millisecond}, time.Minute
	second, err := New(o)
	must(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	r.url = "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- second.Run(ctx, listener) }()
	conn := bufio.NewReader(r.raw(t, half(r.key)["no key"].text))
	_, err = http.ReadResponse(conn, nil)
	must(t, err)
	stop()
	must(t, <-ended)
}

// A body that comes a byte at a time is bounded as a whole.
func TestWholeBodyIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) {
		o.Patience, o.MaxBody = wire.Patience{Idle: time.Minute, Whole: 100 * time.Millisecond}, 1<<20
	})
	conn := r.raw(t, "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nAuthorization: Bearer "+r.key+
		"\r\n\r\n")
	go func() {
		for range time.Tick(time.Millisecond) {
			if _, err := io.WriteString(conn, " "); err != nil {
				return
			}
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != 408 {
		t.Errorf("status %d", res.StatusCode)
	}
}

// While a large body is held another is told to come again, and one that waits for
// its answer holds none.
func TestBodiesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.MaxHeld = 1000 })
	held := "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\nAuthorization: Bearer " + r.key + "\r\n\r\n{"
	r.raw(t, held)
	large := `{"kind":"dream","metadata":{"a":"` + strings.Repeat("x", 400) + `"}}`
	a := r.post("/v1/jobs", large)
	for a.status == 202 { // the other has not come in yet, or came while this one was held
		r.finished(a.text(t, "id"))
		r.raw(t, held)
		a = r.post("/v1/jobs", large)
	}
	if a.want(t, 429, "rate_limit_exceeded"); a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	if !strings.Contains(string(a.body), "large requests") {
		t.Errorf("told: %s", a.body)
	}
}
