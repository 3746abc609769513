package chat

import (
	"context"
	"sync"

	"dreamlab/store"
)

// aliasOf is what one tenant calls a route.
type aliasOf struct{ tenant, name string }

// mostAliases bounds what is remembered.
const mostAliases = 4096

// aliases finds routes, and remembers them as they were last read. Who goes by
// memory has to have it checked (see store.NewJob's Route): a route may change at
// any time, in any process.
type aliases struct {
	store *store.Store
	reads store.Reads[aliasOf, store.Route]

	mu    sync.Mutex
	known map[aliasOf]store.Route
}

func newAliases(s *store.Store) *aliases {
	return &aliases{store: s, known: map[aliasOf]store.Route{}}
}

// recall returns a route from memory, or reads it.
func (a *aliases) recall(ctx context.Context, of aliasOf) (store.Route, error) {
	a.mu.Lock()
	r, known := a.known[of]
	a.mu.Unlock()
	if known {
		return r, nil
	}
	return a.read(ctx, of)
}

// read returns the route that is in force.
func (a *aliases) read(ctx context.Context, of aliasOf) (store.Route, error) {
	r, err := a.reads.Get(ctx, of, func(ctx context.Context) (store.Route, error) {
		return a.store.Route(ctx, of.tenant, of.name)
	})
	if err != nil {
		return r, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= mostAliases {
		clear(a.known) // they are read again
	}
	a.known[of] = r
	return r, nil
}
