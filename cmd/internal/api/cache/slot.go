package cache

import (
	"context"
	"errors"
	"sync"
	"time"

	"dreamlab/store/backoff"
	"dreamlab/store/db"
)

// State is what a reply says of the cache.
type State string

// The states.
const (
	Hit    State = "hit"
	Stale  State = "stale" // a hit that is fresh no more, and is asked anew
	Miss   State = "miss"
	Bypass State = "bypass"
)

// Slot is a question's place in the cache: it holds the answer, or is where the answer
// is brought.
type Slot struct {
	State State
	// Body is the completion, as its client is told; nil but for a hit, fresh or stale.
	Body []byte
	// Age is how long ago it was stored.
	Age time.Duration
	// Dream is the one that anticipated the answer, "" for none.
	Dream string

	cache  *Cache
	key    string
	shared bool   // the answer may be another tenant's
	only   bool   // its client wants nothing asked
	saved  int64  // nano-dollars that the answer cost when it was asked
	asked  *asked // how others find it; nil where nobody is to
	flight *flight
	lease  string
	who    string // holds the lease, "" for none
	stop   context.CancelFunc
	renews sync.WaitGroup
}

// give fills the slot with an answer that its client takes. One that is too old is asked anew.
func (s *Slot) give(v value, wish wish) {
	switch age := s.cache.Now().Sub(v.at); {
	case age <= wish.age:
		s.fill(v, Hit)
	case age <= wish.age+wish.stale:
		s.fill(v, Stale)
	}
}

// hit fills the slot with an answer that was asked just now.
func (s *Slot) hit(v value) { s.fill(v, Hit) }

func (s *Slot) fill(v value, state State) {
	if v.similarity > 0 {
		state = Semantic
	}
	body, made, err := again(v.body, state)
	if err == nil && s.shared {
		body, err = unnamed(body)
	}
	if err == nil && state == Semantic {
		body, err = likened(body, v.similarity)
	}
	if err != nil {
		s.fail(err)
		return
	}
	s.State, s.Body, s.Age = state, body, max(0, s.cache.Now().Sub(v.at))
	s.saved, s.Dream = int64(made.Cost), made.Dream
}

// fail lets the chat go on without the cache.
func (s *Slot) fail(err error) {
	s.State = Bypass
	s.cache.seen.failures.Inc()
	s.cache.Log.Warn().Err(err).Msg("the cache was left out of a chat, which goes on")
}

// share waits for an equal request that is being asked, or makes this the one.
func (s *Slot) share(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cache.Wait)
	defer cancel()
	for {
		f, first := s.cache.flights.join(s.key)
		if first {
			return s.lead(ctx, f)
		}
		select {
		case <-ctx.Done():
			return s.alone(ctx)
		case <-f.done:
		}
		switch {
		case f.value != nil:
			s.hit(*f.value)
			return nil
		case !f.left:
			return nil // it got no answer to share: this one asks by itself
		}
	}
}

// alone asks without waiting any longer, unless the client is gone.
func (s *Slot) alone(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return nil
	}
	return context.Cause(ctx)
}

// Pauses between looks at what another process asks for.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// lead asks for the lease of all processes, for all equal requests of this one.
func (s *Slot) lead(ctx context.Context, f *flight) error {
	s.flight = f
	who := db.NewID("")
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		text, leads, err := s.tryLead(ctx, who)
		switch {
		case err != nil && ctx.Err() == nil:
			s.fail(err)
			s.Leave(ctx)
			return nil
		case text != nil:
			v := valueOf(text)
			f.value = &v
			s.hit(v)
			s.Leave(ctx)
			return nil
		case leads:
			s.hold(ctx, s.key, who)
			return nil
		}
		if backoff.Sleep(ctx, pause) != nil {
			err := s.alone(ctx)
			s.Leave(ctx)
			return err
		}
	}
}

func (s *Slot) tryLead(ctx context.Context, who string) ([]byte, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return s.cache.Store.Lead(ctx, s.key, who)
}

// renewEvery is a third of the time for which a lease holds.
const renewEvery = 3 * time.Second

// hold renews a lease until the slot is left.
func (s *Slot) hold(ctx context.Context, lease, who string) {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.lease, s.who = lease, who
	s.renews.Go(func() {
		for backoff.Sleep(ctx, renewEvery) == nil {
			if err := s.cache.Store.Renew(ctx, s.lease, who); err != nil && ctx.Err() == nil {
				s.cache.Log.Warn().Err(err).Msg("could not renew a lease of the cache: another process may ask the same")
			}
		}
	})
}

// Saved is what the answer cost when it was asked for, nano-dollars.
func (s *Slot) Saved() int64 { return s.saved }

// Wanted tells whether the slot takes an answer.
func (s *Slot) Wanted() bool { return s.State == Miss }

// Keep stores the answer that a job gave, if it is one to give again, and hands it to
// those that wait for it.
func (s *Slot) Keep(ctx context.Context, job string, body []byte) {
	if !s.Wanted() || !whole(body) {
		return
	}
	v := value{at: s.cache.Now().UTC(), body: body}
	if s.flight != nil {
		s.flight.value = &v
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	stored, err := s.cache.Store.Put(ctx, s.key, job, v.text())
	if err != nil {
		s.cache.seen.failures.Inc()
		s.cache.Log.Warn().Err(err).Str("job", job).Msg("an answer could not be cached")
	}
	if stored {
		s.remember(ctx, job)
	}
	s.Leave(ctx)
}

// Leave lets those go on that wait for the answer. It may be called again.
func (s *Slot) Leave(ctx context.Context) {
	if s.flight != nil {
		s.flight.left = ctx.Err() != nil
		s.cache.flights.end(s.key, s.flight)
		s.flight = nil
	}
	if s.who == "" {
		return
	}
	s.stop()
	s.renews.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := s.cache.Store.Release(ctx, s.lease, s.who); err != nil {
		s.cache.Log.Warn().Err(err).Msg("could not release a lease of the cache: it ends by itself")
	}
	s.who = ""
}
