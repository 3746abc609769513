package storetest_test

import (
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tenant, err := s.EnsureTenant(t.Context(), "acme")
		must(t, err)
		recent(t, tenant.Created)
		secret, old := store.NewSecret(), store.NewSecret()
		key, err := s.CreateKey(t.Context(), store.Key{
			Tenant: tenant.ID, Name: "a", Scopes: []string{store.ScopeUse},
		}, secret)
		must(t, err)
		expired, err := s.CreateKey(t.Context(), store.Key{
			Tenant: tenant.ID, Name: "b", Expires: time.Now().Add(-time.Second),
		}, old)
		must(t, err)
		_, err = s.CreateKey(t.Context(), store.Key{Tenant: tenant.ID, Name: "c"}, secret)
		want(t, err, db.ErrConflict)

		found, err := s.KeyBySecret(t.Context(), secret)
		if err != nil || found.ID != key.ID || !found.Has(store.ScopeUse) || found.Has(store.ScopeAdmin) {
			t.Errorf("got %+v, %v", found, err)
		}
		listed(t, []string{key.ID, expired.ID}, func(k store.Key) string { return k.ID },
			func(p db.Page) ([]store.Key, bool, error) { return s.Keys(t.Context(), tenant.ID, db.Filter{}, p) })
		must(t, s.RevokeKey(t.Context(), key.ID))
		want(t, s.RevokeKey(t.Context(), key.ID), db.ErrNotFound)
		for _, unknown := range []string{secret, old, "", store.HashSecret(secret)} {
			_, err := s.KeyBySecret(t.Context(), unknown)
			want(t, err, db.ErrNotFound)
		}
	})
}

// TestTenantRace has many ask for a tenant that is not there: it is one.
func TestTenantRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, id := range atOnce(8, func(int) string {
			tenant, err := s.EnsureTenant(t.Context(), "same")
			if err != nil {
				t.Error(err)
			}
			return tenant.ID
		}) {
			if same, err := s.EnsureTenant(t.Context(), "same"); err != nil || same.ID != id {
				t.Errorf("got %s and %s, %v", id, same.ID, err)
			}
		}
	})
}
