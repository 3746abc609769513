package happening

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// Bounds of the streams of one process.
const (
	maxStreams = 32   // of one tenant
	maxEvents  = 1000 // of one look
	// overlap is looked at again: a transaction whose time lies before another's may become
	// visible after it.
	overlap = 2 * time.Second
	// reach is how far back a client may go on: what happened before is in the lists.
	reach    = time.Hour
	lifetime = time.Hour
	beat     = 15 * time.Second
)

// Streams are the clients that listen.
type Streams struct {
	Store *store.Store
	// Every is how often is looked while somebody listens. Defaults to a second.
	Every time.Duration
	// Sandbox says that no model here is real.
	Sandbox bool

	mu   sync.Mutex
	open map[string]int // by tenant
}

// enter takes a place, or refuses.
func (s *Streams) enter(tenant string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]int{}
	}
	if s.open[tenant] >= maxStreams {
		return &wire.Fault{
			Status: http.StatusTooManyRequests, Code: "rate_limit_exceeded",
			Message: "Too many streams of events are open: close one first.",
		}
	}
	s.open[tenant]++
	return nil
}

func (s *Streams) leave(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[tenant]--; s.open[tenant] == 0 {
		delete(s.open, tenant)
	}
}

// Stream tells what happens from now on, or behind Last-Event-ID, until the client goes away or
// an hour is over. An event may come twice to a client that comes again.
func (s *Streams) Stream(w http.ResponseWriter, c *wire.Call) error {
	now, err := s.Store.Now(c.Context())
	if err != nil {
		return err
	}
	since, err := sinceOf(c, now)
	if err != nil {
		return err
	}
	if err := s.enter(c.Tenant); err != nil {
		return err
	}
	defer s.leave(c.Tenant)
	ctx, stop := context.WithTimeout(c.Context(), lifetime)
	defer stop()
	l := &listener{streams: s, tenant: c.Tenant, out: wire.NewSSE(w, s.Sandbox), since: since, seen: map[string]time.Time{}}
	err = l.listen(ctx)
	if ctx.Err() != nil {
		return nil // the client went away, comes again, or the process stops: it goes on elsewhere
	}
	return err
}

// sinceOf reads the time of the last event that the client had.
func sinceOf(c *wire.Call, now time.Time) (time.Time, error) {
	last := c.Header.Get("Last-Event-ID")
	if last == "" {
		return now, nil
	}
	micros, err := strconv.ParseInt(last, 10, 64)
	if err != nil || micros < 0 {
		return now, wire.Invalid("Last-Event-ID", "Last-Event-ID is the id of an event of this stream.")
	}
	since := time.UnixMicro(micros).UTC()
	if since.Before(now.Add(-reach)) {
		return now.Add(-reach), nil
	}
	return since, nil
}

// listener is one client.
type listener struct {
	streams *Streams
	tenant  string
	out     *wire.SSE
	since   time.Time
	seen    map[string]time.Time
	stages  map[string]string // of what runs
	quiet   time.Duration
}

func (l *listener) listen(ctx context.Context) error {
	every := l.streams.Every
	if every <= 0 {
		every = time.Second
	}
	if err := l.out.Beat(); err != nil {
		return err
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := l.look(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if l.quiet += every; l.quiet < beat {
			continue
		}
		l.quiet = 0
		if err := l.out.Beat(); err != nil {
			return err
		}
	}
}

// look tells what has happened since the last look.
func (l *listener) look(ctx context.Context) error {
	all, err := l.happened(ctx)
	if err != nil {
		return err
	}
	for _, e := range all {
		if _, told := l.seen[e.key()]; told {
			continue
		}
		l.seen[e.key()], l.quiet = e.when, 0
		id := strconv.FormatInt(e.when.UnixMicro(), 10)
		if err := l.out.Event(id, e.Type, e.body()); err != nil {
			return err
		}
	}
	if n := len(all); n > 0 && all[n-1].when.After(l.since) {
		l.since = all[n-1].when
	}
	for key, when := range l.seen {
		if when.Before(l.since.Add(-2 * overlap)) {
			delete(l.seen, key)
		}
	}
	return nil
}

// happened reads what may have happened since the last look, the oldest first.
func (l *listener) happened(ctx context.Context) ([]event, error) {
	db, from := l.streams.Store, l.since.Add(-overlap)
	jobs, err := db.EndedJobs(ctx, l.tenant, from, maxEvents)
	if err == nil && len(jobs) == maxEvents && !jobs[maxEvents-1].Finished.After(l.since) {
		jobs, err = db.EndedJobs(ctx, l.tenant, l.since, maxEvents) // more than a page in the overlap alone
	}
	if err != nil {
		return nil, err
	}
	routes, err := db.RoutesSince(ctx, l.tenant, from, maxEvents)
	if err != nil {
		return nil, err
	}
	all, err := l.moved(ctx)
	for _, j := range jobs {
		all = append(all, ofJob(j))
	}
	for _, r := range routes {
		all = append(all, ofRoute(r))
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.when.Compare(b.when) })
	return all, err
}

// moved reads which stages are not those of the last look.
func (l *listener) moved(ctx context.Context) ([]event, error) {
	now, err := l.streams.Store.Now(ctx)
	if err != nil {
		return nil, err
	}
	stages, err := l.streams.Store.Stages(ctx, l.tenant)
	var all []event
	known := make(map[string]string, len(stages))
	for _, s := range stages {
		known[s.ID] = s.Stage
		if l.stages[s.ID] != s.Stage {
			all = append(all, ofStage(s, now))
		}
	}
	l.stages = known
	return all, err
}
