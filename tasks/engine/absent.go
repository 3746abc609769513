package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/redis"
	"dreamlab/tasks"
)

const (
	// absentEvery is how often attached chats are looked for that no process follows.
	absentEvery = 5 * time.Second
	// followedAfter is the age from which a chat's process must have reported it: it
	// reports every five seconds those that are older than five.
	followedAfter = 15 * time.Second
	// absentFor is how long a chat must have been absent from all looks until it is
	// cancelled. A wiped Redis knows all of them again after five seconds.
	absentFor = 10 * time.Second
)

// absentees are the attached chats that no process followed when they were looked
// for last, and since when: their API process was killed. It is not safe for
// concurrent use.
type absentees struct {
	store     *store.Store
	redis     goredis.UniversalClient
	log       zerolog.Logger
	canceller *canceller

	since map[string]time.Time
	asked time.Time
}

func newAbsentees(e *Engine) *absentees {
	return &absentees{store: e.store, redis: e.redis, log: e.log, canceller: e.canceller}
}

// cancel cancels chats whose client waits for an answer through a process
// that is gone. A look that fails forgets what was seen before.
func (a *absentees) cancel(ctx context.Context, now time.Time) error {
	if now.Sub(a.asked) < absentEvery {
		return nil
	}
	before := a.since
	a.asked, a.since = now, nil
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	absent, err := a.absentJobs(ctx)
	if err != nil {
		return fmt.Errorf("look for chats without a client: %w", err)
	}
	a.since = make(map[string]time.Time, len(absent))
	var faults []error
	for id, tenant := range absent {
		since, seen := before[id]
		if !seen {
			since = now
		}
		a.since[id] = since
		if now.Sub(since) < absentFor {
			continue
		}
		if _, err := a.canceller.cancel(ctx, tenant, id); err != nil && !errors.Is(err, db.ErrNotFound) {
			faults = append(faults, err)
			continue
		}
		a.log.Info().Str("job", id).Str("tenant", tenant).Msg("cancelled a chat whose client's process is gone")
	}
	return errors.Join(faults...)
}

// absentJobs returns the tenants of the attached jobs that no process follows.
func (a *absentees) absentJobs(ctx context.Context) (map[string]string, error) {
	attached, err := a.store.AttachedJobs(ctx, string(tasks.Chat), followedAfter)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(attached))
	for id := range attached {
		ids = append(ids, id)
	}
	ids, err = redis.NotFollowed(ctx, a.redis, string(tasks.Chat), ids)
	if err != nil {
		return nil, err
	}
	absent := make(map[string]string, len(ids))
	for _, id := range ids {
		absent[id] = attached[id]
	}
	return absent, nil
}
