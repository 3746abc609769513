package api

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestServesTLS asks over TLS, and sees the headers that keep browsers in bounds.
func TestServesTLS(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS() // for its certificate
	pair.Close()
	o := r.options
	o.TLS = &tls.Config{Certificates: pair.TLS.Certificates, MinVersion: tls.VersionTLS12}
	server, err := New(o)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- server.Run(ctx, listener) }()
	client := pair.Client()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+listener.Addr().String()+"/v1/jobs", nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+r.key)
	res, err := client.Do(req)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	wantHeaders(t, res.Header, map[string]string{
		"Strict-Transport-Security": "max-age=31536000", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	})
	client.CloseIdleConnections()
	stop()
	must(t, <-ended)
}
