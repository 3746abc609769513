package redis_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

const slotsOf = "dreamlab:{slots}:m"

func take(t *testing.T, s *redis.Slots, wait time.Duration) (redis.Slot, bool) {
	t.Helper()
	slot, ok, err := s.Take(deadline(t), "m", wait)
	must(t, err)
	return slot, ok
}

// TestSlots has two processes use something of which there are three.
func TestSlots(t *testing.T) {
	t.Parallel()
	const limit = 3
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		var now, most atomic.Int64
		var all sync.WaitGroup
		for range 2 {
			s := redis.NewSlots(q.Client, map[string]int{"m": limit})
			for range 12 {
				all.Go(func() {
					slot, ok, err := s.Take(deadline(t), "m", 20*time.Second)
					if !ok || err != nil {
						t.Errorf("no slot: %v", err)
						return
					}
					if n := now.Add(1); n > most.Load() {
						most.Store(n)
					}
					if n, err := q.Client.ZCard(deadline(t), slotsOf).Result(); n > limit || err != nil {
						t.Errorf("%d holders, %v", n, err)
					}
					now.Add(-1)
					if err := slot.GiveBack(); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if n := most.Load(); n > limit {
			t.Errorf("%d at once, the limit is %d", n, limit)
		}
		if n := q.Client.ZCard(deadline(t), slotsOf).Val(); n != 0 {
			t.Errorf("%d slots were not given back", n)
		}
	})
}

// TestSlotsAreFull refuses at once, and after a wait, where another process has
// all; what is not configured is not bounded.
func TestSlotsAreFull(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		here, there := redis.NewSlots(q.Client, map[string]int{"m": 1}), redis.NewSlots(q.Client, map[string]int{"m": 1})
		slot, ok := take(t, here, 0)
		if !ok {
			t.Fatal("the first found no room")
		}
		for _, s := range []*redis.Slots{here, there} {
			for _, wait := range []time.Duration{0, 30 * time.Millisecond} {
				if _, ok := take(t, s, wait); ok {
					t.Error("there was room for two")
				}
			}
		}
		if free, ok, err := here.Take(deadline(t), "another", 0); !ok || err != nil || free.GiveBack() != nil {
			t.Errorf("one without a limit: %v, %v", ok, err)
		}
		must(t, slot.GiveBack())
		slot, ok = take(t, there, 0)
		if !ok {
			t.Fatal("what was given back is not free")
		}
		must(t, slot.GiveBack())
	})
}

// TestWaitersAreTold has one who waits be told of the slot that another process gives
// back, instead of asking for it again and again.
func TestWaitersAreTold(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		sent := &commands{waits: make(chan struct{}, 100)}
		q.Client.AddHook(sent)
		here, there := redis.NewSlots(q.Client, map[string]int{"m": 1}), redis.NewSlots(q.Client, map[string]int{"m": 1})
		slot, ok := take(t, here, 0)
		if !ok {
			t.Fatal("the first found no room")
		}
		got := make(chan redis.Slot, 1)
		go func() {
			slot, ok, err := there.Take(deadline(t), "m", 20*time.Second)
			if !ok || err != nil {
				t.Errorf("no slot: %v", err)
			}
			got <- slot
		}()
		<-sent.waits
		if n := sent.scripts.Load(); n > 4 { // one was sent again as text, since it was not known
			t.Errorf("%d scripts before it waited", n)
		}
		must(t, slot.GiveBack())
		must(t, (<-got).GiveBack())
		if told := sent.told.Load(); told != 1 {
			t.Errorf("it was told of %d slots", told)
		}
		if n := q.Client.LLen(deadline(t), "dreamlab:{slots}:freed:m").Val(); n != 1 {
			t.Errorf("%d tokens are kept", n)
		}
	})
}

// commands looks at what is sent.
type commands struct {
	scripts, told atomic.Int64
	waits         chan struct{} // a token for each BLPOP
}

func (c *commands) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (c *commands) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func (c *commands) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		switch strings.ToLower(cmd.Name()) {
		case "eval", "evalsha":
			c.scripts.Add(1)
		case "blpop":
			c.waits <- struct{}{}
			err := next(ctx, cmd)
			if err == nil {
				c.told.Add(1)
			}
			return err
		}
		return next(ctx, cmd)
	}
}

// TestSlotOfTheDead frees what a process held that died.
func TestSlotOfTheDead(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		s := redis.NewSlots(q.Client, map[string]int{"m": 1})
		over := float64(time.Now().Add(-time.Second).UnixMilli())
		must(t, q.Client.ZAdd(deadline(t), slotsOf, goredis.Z{Score: over, Member: "slot_dead"}).Err())
		slot, ok := take(t, s, 0)
		if !ok {
			t.Fatal("a dead holder is still counted")
		}
		must(t, slot.GiveBack())
	})
}

// TestSlotsRenew keeps a slot for longer than its lease, and through a wipe.
func TestSlotsRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := storetest.EmbeddedQueue(t)
		here, there := redis.NewSlots(q.Client, map[string]int{"m": 1}), redis.NewSlots(q.Client, map[string]int{"m": 1})
		slot, ok, err := here.Take(t.Context(), "m", 0)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		full := func(after time.Duration) {
			t.Helper()
			passed, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			<-passed.Done()
			if _, ok, err := there.Take(t.Context(), "m", 0); ok || err != nil {
				t.Errorf("it is free, %v", err)
			}
		}
		full(5 * time.Minute)
		must(t, q.Client.FlushAll(t.Context()).Err())
		full(11 * time.Second)
		must(t, slot.GiveBack())
	})
}

// TestSlotsWithoutRedis bounds each process by itself, and says so.
func TestSlotsWithoutRedis(t *testing.T) {
	t.Parallel()
	away, err := redis.Open("redis://127.0.0.1:1/0?dial_timeout=50ms&max_retries=-1")
	must(t, err)
	t.Cleanup(func() { must(t, away.Close()) })
	s := redis.NewSlots(away.Client, map[string]int{"m": 1})
	slot, ok, err := s.Take(deadline(t), "m", 0)
	if !ok || err == nil {
		t.Fatalf("without Redis: %v, %v", ok, err)
	}
	if _, ok, err := s.Take(deadline(t), "m", 0); ok || err != nil {
		t.Errorf("a second one in this process: %v, %v", ok, err)
	}
	must(t, slot.GiveBack())
}
