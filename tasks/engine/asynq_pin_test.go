package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"dreamlab/store/storetest"
)

// These tests pin down what Asynq v0.26.0 does wrong and what this engine
// stands in for. One that fails after an upgrade is good news or bad: the fault
// was mended, or it has changed its shape. Then look at what covers it here.

// bare is a bare Asynq, without anything of this engine.
type bare struct {
	t      *testing.T
	redis  redis.UniversalClient
	client *asynq.Client
}

// inBubble runs a test on a Redis in memory, in a time that passes when all wait.
func inBubble(t *testing.T, test func(b *bare)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(newBare(t, storetest.EmbeddedQueue(t).Client)) })
}

func newBare(t *testing.T, r redis.UniversalClient) *bare {
	return &bare{t: t, redis: r, client: asynq.NewClientFromRedisClient(r)}
}

func (b *bare) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bare) enqueue(id string, options ...asynq.Option) error {
	_, err := b.client.Enqueue(asynq.NewTask("work", nil), append(options, asynq.TaskID(id))...)
	return err
}

// serve runs a server until the test, or stop, ends it.
func (b *bare) serve(r redis.UniversalClient, c asynq.Config, handler asynq.HandlerFunc) (stop func()) {
	b.t.Helper()
	c.LogLevel = asynq.FatalLevel
	server := asynq.NewServerFromRedisClient(r, c)
	b.must(server.Start(handler))
	var stopped atomic.Bool
	stop = func() {
		if !stopped.Swap(true) {
			server.Shutdown()
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// failing fails scripts that name one thing and not another, before they are
// carried out, as long as there are some left to fail.
type failing struct {
	names, spares string
	left          atomic.Int64
}

func (f *failing) fails(cmd redis.Cmder) bool {
	text := cmd.String()
	return cmd.Name() == "evalsha" && strings.Contains(text, f.names) &&
		(f.spares == "" || !strings.Contains(text, f.spares)) && f.left.Add(-1) >= 0
}

func (f *failing) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f *failing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (f *failing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !f.fails(cmd) {
			return next(ctx, cmd)
		}
		err := errors.New("Redis was away")
		cmd.SetErr(err)
		return err
	}
}

// TestAsynqE1 loses one Done after a handler that succeeded: what is to repair
// it works under a context that has ended, and the handler runs again.
func TestAsynqE1(t *testing.T) {
	inBubble(t, func(b *bare) {
		fault := &failing{names: ":processed"}
		fault.left.Store(1)
		b.redis.AddHook(fault)
		var runs atomic.Int64
		b.must(b.enqueue("once"))
		b.serve(b.redis, asynq.Config{Concurrency: 1}, func(context.Context, *asynq.Task) error {
			runs.Add(1)
			return nil
		})
		b.wait(20 * time.Second)
		if n := runs.Load(); n != 1 {
			t.Fatalf("%d runs within 20 s", n)
		}
		b.wait(4 * time.Minute)
		if n := runs.Load(); n != 2 {
			t.Errorf("%d runs: a lost Done used to cost a second one", n)
		}
	})
}

// wait lets time pass in a bubble.
func (b *bare) wait(d time.Duration) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

// TestAsynqE2 ends a server between taking a group and enqueueing what became
// of it: the group's tasks come back, but nobody looks at the group any more.
func TestAsynqE2(t *testing.T) {
	inBubble(t, func(b *bare) {
		var batches, size atomic.Int64
		aggregate := func(_ string, all []*asynq.Task) *asynq.Task {
			size.Store(int64(len(all)))
			return asynq.NewTask("batch", nil)
		}
		config := asynq.Config{Concurrency: 1, GroupGracePeriod: time.Second,
			GroupAggregator: asynq.GroupAggregatorFunc(aggregate)}
		handler := func(context.Context, *asynq.Task) error { batches.Add(1); return nil }
		fault := &failing{names: ":pending", spares: ":paused"} // what enqueues
		fault.left.Store(1 << 30)
		b.redis.AddHook(fault)
		for i := range 5 {
			b.must(b.enqueue(fmt.Sprint(i), asynq.Group("g")))
		}
		stop := b.serve(b.redis, config, handler)
		b.wait(30 * time.Second)
		stop()
		if size.Load() != 5 || batches.Load() != 0 {
			t.Fatalf("%d tasks were taken, %d batches ran", size.Load(), batches.Load())
		}
		fault.left.Store(0)
		b.serve(b.redis, config, handler)
		b.wait(11 * time.Minute)
		if n := batches.Load(); n != 0 {
			t.Errorf("%d batches: a group whose server died used to be forgotten", n)
		}
		b.must(b.enqueue("5", asynq.Group("g")))
		b.wait(time.Minute)
		if batches.Load() != 1 || size.Load() != 6 {
			t.Errorf("%d batches, the last of %d: the next member used to bring back the others", batches.Load(), size.Load())
		}
	})
}

// TestAsynqE4Leaked refuses a unique task although none is there: the lock was
// taken before it was seen that the id is in use.
func TestAsynqE4Leaked(t *testing.T) {
	inBubble(t, func(b *bare) {
		b.must(b.enqueue("a"))
		if err := b.enqueue("a", asynq.Unique(time.Hour)); !errors.Is(err, asynq.ErrTaskIDConflict) {
			t.Fatalf("the same id again: %v", err)
		}
		if err := b.enqueue("b", asynq.Unique(time.Hour)); !errors.Is(err, asynq.ErrDuplicateTask) {
			t.Errorf("got %v: the lock of a refused task used to stay", err)
		}
	})
}

// TestAsynqE4Forgotten wipes Redis under a client: it never registers its queue again.
func TestAsynqE4Forgotten(t *testing.T) {
	inBubble(t, func(b *bare) {
		b.must(b.enqueue("a"))
		b.must(b.redis.FlushAll(b.t.Context()).Err())
		b.must(b.enqueue("b"))
		queues, err := asynq.NewInspectorFromRedisClient(b.redis).Queues()
		if err != nil || len(queues) != 0 {
			t.Errorf("queues %v, %v: a wiped Redis used to know none", queues, err)
		}
	})
}

// TestAsynqE4Parallel has one worker run one task several times at once: a
// timeout frees the slot of a handler that goes on.
func TestAsynqE4Parallel(t *testing.T) {
	inBubble(t, func(b *bare) {
		var now, most atomic.Int64
		release := make(chan struct{})
		b.must(b.enqueue("slow", asynq.Timeout(2*time.Second), asynq.MaxRetry(4)))
		config := asynq.Config{Concurrency: 1, ShutdownTimeout: time.Second,
			RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Second }}
		b.serve(b.redis, config, func(context.Context, *asynq.Task) error {
			most.Store(max(most.Load(), now.Add(1)))
			<-release
			now.Add(-1)
			return nil
		})
		b.wait(2 * time.Minute)
		close(release)
		if most.Load() < 2 {
			t.Errorf("%d at once: a handler past its timeout used to be joined by others", most.Load())
		}
	})
}

// archiveOne lets a task fail for good and tells how many are in the archive.
func (b *bare) archiveOne() (kept int64, archived bool) {
	b.t.Helper()
	b.must(b.enqueue("dead"))
	failed := make(chan struct{})
	stop := b.serve(b.redis, asynq.Config{Concurrency: 1, TaskCheckInterval: 10 * time.Millisecond},
		func(context.Context, *asynq.Task) error { close(failed); return asynq.SkipRetry })
	<-failed
	stop() // waits for what Asynq writes about it
	kept, err := b.redis.ZCard(b.t.Context(), "asynq:{default}:archived").Result()
	b.must(err)
	state, err := b.redis.HGet(b.t.Context(), taskKey("default", "dead"), "state").Result()
	b.must(err)
	return kept, state == "archived"
}

// fillArchive puts dead tasks of an age into the archive.
func (b *bare) fillArchive(count int, age time.Duration) {
	b.t.Helper()
	members := make([]redis.Z, count)
	for i := range members {
		members[i] = redis.Z{Score: float64(time.Now().Add(-age).Unix()), Member: fmt.Sprint("old-", i)}
	}
	b.must(b.redis.ZAdd(b.t.Context(), "asynq:{default}:archived", members...).Err())
}

// TestAsynqE5Trims shows that the archive is no place to keep anything.
func TestAsynqE5Trims(t *testing.T) {
	t.Parallel()
	b := newBare(t, storetest.RedisQueue(t).Client)
	b.fillArchive(10_050, time.Hour)
	if kept, archived := b.archiveOne(); kept != 9_999 || !archived {
		t.Errorf("%d of 10,051 kept, the last one %v: 9,999 used to be", kept, archived)
	}
}

// TestAsynqE5Fails shows that a full archive of old tasks takes in no new one.
func TestAsynqE5Fails(t *testing.T) {
	t.Parallel()
	b := newBare(t, storetest.RedisQueue(t).Client)
	b.fillArchive(9_000, 91*24*time.Hour)
	if kept, archived := b.archiveOne(); archived {
		t.Errorf("archived beside %d: it used to fail with more than 8,000 old ones", kept-1)
	}
}

// TestAsynqE10 wipes Redis while a task runs that then writes a result: the
// rest of it blocks the id for ever.
func TestAsynqE10(t *testing.T) {
	inBubble(t, func(b *bare) {
		b.must(b.enqueue("ghost"))
		b.serve(b.redis, asynq.Config{Concurrency: 1}, func(ctx context.Context, task *asynq.Task) error {
			if err := b.redis.FlushAll(ctx).Err(); err != nil {
				return err
			}
			_, err := task.ResultWriter().Write([]byte("done"))
			return err
		})
		b.wait(time.Hour)
		if err := b.enqueue("ghost"); !errors.Is(err, asynq.ErrTaskIDConflict) {
			t.Errorf("got %v: the id used to be blocked for ever", err)
		}
	})
}
