package chat

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"

	"dreamlab/store"
	"dreamlab/store/flight"
	"dreamlab/store/learn"
)

// aliasOf is what one tenant calls a route.
type aliasOf struct{ tenant, name string }

// maxAliases bounds what is remembered of routes, and of tuned models.
const maxAliases = 4096

// aliases finds routes, and remembers them as they were last read. A chat that uses
// a remembered route has to have it checked (see job.NewJob's Route): a route may change at
// any time, in any process.
type aliases struct {
	store *store.Store
	reads flight.Reads[aliasOf, learn.Route]
	known *lru.Cache[aliasOf, learn.Route]
}

func newAliases(s *store.Store) *aliases {
	return &aliases{store: s, known: remembered[learn.Route]()}
}

func remembered[V any]() *lru.Cache[aliasOf, V] {
	known, err := lru.New[aliasOf, V](maxAliases)
	if err != nil {
		panic(err) // a size above zero is always taken
	}
	return known
}

// recall returns a route from memory, or reads it.
func (a *aliases) recall(ctx context.Context, of aliasOf) (learn.Route, error) {
	if r, known := a.known.Get(of); known {
		return r, nil
	}
	return a.read(ctx, of)
}

// read returns the route that is in force.
func (a *aliases) read(ctx context.Context, of aliasOf) (learn.Route, error) {
	r, err := a.reads.Get(ctx, of, func(ctx context.Context) (learn.Route, error) {
		return a.store.Route(ctx, of.tenant, of.name)
	})
	if err != nil {
		return r, err
	}
	a.known.Add(of, r)
	return r, nil
}

// tuned finds the tuned models that routes lead to, and remembers them: what a model
// was tuned from never changes.
type tuned struct {
	store *store.Store
	known *lru.Cache[aliasOf, learn.Model]
}

func newTuned(s *store.Store) *tuned { return &tuned{store: s, known: remembered[learn.Model]()} }

func (t *tuned) find(ctx context.Context, of aliasOf) (learn.Model, error) {
	if m, known := t.known.Get(of); known {
		return m, nil
	}
	m, err := t.store.Model(ctx, of.tenant, of.name)
	if err != nil {
		return m, err
	}
	t.known.Add(of, m)
	return m, nil
}
