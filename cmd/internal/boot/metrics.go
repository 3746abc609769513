package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dreamlab/cmd/internal/api/gate"
)

// scrapeWithin bounds one scrape, and the wait for the last one at the end.
const scrapeWithin = 10 * time.Second

// Scraped returns the process that serves /metrics and /healthz, for processes without
// an API; none where no address is configured.
func (s *Stack) Scraped(ctx context.Context) ([]Process, error) {
	if s.Config.Metrics == "" {
		return nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Config.Metrics)
	if err != nil {
		return nil, fmt.Errorf("show metrics at %s: give each process an address of its own by DREAMLAB_METRICS: %w",
			s.Config.Metrics, err)
	}
	mux := http.NewServeMux()
	metrics := promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{Timeout: scrapeWithin})
	mux.Handle("GET /metrics", forItsHost(listener.Addr(), metrics))
	mux.Handle("GET /healthz", forItsHost(listener.Addr(), http.HandlerFunc(alive)))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: scrapeWithin, IdleTimeout: time.Minute}
	s.Log.Info().Str("addr", listener.Addr().String()).Msg("metrics are shown")
	run := func(ctx context.Context) error { return showUntil(ctx, server, listener) }
	return []Process{{Name: "metrics", Run: run, Support: true}}, nil
}

// alive answers as /healthz of the API does.
func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if _, err := io.WriteString(w, `{"status":"ok"}`+"\n"); err != nil {
		return // the client has left
	}
}

// forItsHost refuses requests for another host name where the address is a loopback
// one: a page in a browser on this machine may send them (DNS rebinding).
func forItsHost(address net.Addr, next http.Handler) http.Handler {
	if !gate.LoopbackHost(address.String()) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !gate.LoopbackHost(r.Host) {
			http.Error(w, "ask by an address of this machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// showUntil serves until ctx ends and what was asked is answered.
func showUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("show metrics: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), scrapeWithin)
	defer cancel()
	err := server.Shutdown(last)
	<-served // http.ErrServerClosed, by Shutdown
	if err != nil {
		return errors.Join(fmt.Errorf("stop showing metrics: %w", err), server.Close())
	}
	return nil
}
