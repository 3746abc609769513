package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/db"
)

const (
	// slotLease is how long a slot is held whose holder is silent; it is renewed
	// every third of it. After a wipe all holders are known again by then.
	slotLease = 30 * time.Second
	// slotTimeout bounds one command.
	slotTimeout = time.Second
	// Pauses between looks for a slot that another process gives back.
	minSlotLook = 5 * time.Millisecond
	maxSlotLook = 50 * time.Millisecond
)

// Slots bounds how many may use something at once, over all processes: a holder
// is a member of a sorted set with the end of its lease, so that one who dies
// gives back what it held. One who was frozen for longer than the lease may be
// one too many when it wakes.
//
// Each process keeps within the limits by itself too: where Redis is away, or
// was just wiped, there are at most as many as processes times the limit.
type Slots struct {
	redis redis.UniversalClient
	lease time.Duration
	own   map[string]chan struct{} // by name; its capacity is the limit
}

// NewSlots returns slots with the given limits. What has none is not bounded.
func NewSlots(client redis.UniversalClient, limits map[string]int) *Slots {
	s := &Slots{redis: client, lease: slotLease, own: make(map[string]chan struct{}, len(limits))}
	for name, limit := range limits {
		s.own[name] = make(chan struct{}, limit)
	}
	return s
}

func slotsKey(name string) string { return "dreamlab:{slots}:" + name }

// Slot is room that is taken.
type Slot struct{ giveBack func() error }

// GiveBack gives the room back, once. Its error tells that the other processes
// may count it until its lease is over.
func (s Slot) GiveBack() error { return s.giveBack() }

// Take takes a slot. Where there is none it waits, at most so long or until ctx
// ends; ok tells whether there was one. An error beside a slot means that it is
// counted in this process alone.
func (s *Slots) Take(ctx context.Context, name string, wait time.Duration) (slot Slot, ok bool, err error) {
	own := s.own[name]
	if own == nil {
		return Slot{func() error { return nil }}, true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if !enter(ctx, own) {
		return Slot{}, false, nil
	}
	holder := db.NewID("slot_")
	held, err := s.await(ctx, name, holder)
	switch {
	case err != nil:
		return Slot{func() error { <-own; return nil }}, true, err
	case !held:
		<-own
		return Slot{}, false, nil
	}
	stop := s.keep(name, holder)
	return Slot{func() error { <-own; return stop() }}, true, nil
}

// enter takes room in this process.
func enter(ctx context.Context, own chan struct{}) bool {
	select {
	case own <- struct{}{}:
		return true
	default:
	}
	select {
	case own <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// await looks for room among all processes until ctx ends, at least once.
func (s *Slots) await(ctx context.Context, name, holder string) (held bool, err error) {
	pause := minSlotLook
	for {
		if held, err = s.hold(ctx, name, holder, false); held || err != nil || ctx.Err() != nil {
			return held, err
		}
		sleep(ctx, pause/2+rand.N(pause/2))
		if ctx.Err() != nil {
			return false, nil
		}
		pause = min(2*pause, maxSlotLook)
	}
}

// holdSlot takes a slot where there is one, or renews one that is held, and
// tells whether it holds.
var holdSlot = redis.NewScript(`
local t = redis.call("TIME")
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now)
if ARGV[4] == "take" and redis.call("ZCARD", KEYS[1]) >= tonumber(ARGV[2]) then
	return 0
end
redis.call("ZADD", KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return 1`)

// hold does not end with ctx: a slot that was taken and is not known would be
// missing until its lease is over.
func (s *Slots) hold(ctx context.Context, name, holder string, renew bool) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slotTimeout)
	defer cancel()
	verb := "take"
	if renew {
		verb = "renew"
	}
	held, err := holdSlot.Run(ctx, s.redis, []string{slotsKey(name)},
		holder, cap(s.own[name]), s.lease.Milliseconds(), verb).Bool()
	if err != nil {
		return false, fmt.Errorf("count those at %s: %w", name, err)
	}
	return held, nil
}

// keep renews a slot until stop is called, which gives it back.
func (s *Slots) keep(name, holder string) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var keeping sync.WaitGroup
	var missed error // of the last renewal
	keeping.Go(func() {
		ticker := time.NewTicker(s.lease / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_, missed = s.hold(ctx, name, holder, true)
			}
		}
	})
	return func() error {
		cancel()
		keeping.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), slotTimeout)
		defer cancel()
		if err := s.redis.ZRem(ctx, slotsKey(name), holder).Err(); err != nil {
			return errors.Join(missed, fmt.Errorf("give back a slot of %s: %w", name, err))
		}
		return missed
	}
}
