// Package api is the front of Dream Lab: thin HTTP over the engine and the
// store. routes.go is the whole route table, one file per noun holds its
// routes, and error.go turns errors into statuses.
//
// It decides nothing about the work: it checks what it is given, hands it to
// the engine as a job, and shows what the store keeps. It calls no vendor and
// imports no handler; what it needs to know of the models it asks of a Models.
package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/tasks"
)

// Engine takes work in and tells how it went. *engine.Engine is one.
type Engine interface {
	// Accept makes a job, see engine.Engine.
	Accept(ctx context.Context, job store.NewJob,
		write func(context.Context, *store.Queries) error) (made store.Job, existed bool, err error)
	// Cancel asks for a job's end. Repeating it is harmless.
	Cancel(ctx context.Context, tenant, id string) (store.Job, error)
	// Retry queues an ended job again, or fails with store.ErrConflict.
	Retry(ctx context.Context, tenant, id string) (store.Job, error)
	// Wait returns the job when it has ended, or as it is after that long.
	Wait(ctx context.Context, tenant, id string, atMost time.Duration) (store.Job, error)
	// Reachable tells whether the queue answers.
	Reachable(ctx context.Context) error
}

// Options set up the API. Those without a default are required.
type Options struct {
	Engine  Engine
	Store   *store.Store
	Replies Replies
	Bucket  blob.Bucket
	Models  Models
	// Base is the model that tunes start from where the client names none, as
	// provider/model.
	Base string
	// Queues is the page under /queues/, see NewQueues. Defaults to none.
	Queues http.Handler
	// Metrics is what /metrics shows. Defaults to none.
	Metrics prometheus.Gatherer
	// Log is told of every request. Defaults to silence.
	Log zerolog.Logger
	// Sandbox says that no model here is real.
	Sandbox bool
	// MostBody bounds JSON bodies, in bytes. Defaults to 16 MiB.
	MostBody int64
	// MostUpload bounds files and imports, in bytes. Defaults to 1 GiB.
	MostUpload int64
	// Backlog bounds one tenant's jobs that wait in a lane. Defaults to 250,000.
	Backlog int
	// Webhooks say where ends may be told. Defaults to public addresses alone.
	Webhooks tasks.WebhookRules
	// Absence is how long a chat goes on whose client went away. Defaults to 10
	// seconds.
	Absence time.Duration
	// Grace is how long requests may take to end when the API stops. Defaults
	// to 20 seconds.
	Grace time.Duration
}

// Server answers the API's requests. It is safe for concurrent use.
type Server struct {
	Options
	keys    *keyring
	load    *gauge
	absent  *absentees
	aliases *aliases
	handler http.Handler
}

// New returns a server, or says what is missing.
func New(o Options) (*Server, error) {
	if o.Engine == nil || o.Store == nil || o.Replies == nil || o.Bucket == nil || o.Models == nil {
		return nil, errors.New("make the API: it needs an engine, a store, reply streams, a bucket and models")
	}
	o.MostBody = positive(o.MostBody, 16<<20)
	o.MostUpload = positive(o.MostUpload, 1<<30)
	o.Absence = positive(o.Absence, 10*time.Second)
	o.Grace = positive(o.Grace, 20*time.Second)
	s := &Server{Options: o, keys: newKeyring(o.Store, time.Now), aliases: newAliases(o.Store)}
	s.load = newGauge(s.Store, int(positive(int64(o.Backlog), 250_000)), time.Now)
	s.absent = newAbsentees(o.Absence, s.dropChat)
	s.handler = s.mux()
	return s, nil
}

func positive[T int64 | time.Duration](given, otherwise T) T {
	if given > 0 {
		return given
	}
	return otherwise
}

// Handler returns the whole API.
func (s *Server) Handler() http.Handler { return s.handler }

// Close forgets the chats whose clients went away. Run does it by itself; it is
// for those who serve the Handler.
func (s *Server) Close() { s.absent.close() }

// Run serves until the context ends, then lets requests finish for the grace
// period, tells streams that are still open that they break off, and returns
// when all are gone.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	defer s.Close()
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(errStopping)
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

// partings is how long streams have to say that they break off.
const partings = 2 * time.Second

func (s *Server) drain(server *http.Server, stop context.CancelCauseFunc) error {
	grace, cancel := context.WithTimeout(context.Background(), s.Grace)
	defer cancel()
	if server.Shutdown(grace) == nil {
		return nil
	}
	stop(errStopping)
	last, cancelLast := context.WithTimeout(context.Background(), partings)
	defer cancelLast()
	if err := server.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("stop the API: requests were cut off: %w", err), server.Close())
	}
	return nil
}
