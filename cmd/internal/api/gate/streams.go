package gate

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/backoff"
	"dreamlab/store/db"
	"dreamlab/store/rate"
)

// Streams counts the open streams of all processes. What is not renewed leaves the count
// by itself. *redis.Streams is one.
type Streams interface {
	// Open counts a stream under all bounds, or tells by its index which is full; else -1.
	Open(ctx context.Context, id string, bounds []rate.Open) (full int, err error)
	// Renew counts it on, and Close no more.
	Renew(ctx context.Context, id string, bounds []rate.Open) error
	Close(ctx context.Context, id string, bounds []rate.Open) error
	// Count returns how many are open.
	Count(ctx context.Context, bound rate.Open) (int64, error)
}

const (
	// renewStreams is a third of the time for which a stream counts that is not renewed.
	renewStreams = 10 * time.Second
	// streamWait is when a client may try again whose limit of streams is reached: nobody
	// knows when one ends.
	streamWait = time.Second
)

// streams holds streams to the limits of their tenants.
type streams struct {
	shared Streams // nil: this process alone
	log    zerolog.Logger

	mu  sync.Mutex
	own map[string]int64 // those of this process that a limit holds, by its name
}

func newStreams(o Options) *streams {
	return &streams{shared: o.Streams, log: o.Log, own: map[string]int64{}}
}

// OpenStream takes a place among the streams that a tenant may have open at once: 429 where
// there is none. The caller closes the stream. Without such a limit it asks nobody.
func (g *Gate) OpenStream(c *wire.Call, model string) (closed func(), err error) {
	all, err := g.limits.of(c.Context(), c.Tenant)
	if err != nil {
		return nil, err
	}
	var bounds []rate.Open
	for _, l := range all {
		if l.Streams > 0 && (l.Key == "" || l.Key == c.Key) && (l.Model == "" || l.Model == model) {
			bounds = append(bounds, streamsOf(l))
		}
	}
	if len(bounds) == 0 {
		return func() {}, nil
	}
	return g.streams.open(c.Context(), bounds)
}

// StreamsOpen returns how many streams are open under a limit, where it has one of them and
// that is known.
func (g *Gate) StreamsOpen(ctx context.Context, l store.Limit) (n int64, known bool) {
	if l.Streams == 0 {
		return 0, false
	}
	return g.streams.count(ctx, streamsOf(l))
}

func streamsOf(l store.Limit) rate.Open {
	return rate.Open{Name: l.Tenant + ":" + l.Key + ":" + l.Model, Most: l.Streams}
}

// open counts a stream in all processes, or where they can not be asked holds this one to
// its share. It is renewed in any case, so that it is counted again when Redis is back.
func (o *streams) open(ctx context.Context, bounds []rate.Open) (closed func(), err error) {
	if o.shared == nil {
		full := o.enter(bounds, 1)
		return func() { o.leave(bounds) }, fullFault(bounds, full)
	}
	id := db.NewID("str_")
	full, err := o.shared.Open(ctx, id, bounds)
	switch {
	case err != nil:
		o.log.Warn().Err(err).Msg("open streams can not be counted: this process grants a quarter of each limit")
		full = o.enter(bounds, ownShare)
	case full < 0:
		o.enter(bounds, 0)
	}
	if full >= 0 {
		return nil, fullFault(bounds, full)
	}
	stop := o.renew(id, bounds)
	return func() { o.leave(bounds); stop() }, nil
}

// enter counts a stream in this process, unless one of the bounds has its part of the limit
// open here: then it is counted under none, and its index returned; else -1. Without a part
// (0) nothing is refused.
func (o *streams) enter(bounds []rate.Open, part int64) (full int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, b := range bounds {
		if part > 0 && o.own[b.Name] >= max(1, b.Most/part) {
			return i
		}
	}
	for _, b := range bounds {
		o.own[b.Name]++
	}
	return -1
}

func (o *streams) leave(bounds []rate.Open) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range bounds {
		if o.own[b.Name]--; o.own[b.Name] == 0 {
			delete(o.own, b.Name)
		}
	}
}

// renew keeps a stream in the count until stop is called.
func (o *streams) renew(id string, bounds []rate.Open) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for backoff.Sleep(ctx, renewStreams) == nil {
			if err := o.shared.Renew(ctx, id, bounds); err != nil && ctx.Err() == nil {
				o.log.Warn().Err(err).Msg("an open stream could not be renewed: other processes may count one less")
			}
		}
	})
	return func() {
		cancel()
		renewing.Wait()
		if err := o.shared.Close(context.Background(), id, bounds); err != nil {
			o.log.Warn().Err(err).Msg("a stream that ended could not be taken from the count: it leaves by itself")
		}
	}
}

func (o *streams) count(ctx context.Context, bound rate.Open) (n int64, known bool) {
	if o.shared == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.own[bound.Name], true
	}
	n, err := o.shared.Count(ctx, bound)
	if err != nil {
		o.log.Warn().Err(err).Msg("open streams can not be counted")
		return 0, false
	}
	return n, true
}

// fullFault is the fault of a stream for which a bound, by its index, has no place; nil for -1.
func fullFault(bounds []rate.Open, full int) error {
	if full < 0 {
		return nil
	}
	fault := wire.Coded("rate_limit_exceeded", "The limit of "+strconv.FormatInt(bounds[full].Most, 10)+
		" open streams is reached: close one, wait for its end, or ask without a stream.")
	fault.After = streamWait
	return fault
}
