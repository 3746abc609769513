package boot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapeWithin bounds one scrape, and the wait for the last one at the end.
const scrapeWithin = 10 * time.Second

// Scraped returns what shows the process's metrics, for processes that serve
// no API; nothing where no address is configured for it.
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
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{Timeout: scrapeWithin}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: scrapeWithin, IdleTimeout: time.Minute}
	s.Log.Info().Str("addr", listener.Addr().String()).Msg("metrics are shown")
	run := func(ctx context.Context) error { return showUntil(ctx, server, listener) }
	return []Process{{"metrics", run}}, nil
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
