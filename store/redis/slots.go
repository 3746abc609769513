package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/db"
)

const (
	// slotLease is how long a slot stays taken without being renewed; it is renewed
	// every third of that. So all holders are counted again within 10 s of a wipe.
	slotLease = 30 * time.Second
	// slotTimeout bounds one command.
	slotTimeout = time.Second
	// maxSlotLook bounds the wait for a token of a freed slot before the next try: a slot
	// whose lease has expired frees itself without a token.
	maxSlotLook = time.Second
)

// Slots bounds how many may use something at once, over all processes: a holder
// is a member of a sorted set with the end of its lease, so that the slot
// of a process that died becomes free. A process that was frozen for longer than the
// lease may exceed the limit by its calls when it goes on.
//
// Each process keeps within the limits by itself too: where Redis is away, or
// was just wiped, there are at most as many as processes times the limit.
type Slots struct {
	redis redis.UniversalClient
	lease time.Duration
	own   map[string]chan struct{} // by name; its capacity is the limit
	// turns let one caller of each name wait on a connection, so that waiting callers do not
	// take all connections of the process.
	turns map[string]chan struct{}
}

// NewSlots returns slots with the given limits. What has none is not bounded.
func NewSlots(client redis.UniversalClient, limits map[string]int) *Slots {
	s := &Slots{redis: client, lease: slotLease, own: make(map[string]chan struct{}, len(limits)),
		turns: make(map[string]chan struct{}, len(limits))}
	for name, limit := range limits {
		s.own[name], s.turns[name] = make(chan struct{}, limit), make(chan struct{}, 1)
	}
	return s
}

func slotsKey(name string) string { return "dreamlab:{slots}:" + name }

// freedKey is a list of tokens, one for each slot that was given back; waiters pop them.
func freedKey(name string) string { return "dreamlab:{slots}:freed:" + name }

// Slot is a slot that is taken.
type Slot struct{ giveBack func() error }

// GiveBack frees the slot, once. After an error other processes may count it until
// its lease is over.
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

// enter takes a slot of this process.
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

// await tries to take a slot among all processes until ctx ends, at least once.
func (s *Slots) await(ctx context.Context, name, holder string) (held bool, err error) {
	held, err = s.hold(ctx, name, holder, false)
	if held || err != nil || !enter(ctx, s.turns[name]) {
		return held, err
	}
	defer func() { <-s.turns[name] }()
	for {
		if held, err = s.hold(ctx, name, holder, false); held || err != nil || ctx.Err() != nil {
			return held, err
		}
		if err := s.waitForFreed(ctx, name); err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, nil
		}
	}
}

// waitForFreed waits until a slot is given back, for maxSlotLook, or until ctx is over. A
// connection that waits does not see that ctx is cancelled before.
func (s *Slots) waitForFreed(ctx context.Context, name string) error {
	bound := maxSlotLook
	if end, ok := ctx.Deadline(); ok {
		bound = min(bound, time.Until(end))
	}
	if bound < time.Millisecond {
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound+slotTimeout)
	defer cancel()
	err := s.redis.Do(ctx, "BLPOP", freedKey(name), bound.Seconds()).Err() // BLPop rounds up to a second
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("wait for a slot of %s: %w", name, err)
	}
	return nil
}

// giveSlot gives a slot back and wakes one waiting caller. Tokens that are not taken are kept
// up to the number of slots, and no longer than a lease.
var giveSlot = redis.NewScript(`
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("LPUSH", KEYS[2], 1)
redis.call("LTRIM", KEYS[2], 0, ARGV[2] - 1)
return redis.call("PEXPIRE", KEYS[2], ARGV[3])`)

func (s *Slots) give(name, holder string) error {
	ctx, cancel := context.WithTimeout(context.Background(), slotTimeout)
	defer cancel()
	err := giveSlot.Run(ctx, s.redis, []string{slotsKey(name), freedKey(name)},
		holder, cap(s.own[name]), s.lease.Milliseconds()).Err()
	if err != nil {
		return fmt.Errorf("give back a slot of %s: %w", name, err)
	}
	return nil
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

// hold does not end with ctx: a slot that was taken without the caller knowing would
// stay taken until its lease is over.
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
		return false, fmt.Errorf("take a slot of %s: %w", name, err)
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
		return errors.Join(missed, s.give(name, holder))
	}
}
