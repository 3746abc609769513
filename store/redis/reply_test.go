package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"dreamlab/store/db"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

const lane, job = "chat", "job_1"

// reading runs a reader for as long as the test.
func reading(t *testing.T, q *redis.Queue) *redis.Reader {
	t.Helper()
	r := redis.NewReader(q.Client, lane)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return r
}

// follow collects what a follower sees: "1-1:a,b 1-2:end", then an error.
func follow(ctx context.Context, r *redis.Reader, job, after string) (string, error) {
	var seen []string
	for e, err := range r.Follow(ctx, job, after) {
		if err != nil {
			return strings.Join(seen, " "), err
		}
		text := e.ID + string(e.Head) + ":" + string(e.Type)
		if e.Type == redis.Data {
			var lines []string
			for _, line := range e.Lines {
				lines = append(lines, string(line))
			}
			text = e.ID + string(e.Head) + ":" + strings.Join(lines, ",")
		}
		seen = append(seen, text)
	}
	return strings.Join(seen, " "), nil
}

func TestReplyInOrder(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		r := reading(t, q)
		var followers sync.WaitGroup
		for _, c := range []struct{ after, want string }{
			{"", "1-1{head}:a 1-2:b,c 1-3:d 1-4:end"}, {"", "1-1{head}:a 1-2:b,c 1-3:d 1-4:end"}, {"1-2", "1-3:d 1-4:end"},
		} {
			followers.Go(func() {
				if got, err := follow(ctx, r, job, c.after); err != nil || got != c.want {
					t.Errorf("after %q: %s, %v", c.after, got, err)
				}
			})
		}
		replies := redis.NewReplies(q.Client)
		w := replies.Writer(lane, job, 1)
		w.Head([]byte("{head}"))
		must(t, w.Data(ctx, []byte("a")))
		must(t, w.Data(ctx, []byte("b"), []byte("c")))
		must(t, w.Data(ctx))
		must(t, w.Data(ctx, []byte("d")))
		must(t, w.End(ctx))
		followers.Wait()
		if got, err := follow(ctx, r, job, "1-1"); err != nil || got != "1-2:b,c 1-3:d 1-4:end" {
			t.Errorf("resumed: %s, %v", got, err)
		}
		ttl, err := q.Client.TTL(ctx, "dreamlab:{chat}:reply:job_1").Result()
		if err != nil || ttl <= 9*time.Minute || ttl > 10*time.Minute {
			t.Errorf("kept for %s, %v", ttl, err)
		}
		if epoch, err := replies.Shown(ctx, lane, job); err != nil || epoch != 1 {
			t.Errorf("shown by epoch %d, %v", epoch, err)
		}
		if epoch, err := replies.Shown(ctx, lane, "job_other"); err != nil || epoch != 0 {
			t.Errorf("an empty reply was shown by epoch %d, %v", epoch, err)
		}
	})
}

// heldRead holds the first read of a reply back until it is let go.
type heldRead struct {
	after         string // where that read begins
	held, let     chan struct{}
	joined        chan struct{} // one more for each new follower
	holdFirstOnly sync.Once
}

func (h *heldRead) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (h *heldRead) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if cmd.Name() == "xread" && slices.Contains(cmd.Args(), any(h.after)) {
			h.holdFirstOnly.Do(func() { close(h.held); <-h.let })
		}
		return next(ctx, cmd)
	}
}

func (h *heldRead) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		err := next(ctx, cmds)
		if strings.Contains(fmt.Sprint(cmds[0].Args()...), ":reader:") {
			h.joined <- struct{}{}
		}
		return err
	}
}

// TestFollowerJoinsDuringRead has one begin at the start while the reader's
// read, for another follower, begins further on.
func TestFollowerJoinsDuringRead(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		w := redis.NewReplies(q.Client).Writer(lane, job, 1)
		for _, line := range []string{"a", "b", "c"} {
			must(t, w.Data(ctx, []byte(line)))
		}
		must(t, w.End(ctx))
		hook := &heldRead{after: "1-2", held: make(chan struct{}), let: make(chan struct{}), joined: make(chan struct{}, 8)}
		q.Client.AddHook(hook)
		r := reading(t, q)
		var followers sync.WaitGroup
		expect := func(after, want string) {
			followers.Go(func() {
				if got, err := follow(ctx, r, job, after); err != nil || got != want {
					t.Errorf("after %q: %s, %v", after, got, err)
				}
			})
			<-hook.joined
		}
		expect("1-2", "1-3:c 1-4:end")
		<-hook.held
		expect("", "1-1:a 1-2:b 1-3:c 1-4:end")
		close(hook.let)
		followers.Wait()
	})
}

// TestZombieIsRefused has an older epoch write after a newer one.
func TestZombieIsRefused(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		replies := redis.NewReplies(q.Client)
		zombie, heir := replies.Writer(lane, job, 1), replies.Writer(lane, job, 2)
		must(t, heir.Data(ctx, []byte("new")))
		if err := zombie.Data(ctx, []byte("old")); !errors.Is(err, db.ErrFenced) || zombie.Written() {
			t.Errorf("a zombie wrote: %v", err)
		}
		must(t, heir.End(ctx))
		if got, err := follow(ctx, reading(t, q), job, ""); err != nil || got != "2-1:new 2-2:end" {
			t.Errorf("%s, %v", got, err)
		}
	})
}

// TestWriteSentTwice repeats an entry, as a client does whose answer was lost.
func TestWriteSentTwice(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		replies := redis.NewReplies(q.Client)
		must(t, replies.Writer(lane, job, 1).Data(ctx, []byte("a")))
		must(t, replies.Writer(lane, job, 1).Data(ctx, []byte("a")))
		if n, err := q.Client.XLen(ctx, "dreamlab:{chat}:reply:job_1").Result(); err != nil || n != 1 {
			t.Errorf("%d entries, %v", n, err)
		}
	})
}

// TestInterruptions are the ways in which a reply cannot go on.
func TestInterruptions(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		write func(ctx context.Context, q *redis.Queue) error
		after string
	}{
		"another epoch after bytes": {func(ctx context.Context, q *redis.Queue) error {
			replies := redis.NewReplies(q.Client)
			return errors.Join(replies.Writer(lane, job, 1).Data(ctx, []byte("a")),
				replies.Writer(lane, job, 2).Data(ctx, []byte("b")))
		}, "1-1"},
		"wiped in between": {func(ctx context.Context, q *redis.Queue) error {
			w := redis.NewReplies(q.Client).Writer(lane, job, 1)
			err := errors.Join(w.Data(ctx, []byte("a")), w.Data(ctx, []byte("b")))
			return errors.Join(err, q.Client.FlushAll(ctx).Err(), w.Data(ctx, []byte("c")))
		}, "1-1"},
		"the beginning is gone": {func(ctx context.Context, q *redis.Queue) error {
			w := redis.NewReplies(q.Client).Writer(lane, job, 1)
			err := w.Data(ctx, []byte("a"))
			return errors.Join(err, q.Client.FlushAll(ctx).Err(), w.Data(ctx, []byte("b")))
		}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
				ctx := deadline(t)
				must(t, c.write(ctx, q))
				got, err := follow(ctx, reading(t, q), job, c.after)
				if !errors.Is(err, redis.ErrInterrupted) || got != "" {
					t.Errorf("saw %q, %v", got, err)
				}
			})
		})
	}
}

func TestReplyEndsWithAnError(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		must(t, redis.NewReplies(q.Client).Writer(lane, job, 1).Error(ctx, []byte(`{"error":{}}`)))
		for e, err := range reading(t, q).Follow(ctx, job, "") {
			if err != nil || e.Type != redis.Error || string(e.Lines[0]) != `{"error":{}}` {
				t.Errorf("%+v, %v", e, err)
			}
		}
	})
}

// TestSlowFollower falls behind by more than is kept for it, and misses nothing.
func TestSlowFollower(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		const count = 1000
		r := reading(t, q)
		w := redis.NewReplies(q.Client).Writer(lane, job, 1)
		must(t, w.Data(ctx, []byte("0")))
		n := 0
		for e, err := range r.Follow(ctx, job, "") {
			must(t, err)
			if e.Type == redis.End {
				break
			}
			if want := fmt.Sprint(n); string(e.Lines[0]) != want {
				t.Fatalf("saw %s, want %s", e.Lines[0], want)
			}
			if n++; n == 1 { // the follower is busy while all is written
				for i := 1; i < count; i++ {
					must(t, w.Data(ctx, fmt.Append(nil, i)))
				}
				must(t, w.End(ctx))
			}
		}
		if n != count {
			t.Errorf("saw %d of %d", n, count)
		}
	})
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx, cancel := context.WithCancelCause(deadline(t))
		gone := errors.New("client went away")
		r := reading(t, q)
		cancel(gone)
		if _, err := follow(ctx, r, job, ""); err == nil {
			t.Error("followed although nothing listens")
		}
		_, err := follow(deadline(t), r, job, "yesterday")
		if err == nil || !strings.Contains(err.Error(), "like 1-7") {
			t.Errorf("an id that is none: %v", err)
		}
	})
}

// TestManyFollowers read different replies by one blocking read.
func TestManyFollowers(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		r := reading(t, q)
		replies := redis.NewReplies(q.Client)
		var all sync.WaitGroup
		for i := range 50 {
			job := fmt.Sprintf("job_%d", i)
			all.Go(func() {
				if got, err := follow(ctx, r, job, ""); err != nil || got != "3-1:"+job+" 3-2:end" {
					t.Errorf("%s: %s, %v", job, got, err)
				}
			})
			all.Go(func() {
				w := replies.Writer(lane, job, 3)
				if err := errors.Join(w.Data(ctx, []byte(job)), w.End(ctx)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}
