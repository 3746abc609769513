package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// gauge knows how much of each tenant's work waits in each lane, as it was a
// moment ago. The moment is the shorter, the less room is left.
type gauge struct {
	store *store.Store
	most  int // jobs of one tenant that may wait in a lane
	now   func() time.Time

	mu    sync.Mutex
	known *lru.Cache[queueName, *reading]
}

type queueName struct{ tenant, lane string }

type reading struct {
	job.Backlog
	until  time.Time
	asking bool
}

func newGauge(s *store.Store, most int, now func() time.Time) *gauge {
	return &gauge{store: s, most: most, now: now, known: remembered[queueName, *reading](maxReadings)}
}

// maxReadings bounds what is remembered.
const maxReadings = 4096

// read returns what waits, counted up to a bound. While one request asks anew the others take what
// was known.
func (g *gauge) read(ctx context.Context, of queueName, most int) (job.Backlog, error) {
	r, fresh := g.recall(of)
	if fresh {
		return r, nil
	}
	found, err := g.store.Backlog(ctx, of.tenant, of.lane, most)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.known.Remove(of)
		return r, fmt.Errorf("look at the backlog: %w", err)
	}
	g.known.Add(of, &reading{Backlog: found, until: g.now().Add(g.holds(found, most))})
	return found, nil
}

func (g *gauge) recall(of queueName) (job.Backlog, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, known := g.known.Get(of)
	switch {
	case !known:
		g.known.Add(of, &reading{asking: true})
		return job.Backlog{}, false
	case r.asking || g.now().Before(r.until):
		return r.Backlog, true
	}
	r.asking = true
	return r.Backlog, false
}

// acceptRate is more than one process accepts in a second.
const acceptRate = 20_000

// holds is how long a count can not have outgrown the bound, within reason. A bound of a tenant's
// own may be narrow: it is counted anew where little room is left.
func (g *gauge) holds(b job.Backlog, most int) time.Duration {
	left := min(time.Duration(most-b.Queued)*time.Second/acceptRate, 5*time.Second)
	if most < g.most {
		return left
	}
	return max(left, time.Second)
}

// makeRoom refuses a job where so many of its tenant's wait that another would
// only make it worse: 429, with the time after which there should be room. A
// request that was accepted before is still answered.
func (g *Gate) makeRoom(ctx context.Context, job job.NewJob) error {
	of := queueName{job.Tenant, job.Lane}
	if of.lane == "" {
		of.lane = string(tasks.Kind(job.Kind).Lane())
	}
	most, err := g.mostQueued(ctx, job.Tenant)
	if err != nil {
		return err
	}
	waits, err := g.load.read(ctx, of, most)
	if err != nil {
		return err
	}
	late := job.Attached && waits.Oldest > job.ExpiresIn*3/4 // a new one would hardly start in time
	if waits.Queued < most && !late {
		return nil
	}
	if known, err := g.acceptedBefore(ctx, job); known || err != nil {
		return err
	}
	return g.tooMuch(ctx, of, waits)
}

// mostQueued is how many of a tenant's jobs may wait in a lane: as many as its own limit says, and
// no more than the configuration allows.
func (g *Gate) mostQueued(ctx context.Context, tenant string) (int, error) {
	all, err := g.limits.of(ctx, tenant)
	if err != nil {
		return 0, fmt.Errorf("look at the limits: %w", err)
	}
	most := g.load.most
	for _, l := range all {
		if l.Queued > 0 {
			most = min(most, int(l.Queued))
		}
	}
	return most, nil
}

func (g *Gate) acceptedBefore(ctx context.Context, job job.NewJob) (bool, error) {
	if job.IdemKey == "" {
		return false, nil
	}
	_, err := g.Store.JobByKey(ctx, job.Tenant, job.IdemKey)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

const (
	rateWithin = 10 * time.Second // over which the speed of the lane is measured
	maxRetry   = 10 * time.Minute // the longest Retry-After: the speed may change
)

// tooMuch says when to come back: when a tenth of what waits is done, at the
// speed of the last seconds. Where nothing has ended in them it is not known, and
// a minute is said.
func (g *Gate) tooMuch(ctx context.Context, of queueName, waits job.Backlog) error {
	ended, err := g.Store.Ended(ctx, of.tenant, of.lane, rateWithin)
	if err != nil {
		return fmt.Errorf("measure the lane: %w", err)
	}
	after := time.Minute
	if ended > 0 {
		tenth := time.Duration(waits.Queued/10 + 1)
		after = min(max(tenth*rateWithin/time.Duration(ended), time.Second), maxRetry)
	}
	return &wire.Fault{
		Status: http.StatusTooManyRequests, Code: "rate_limit_exceeded", After: after,
		Message: fmt.Sprintf("%d of your jobs wait in the lane %s, and no more are taken for now: try again "+
			"in %s, and send less at once.", waits.Queued, of.lane, after.Round(time.Second)),
	}
}
