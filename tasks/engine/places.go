package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

const (
	// placesEvery is how often a worker tells how many jobs of a lane it can run at
	// once, and how old what is known of that may be.
	placesEvery = 10 * time.Second
	// placesFor is how long a worker's report counts.
	placesFor = 30 * time.Second
)

// places knows how many jobs of each lane the workers that are alive can run at
// once. A lane that no worker has reported counts as one worker's.
type places struct {
	redis redis.UniversalClient
	log   zerolog.Logger
	lanes map[tasks.Lane]LaneConfig

	mu    sync.Mutex
	known map[tasks.Lane]int
	asked time.Time
}

func (p *places) of(lane tasks.Lane, otherwise int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return positive(p.known[lane], otherwise)
}

// stale tells, once in placesEvery, that the places are to be asked for.
func (p *places) stale() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.asked) < placesEvery {
		return false
	}
	p.asked = time.Now()
	return true
}

func (p *places) set(known map[tasks.Lane]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = known
}

// limits returns what may be in flight in a lane. Tenants that have jobs in flight
// share three quarters of the window and of the workers' slots, which by default is also
// the cap of each: a tenant without running jobs finds a free slot,
// however long the jobs of others take and however many flood the lane. An
// operator who gives a tenant more than that leaves less for the others.
func (p *places) limits(lane tasks.Lane) job.Limits {
	c := p.lanes[lane]
	shared := max(1, min(c.Window, p.of(lane, c.Concurrency))*3/4)
	limit := positive(c.TenantCap, shared)
	return job.Limits{Window: c.Window, TenantCap: limit, Shared: max(shared, limit)}
}

func (p *places) allLimits() map[string]job.Limits {
	limits := make(map[string]job.Limits, len(p.lanes))
	for lane := range p.lanes {
		limits[string(lane)] = p.limits(lane)
	}
	return limits
}

// find asks how many places there are, where that was not asked lately.
// While Redis is away what was known last holds.
func (p *places) find(ctx context.Context) {
	if !p.stale() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	pipe := p.redis.Pipeline()
	told := map[tasks.Lane]*redis.StringCmd{}
	for _, lane := range tasks.Lanes() {
		told[lane] = pipe.Get(ctx, placesKey(lane))
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		p.log.Debug().Err(err).Msg("could not ask for the workers' places; the last known number holds")
		return
	}
	known := map[tasks.Lane]int{}
	for lane, cmd := range told {
		if n, err := cmd.Int(); err == nil { // no worker has reported the lane
			known[lane] = n
		}
	}
	p.set(known)
}

// tellPlaces notes a worker's places in a lane, forgets the workers that are not
// heard of any more, and leaves the sum for all to read.
var tellPlaces = redis.NewScript(`
local now = tonumber(redis.call("TIME")[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now)
redis.call("ZADD", KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call("EXPIRE", KEYS[1], ARGV[2])
local sum = 0
for _, worker in ipairs(redis.call("ZRANGE", KEYS[1], 0, -1)) do
	sum = sum + tonumber(string.match(worker, "%d+$"))
end
redis.call("SET", KEYS[2], sum, "EX", ARGV[2])
return sum`)

// keepPlaces tells of the worker's places until ctx ends.
func (w *Worker) keepPlaces(ctx context.Context) {
	ticker := time.NewTicker(placesEvery)
	defer ticker.Stop()
	for {
		for _, lane := range w.lanes {
			if err := w.tellPlaces(ctx, lane); err != nil && ctx.Err() == nil {
				w.log.Debug().Err(err).Str("lane", string(lane)).Msg("could not tell of the worker's places")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *Worker) tellPlaces(ctx context.Context, lane tasks.Lane) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	worker := fmt.Sprintf("%s %d", w.name, w.configs[lane].Concurrency)
	keys := []string{workersKey(lane), placesKey(lane)}
	return tellPlaces.Run(ctx, w.redis, keys, worker, int(placesFor/time.Second)).Err()
}
