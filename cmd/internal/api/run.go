package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/gate"
)

// Run serves until the context ends, then lets requests finish for the grace
// period, tells streams that are still open that they break off, and returns
// when all are gone.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	defer s.Close()
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(gate.ErrStopping)
	server := &http.Server{
		Handler:           s.handler,
		BaseContext:       func(net.Listener) context.Context { return work },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the API: %w", err)
	case <-ctx.Done():
	}
	err := s.drain(server, stop)
	<-served // http.ErrServerClosed, by drain
	return err
}

// partings is how long streams have to say that they break off, at most a quarter
// of the grace.
const partings = 2 * time.Second

func (s *Server) drain(server *http.Server, stop context.CancelCauseFunc) error {
	grace, cancel := context.WithTimeout(context.Background(), s.grace)
	defer cancel()
	if server.Shutdown(grace) == nil {
		return nil
	}
	stop(gate.ErrStopping)
	last, cancelLast := context.WithTimeout(context.Background(), min(partings, s.grace/4))
	defer cancelLast()
	if err := server.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("stop the API: requests were cut off: %w", err), server.Close())
	}
	return nil
}
