// Package cache answers chats that were asked before, by the exact request and within
// its tenant, or among tenants that share their answers, before a job is made. Of equal requests that come at once, one is asked.
//
// It serves no HTTP and asks no model: chats come to it first, and bring it the answers
// that it may keep. Without Redis it knows nothing, and chats go on.
package cache

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/db"
	"dreamlab/tasks/kept"
)

// Store keeps answers for all processes. *redis.Cache is one.
type Store interface {
	// Get returns an answer, or fails with db.ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put stores the answer that a job gave, if there is room.
	Put(ctx context.Context, key, job string, value []byte) (stored bool, err error)
	// Lead returns an answer that is there by now, or whether the caller has the lease.
	Lead(ctx context.Context, key, who string) (value []byte, leads bool, err error)
	// Renew and Release hold on to the caller's lease, and give it back.
	Renew(ctx context.Context, key, who string) error
	Release(ctx context.Context, key, who string) error
	// Claim takes a lease that nobody has, whatever answer is there.
	Claim(ctx context.Context, key, who string) (held bool, err error)
}

// Options set up a Cache. Store is required.
type Options struct {
	Store Store
	// TTL is how long an answer is fresh. Defaults to as long as the store has it.
	TTL time.Duration
	// Stale is how long an answer that is fresh no more is still given, while it is asked anew
	// (https://www.rfc-editor.org/rfc/rfc5861#section-3). The store keeps it for TTL and Stale
	// together. Defaults to not at all.
	Stale time.Duration
	// Questions finds answers to questions that mean the same, from a similarity of Threshold on.
	// Defaults to none: a question has to be equal.
	Questions Questions
	Threshold float64
	// Sharing are the tenants that are given each other's answers. Defaults to none.
	Sharing kept.Sharing
	// Wait is how long a request waits for an equal one. Defaults to two minutes.
	Wait time.Duration
	// Metrics takes what is counted. Defaults to none.
	Metrics prometheus.Registerer
	// Log is told where the store fails. Defaults to silence.
	Log zerolog.Logger
	// Now is the clock by which answers age. Defaults to time.Now.
	Now func() time.Time
}

// Cache is safe for concurrent use. A nil Cache holds nothing.
type Cache struct {
	Options
	flights flights
	seen    *counts
}

// New returns a cache.
func New(o Options) *Cache {
	if o.Wait <= 0 {
		o.Wait = 2 * time.Minute
	}
	if o.TTL <= 0 {
		o.TTL = forever
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Cache{Options: o, flights: flights{open: map[string]*flight{}}, seen: newCounts(o.Metrics)}
}

// storeTimeout bounds a command, so that a store that hangs delays a chat no longer.
const storeTimeout = 250 * time.Millisecond

// Enter looks for the answer to a question. Where there is none, the caller asks, gives
// the answer to the slot, and leaves it in any case. It waits while an equal request is
// asked by another.
func (c *Cache) Enter(ctx context.Context, q Question) (*Slot, error) {
	wish := wishOf(q, c.standard())
	switch {
	case c == nil && wish.only, wish.only && wish.mode == never:
		return nil, missing()
	case c == nil, wish.mode == never:
		return &Slot{State: Bypass}, nil
	}
	s := &Slot{cache: c, State: Miss, key: q.key(c.Sharing), shared: c.Sharing[q.Tenant], only: wish.only}
	if wish.mode == anew {
		c.seen.miss()
		return s, nil
	}
	if err := s.find(ctx, wish); err != nil {
		return nil, err
	}
	if wish.only && s.Body == nil {
		return nil, missing()
	}
	if s.Body == nil {
		s.near(ctx, q, wish)
	}
	c.seen.count(s)
	return s, nil
}

// standard is what holds for clients that say nothing of it.
func (c *Cache) standard() wish {
	if c == nil {
		return wish{}
	}
	return wish{age: c.TTL, stale: c.Stale}
}

// find fills the slot with an answer that is kept, or makes it one that asks.
func (s *Slot) find(ctx context.Context, wish wish) error {
	value, err := s.get(ctx)
	switch {
	case err == nil:
		s.give(value, wish)
		return nil
	case wish.only && err != nil && !errors.Is(err, db.ErrNotFound):
		return &wire.Fault{Status: http.StatusServiceUnavailable, Code: "queue_unavailable", Err: err,
			Message: "The cache can not be read just now: try again in a few seconds."}
	case wish.only:
		return missing()
	case !errors.Is(err, db.ErrNotFound):
		s.fail(err)
		return nil
	}
	return s.share(ctx)
}

func missing() error {
	return &wire.Fault{Status: http.StatusNotFound, Code: "not_found", Param: "dreamlab.cache",
		Message: "No answer to this request is cached: ask with \"cache\": \"auto\" to have it answered and kept."}
}

func (s *Slot) get(ctx context.Context) (value, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	text, err := s.cache.Store.Get(ctx, s.key)
	if err != nil {
		return value{}, err
	}
	return valueOf(text), nil
}

// value is a completion, and when it was stored.
type value struct {
	at   time.Time
	body []byte
	// similarity is that of the question that it is given to, 0 for an equal one. The store does not keep it.
	similarity float64
}

// text is what the store keeps.
func (v value) text() []byte {
	return kept.Answer{At: v.at, Body: v.body}.Text()
}

// valueOf reads what the store kept. Without a time it is as old as can be.
func valueOf(text []byte) value {
	answer := kept.Read(text)
	return value{at: answer.At, body: answer.Body}
}
