package cache

import (
	"context"

	"dreamlab/store/db"
)

// refreshLease is before the key in the name of the lease of who asks a stale answer anew. It is not
// that of a missing answer, so that nobody waits for a refresh who has no answer.
const refreshLease = "refresh:"

// Refresh returns the place of a new answer, where that of the slot is stale and is to be asked
// anew by the caller, who brings it and leaves in any case; else nil. One of all processes
// refreshes an answer. Where that fails its lease ends by itself, so that the next one tries
// again after it, and not each that is given the stale answer.
func (s *Slot) Refresh(ctx context.Context) *Slot {
	if s.State != Stale || s.only {
		return nil
	}
	f, first := s.cache.flights.join(s.key)
	if !first {
		return nil
	}
	fresh := &Slot{cache: s.cache, State: Miss, key: s.key, flight: f}
	if !fresh.claim(ctx) || fresh.replaced(ctx, s) {
		fresh.Leave(ctx)
		return nil
	}
	return fresh
}

// claim takes the lease of the refresh.
func (s *Slot) claim(ctx context.Context) bool {
	who := db.NewID("")
	claiming, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	held, err := s.cache.Store.Claim(claiming, refreshLease+s.key, who)
	if err != nil {
		s.cache.seen.failures.Inc()
		s.cache.Log.Warn().Err(err).Msg("a stale answer was not refreshed: the next chat that gets it tries again")
		return false
	}
	if held {
		s.hold(ctx, refreshLease+s.key, who)
	}
	return held
}

// replaced tells whether another has put a newer answer in the place of a stale one.
func (s *Slot) replaced(ctx context.Context, stale *Slot) bool {
	v, err := s.get(ctx)
	return err == nil && s.cache.Now().Sub(v.at) < stale.Age
}

// GiveUp leaves a refresh that brought no answer, without giving its lease back.
func (s *Slot) GiveUp(ctx context.Context) {
	if s.who != "" {
		s.stop()
		s.renews.Wait()
		s.who = ""
	}
	s.Leave(ctx)
}
