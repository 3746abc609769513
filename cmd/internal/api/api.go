// Package api is the front of Dream Lab: thin HTTP over the engine and the
// store. routes.go is the whole route table, and one file per noun holds its
// routes. Below it, wire is how HTTP is spoken, gate is what every request passes,
// and chat is a chat's way in and its reply.
//
// It decides nothing about the work: it checks what it is given, hands it to
// the engine as a job, and shows what the store keeps. It calls no vendor and
// imports no handler; what it needs to know of the models it asks of a Models.
package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/cache"
	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/embed"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/happening"
	"dreamlab/cmd/internal/api/operate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/book"
	"dreamlab/store/job"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

// Engine takes work in and tells how it went. *engine.Engine is one.
type Engine interface {
	gate.Engine
	chat.Engine
	// Wait returns the job when it has ended, or as it is after that long.
	Wait(ctx context.Context, tenant, id string, atMost time.Duration) (job.Job, error)
	// Retry queues an ended job again, or fails with db.ErrConflict.
	Retry(ctx context.Context, tenant, id string) (job.Job, error)
	// Change makes changes of a job and of what it is about in one transaction.
	Change(ctx context.Context, tenant, id string, fn func(context.Context, *store.Queries) ([]job.Moved, error)) (job.Job, error)
	// Reachable tells whether the queue answers.
	Reachable(ctx context.Context) error
}

// Options set up the API. Those without a default are required.
type Options struct {
	Engine  Engine
	Store   *store.Store
	Replies chat.Replies
	Bucket  blob.Bucket
	Models  Models
	// Base is the model that tunes start from where the client names none, as
	// provider/model.
	Base string
	// Lead is the model that verifies what the team solves. Defaults to the alias lead.
	Lead string
	// Tunable tells whether a model can be fine-tuned. Defaults to every one.
	Tunable Tunable
	// Servable fails with a [*tasks.Failure] where a vendor serves no tuned models. Defaults to every one.
	Servable func(host string) error
	// Pausable tells whether a vendor pauses a fine-tune that it has begun. Defaults to none.
	Pausable func(provider string) bool
	// Cache keeps answers for chats that are asked again. Defaults to none.
	Cache cache.Store
	// Kept is where what dreams anticipated is dropped when they are undone, also while no chat is answered from
	// it. Defaults to nowhere.
	Kept Kept
	// CacheTTL is how long these are fresh, and CacheStale how long after that they are given
	// and asked anew, see cache.Options.
	CacheTTL, CacheStale time.Duration
	// CacheSharing are the tenants that are given each other's answers. Defaults to none.
	CacheSharing kept.Sharing
	// CacheSemantic has answers given to questions, too, that mean the same. Defaults to off.
	CacheSemantic Semantic
	// Queues is the page under /queues/, see package queues. Defaults to none.
	Queues http.Handler
	// Pages are those under /app/, see package web. Defaults to none.
	Pages Pages
	// Prefix is the path before all paths where a proxy serves the API below one, such as
	// /lab: requests with and without it are taken. Defaults to none.
	Prefix string
	// CORS are the sites whose pages may ask from a browser, such as https://lab.example. Defaults to none.
	CORS []string
	// Rates are what limits are kept on. Defaults to this process alone.
	Rates gate.Rates
	// Streams is where open streams are counted. Defaults to this process alone.
	Streams gate.Streams
	// Tokens checks bearers that are tokens of OpenID Connect. Defaults to taking none.
	Tokens gate.Tokens
	// Metrics is what /metrics shows, and takes what is counted of requests. Defaults
	// to none.
	Metrics *prometheus.Registry
	// Tracer records requests. Defaults to none.
	Tracer gate.Tracer
	// Log is told of every request. Defaults to silence.
	Log zerolog.Logger
	// Sandbox says that no model here is real.
	Sandbox bool
	// MaxBody bounds JSON bodies, in bytes. Defaults to 4 MiB.
	MaxBody int64
	// MaxHeld bounds the JSON bodies that are held at once, in bytes. Defaults to
	// 64 MiB.
	MaxHeld int64
	// MaxUpload bounds files and imports, in bytes. Defaults to 1 GiB.
	MaxUpload int64
	// Patience bounds in time how bodies come in.
	Patience wire.Patience
	// Backlog bounds one tenant's jobs that wait in a lane. Defaults to 250,000.
	Backlog int
	// Budgets are those of the configuration, which are shown beside each tenant's own.
	// Defaults to none.
	Budgets []book.Budget
	// Plan is what a month is meant to cost, shown beside what it comes to. Defaults to none.
	Plan []operate.PlanLine
	// TLS is what Run speaks. Defaults to plain HTTP.
	TLS *tls.Config
	// Webhooks say where ends may be told. Defaults to public addresses alone.
	Webhooks tasks.WebhookRules
	// Absence is how long a chat goes on whose client went away. Defaults to 10
	// seconds.
	Absence time.Duration
	// Inbox says which bucket tells of new objects, and who signs for it. Defaults to none.
	Inbox Inbox
	// Look is how often GET /v1/events looks while a client listens. Defaults to a second.
	Look time.Duration
	// Now is the clock of what the API remembers. Defaults to time.Now.
	Now func() time.Time
	// Grace is how long requests may take to end when the API stops. Defaults
	// to 20 seconds.
	Grace time.Duration
}

// Semantic says when two questions mean the same for the cache. Its zero value: never.
type Semantic struct {
	Questions cache.Questions
	Model     string  // makes the vectors: an alias, or provider/model
	Threshold float64 // of the similarity of their vectors
}

// Kept holds the answers that dreams anticipated. *redis.Cache is one.
type Kept interface {
	// Drop removes the answers of these names, see kept.Names.
	Drop(ctx context.Context, names []string) error
}

// Inbox is the bucket whose new objects are imported.
type Inbox struct {
	Bucket, Prefix string // as in gs://bucket/prefix/
	Signer         happening.Signer
}

// Pages are the pages under /app/. They ask the API what they show, as other clients do.
type Pages interface {
	http.Handler
	// Over tells them which API they stand over, before the first request.
	Over(api http.Handler)
}

// Server answers the API's requests. It is safe for concurrent use.
type Server struct {
	handler *mux
	prefix  string
	sites   []string // see Options.CORS
	chats   *chat.Chats
	grace   time.Duration
	tls     *tls.Config // nil: plain HTTP
}

// New returns a server, or says what is missing.
func New(o Options) (*Server, error) {
	if o.Engine == nil || o.Store == nil || o.Replies == nil || o.Bucket == nil || o.Models == nil {
		return nil, errors.New("make the API: it needs an engine, a store, reply streams, a bucket and models")
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Grace <= 0 {
		o.Grace = 20 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	front := gate.New(gate.Options{
		Engine: o.Engine, Store: o.Store, Log: o.Log, MaxBody: o.MaxBody, MaxHeld: o.MaxHeld, MaxUpload: o.MaxUpload,
		Backlog: o.Backlog, Rates: o.Rates, Streams: o.Streams, Tokens: o.Tokens, Metrics: o.Metrics, Patience: o.Patience,
		Tracer: o.Tracer, Now: o.Now,
	})
	var answers *cache.Cache
	if o.Cache != nil {
		answers = cache.New(cache.Options{
			Store: o.Cache, TTL: o.CacheTTL, Stale: o.CacheStale, Metrics: o.Metrics, Log: o.Log, Now: o.Now,
			Questions: o.CacheSemantic.Questions, Threshold: o.CacheSemantic.Threshold, Sharing: o.CacheSharing,
		})
	}
	chats := chat.New(chat.Options{
		Gate: front, Engine: o.Engine, Store: o.Store, Replies: o.Replies, Models: contexts{o.Models}, Cache: answers,
		Absence: o.Absence, Sandbox: o.Sandbox, Log: o.Log, Vector: vectors(o, front),
	})
	table := newMux(front, routes(o, front, chats), o.Prefix)
	if o.Pages != nil {
		o.Pages.Over(table)
	}
	return &Server{handler: table, prefix: o.Prefix, sites: o.CORS, chats: chats, grace: o.Grace, tls: o.TLS}, nil
}

// vectors turns questions into vectors, nil where nobody compares them.
func vectors(o Options, front *gate.Gate) func(*wire.Call, string) ([]float32, error) {
	if o.Cache == nil || o.CacheSemantic.Questions == nil {
		return nil
	}
	texts := &embed.Embeddings{Gate: front, Engine: o.Engine, Store: o.Store, Models: contexts{o.Models}, Log: o.Log}
	return func(c *wire.Call, text string) ([]float32, error) {
		return texts.Vector(c, o.CacheSemantic.Model, text)
	}
}

// below takes the prefix off the paths that have it.
func below(prefix string, api http.Handler) http.Handler {
	if prefix == "" {
		return api
	}
	stripped := http.StripPrefix(prefix, api)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.EscapedPath(), prefix+"/") {
			stripped.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// contexts tells chats what the models of the catalogue take.
type contexts struct{ models Models }

// Context finds a model by its name.
func (c contexts) Context(model string) (tokens int, found bool) {
	m, found := c.models.Find(model)
	return m.Context, found
}

// TakesOption tells whether any vendor takes a parameter.
func (c contexts) TakesOption(name string) bool { return c.models.TakesOption(name) }

// Handler returns the whole API.
func (s *Server) Handler() http.Handler { return below(s.prefix, gate.CORS(s.sites, s.handler)) }

// Close forgets the chats whose clients went away. Run does it by itself; it is
// for programs that serve the Handler.
func (s *Server) Close() { s.chats.Close() }

// Run serves until the context ends, then lets requests finish for the grace
// period, tells streams that are still open that they break off, and returns
// when all are gone.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	defer s.Close()
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(gate.ErrStopping)
	server := &http.Server{
		Handler:           s.Handler(),
		BaseContext:       func(net.Listener) context.Context { return work },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	served := make(chan error, 1)
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
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
