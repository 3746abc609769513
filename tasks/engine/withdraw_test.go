package engine

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// TestNoJobIsLeftBehind has Redis go away between the look at it and the wake-up:
// a client that waits is told so, and its job is not done later. One that does not
// wait has its job.
func TestNoJobIsLeftBehind(t *testing.T) {
	t.Parallel()
	away := redis.NewClient(&redis.Options{MaxRetries: -1, DialerRetries: 1, Dialer: func(context.Context, string,
		string) (net.Conn, error) {
		return nil, errors.New("away")
	}})
	t.Cleanup(func() {
		if err := away.Close(); err != nil {
			t.Error(err)
		}
	})
	s := storetest.SQLite(t)
	e, err := New(Options{Store: s, Redis: away})
	if err != nil {
		t.Fatal(err)
	}
	for _, attached := range []bool{true, false} {
		e.queue.heard.Store(1 << 62) // it answered a moment ago
		j := job.NewJob{ID: db.NewID("job_"), Tenant: "ten_a", Kind: string(tasks.ChatRun), Attached: attached}
		_, _, err := e.Accept(t.Context(), j, nil)
		if errors.Is(err, ErrQueueUnavailable) != attached {
			t.Errorf("attached %v: %v", attached, err)
		}
		kept, err := s.Job(t.Context(), "ten_a", j.ID)
		if err != nil || (kept.State == job.StateCancelled) != attached {
			t.Errorf("attached %v: the job is %s, %v", attached, kept.State, err)
		}
	}
}
