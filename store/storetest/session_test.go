package storetest_test

import (
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// A session holds as long as it is neither ended nor over, and its key is in force.
func TestSessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		tenant, err := s.EnsureTenant(ctx, "acme")
		must(t, err)
		secret := store.NewSecret()
		key, err := s.CreateKey(ctx, store.Key{Tenant: tenant.ID, Name: "a", Scopes: []string{store.ScopeView}}, secret)
		must(t, err)
		open := func(life time.Duration) string {
			t.Helper()
			session, err := s.NewSession(ctx, key.ID, life)
			must(t, err)
			return session
		}
		first, second, over := open(time.Hour), open(time.Hour), open(-time.Second)
		if found, err := s.KeyBySession(ctx, first); err != nil || found.ID != key.ID || !store.IsSession(first) {
			t.Errorf("got %+v, %v", found, err)
		}
		must(t, s.EndSession(ctx, first))
		ticket, err := s.NewTicket(ctx, key.ID, time.Hour)
		must(t, err)
		for _, none := range []string{first, over, ticket, secret, ""} {
			_, err := s.KeyBySession(ctx, none)
			want(t, err, db.ErrNotFound)
		}
		if _, err := s.KeyBySecret(ctx, second); err == nil || store.IsSession(secret) {
			t.Error("a session passes for a key")
		}
		must(t, s.RevokeKey(ctx, key.ID))
		_, err = s.KeyBySession(ctx, second)
		want(t, err, db.ErrNotFound)
	})
}

// A ticket is taken once, and not when it has run out.
func TestTickets(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		tenant, err := s.EnsureTenant(ctx, "acme")
		must(t, err)
		key, err := s.CreateKey(ctx, store.Key{Tenant: tenant.ID, Name: "a"}, store.NewSecret())
		must(t, err)
		ticket, err := s.NewTicket(ctx, key.ID, time.Minute)
		must(t, err)
		late, err := s.NewTicket(ctx, key.ID, -time.Second)
		must(t, err)
		session, err := s.NewSession(ctx, key.ID, time.Minute)
		must(t, err)
		if id, err := s.TakeTicket(ctx, ticket); err != nil || id != key.ID {
			t.Errorf("got %q, %v", id, err)
		}
		for _, none := range []string{ticket, late, session, ""} {
			_, err := s.TakeTicket(ctx, none)
			want(t, err, db.ErrNotFound)
		}
	})
}
