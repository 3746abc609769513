package redis_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

const tokens = 1 // the second unit

// TestBudgets has two processes send at once what a vendor allows.
func TestBudgets(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		processes := []*redis.Budgets{redis.NewBudgets(q.Client, time.Minute), redis.NewBudgets(q.Client, time.Minute)}
		must(t, processes[0].Heard(deadline(t), "v/m", "", []redis.Left{{Unit: tokens, Limit: 1000, Left: 500, Reset: time.Hour}}))
		var sent, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				turn, wait, err := processes[i%2].Take(deadline(t), "v/m", [2]int64{1, 30}, false)
				switch {
				case err != nil:
					t.Error(err)
				case turn != "":
					sent.Add(30)
				case wait > 0 && wait <= time.Hour:
					refused.Add(1)
				default:
					t.Errorf("neither a turn nor a wait")
				}
			})
		}
		all.Wait()
		if sent.Load() != 480 || refused.Load() != 24 {
			t.Errorf("%d tokens were sent of 500, %d calls wait", sent.Load(), refused.Load())
		}
	})
}

// TestBudgetsCountWhatIsUnderWay follows one account through a few calls.
func TestBudgetsCountWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		b := redis.NewBudgets(q.Client, time.Minute)
		take := func(n int64) (turn string, wait time.Duration) {
			t.Helper()
			turn, wait, err := b.Take(deadline(t), "a", [2]int64{1, n}, false)
			must(t, err)
			return turn, wait
		}
		told := func(turn string, left int64) {
			t.Helper()
			must(t, b.Heard(deadline(t), "a", turn, []redis.Left{{Unit: tokens, Limit: 100, Left: left, Reset: time.Hour}}))
		}
		if turn, wait := take(10); turn != "" || wait != 0 {
			t.Fatalf("nothing is known, and yet %q, %v", turn, wait)
		}
		told("", 100)
		first, _ := take(40)
		second, _ := take(40)
		if turn, _ := take(30); turn != "" {
			t.Fatal("two calls are under way, and a third that has no room is sent")
		}
		told(second, 60) // which may not count the first
		if turn, _ := take(30); turn != "" {
			t.Fatal("the first may not be counted yet")
		}
		told(first, 20)
		if third, _ := take(20); third != "" {
			t.Fatal("the answer of the first may be from before the second was counted")
		}
		must(t, b.Heard(deadline(t), "a", "turn_of_another:1:2|0|0", nil)) // ends nothing
		now := q.Client.Time(deadline(t)).Val()
		if ttl := q.Client.PTTL(deadline(t), "dreamlab:{budgets}:a").Val(); ttl <= 0 || ttl > 3*time.Hour {
			t.Errorf("kept for %v at %v", ttl, now)
		}
	})
}

// TestBudgetsAreReset lets a limit come back, all at once and little by little.
func TestBudgetsAreReset(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		b := redis.NewBudgets(q.Client, time.Minute)
		must(t, b.Heard(deadline(t), "over", "", []redis.Left{{Unit: tokens, Limit: 100, Left: 0, Reset: time.Millisecond}}))
		for {
			turn, wait, err := b.Take(deadline(t), "over", [2]int64{1, 100}, false)
			must(t, err)
			if turn != "" {
				break
			}
			if wait > time.Millisecond {
				t.Fatalf("to wait %v", wait)
			}
		}
		if turn, wait, err := b.Take(deadline(t), "over", [2]int64{1, 1}, false); turn != "" || wait > time.Minute || err != nil {
			t.Errorf("a second window's worth is sent: %q, %v, %v", turn, wait, err)
		}
		must(t, b.Heard(deadline(t), "bucket", "", []redis.Left{
			{Unit: tokens, Limit: 8000, Left: 2000, Reset: 45 * time.Second, Refills: true},
		}))
		_, wait, err := b.Take(deadline(t), "bucket", [2]int64{1, 4000}, false)
		if must(t, err); wait > 16*time.Second || wait < time.Second {
			t.Errorf("to wait %v for a third of the bucket", wait)
		}
	})
}

// TestRoomInABudget has one process count a call that somebody waits for, and another look what is left beside it.
func TestRoomInABudget(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		chats, dreams := redis.NewBudgets(q.Client, time.Minute), redis.NewBudgets(q.Client, time.Minute)
		room := func(least, most time.Duration) {
			t.Helper()
			wait, err := dreams.Room(deadline(t), "a", 0.2, time.Minute)
			if must(t, err); wait < least || wait > most {
				t.Errorf("to wait %v, want %v to %v", wait, least, most)
			}
		}
		told := func(left int64, refills bool) {
			t.Helper()
			must(t, chats.Heard(deadline(t), "a", "", []redis.Left{{Unit: tokens, Limit: 1000, Left: left, Reset: time.Hour, Refills: refills}}))
		}
		take := func(live bool) {
			t.Helper()
			if turn, wait, err := chats.Take(deadline(t), "a", [2]int64{1, 10}, live); turn == "" || err != nil {
				t.Fatalf("to wait %v, %v", wait, err)
			}
		}
		room(0, 0) // nothing is known
		told(100, false)
		take(false)
		room(0, 0) // nobody waits
		take(true)
		room(59*time.Minute, time.Hour)
		told(500, false)
		room(0, 0)
		told(100, true) // comes back in an hour, a ninth of it enough
		room(5*time.Minute, 10*time.Minute)
	})
}
