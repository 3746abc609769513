// Package gate is what every request passes before its route: the key and its
// scope, the limit of its body, and the room in its tenant's queue. It makes the
// jobs that routes ask for, tells errors in the API's shape, and writes the log.
package gate

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/job"
)

// Engine takes work in. *engine.Engine is one.
type Engine interface {
	// Accept makes a job, see engine.Engine.
	Accept(ctx context.Context, job job.NewJob,
		write func(context.Context, *store.Queries) error) (made job.Job, existed bool, err error)
}

// Options set up a Gate. Engine and Store are required.
type Options struct {
	Engine Engine
	Store  *store.Store
	// Log is told of every request. Defaults to silence.
	Log zerolog.Logger
	// MaxBody bounds bodies, in bytes. Defaults to 4 MiB.
	MaxBody int64
	// MaxHeld bounds the bodies that are held at once, in bytes; uploads are
	// streamed and do not count. Defaults to 64 MiB.
	MaxHeld int64
	// MaxUpload bounds files and imports, in bytes. Defaults to 1 GiB.
	MaxUpload int64
	// Patience bounds in time how bodies come in.
	Patience wire.Patience
	// Backlog bounds one tenant's jobs that wait in a lane. Defaults to 250,000.
	Backlog int
	// Rates are what limits are kept on. Defaults to this process alone.
	Rates Rates
	// Streams is where open streams are counted. Defaults to this process alone.
	Streams Streams
	// Tokens checks bearers that are tokens of OpenID Connect. Defaults to taking none.
	Tokens Tokens
	// Metrics takes what is counted of requests. Defaults to none.
	Metrics prometheus.Registerer
	// Tracer records requests. Defaults to none.
	Tracer Tracer
	// Now is the clock of what is remembered. Defaults to time.Now.
	Now func() time.Time
}

// Tracer records requests as spans of traces.
type Tracer interface {
	// Request begins the span of a request by its route and makes the Traceparent of its header
	// that span's, so that the jobs made for it are in its trace. ended is told what was answered.
	Request(header http.Header, route string) (ended func(status int, job string))
}

// Gate is safe for concurrent use.
type Gate struct {
	Options
	keys    *keyring
	limits  *limits
	streams *streams
	load    *gauge
	room    room
	seen    *traffic
}

// New returns a gate.
func New(o Options) *Gate {
	if o.MaxBody <= 0 {
		o.MaxBody = 4 << 20
	}
	if o.MaxHeld <= 0 {
		o.MaxHeld = 64 << 20
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = 1 << 30
	}
	if o.Backlog <= 0 {
		o.Backlog = 250_000
	}
	o.Patience = o.Patience.Filled()
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Gate{Options: o, keys: newKeyring(o.Store, o.Tokens, o.Now), limits: newLimits(o),
		streams: newStreams(o), load: newGauge(o.Store, o.Backlog, o.Now),
		room: room{max: o.MaxHeld}, seen: newTraffic(o.Metrics)}
}
