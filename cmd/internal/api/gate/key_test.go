package gate

import (
	"errors"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/storetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newKey returns the secret of a key of a tenant of its own.
func newKey(t *testing.T, s *store.Store) string {
	t.Helper()
	tenant, err := s.EnsureTenant(t.Context(), "one")
	must(t, err)
	secret := store.NewSecret()
	_, err = s.CreateKey(t.Context(), store.Key{Tenant: tenant.ID, Scopes: []string{store.ScopeUse}}, secret)
	must(t, err)
	return secret
}

// A revoked key stops working within seconds, although found keys are
// remembered.
func TestKeyring(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	secret := newKey(t, s)
	now := time.Now()
	ring := newKeyring(s, nil, func() time.Time { return now })
	key, err := ring.find(t.Context(), secret)
	must(t, err)
	must(t, s.RevokeKey(t.Context(), key.ID))
	if _, err := ring.find(t.Context(), secret); err != nil {
		t.Errorf("the remembered key was asked for again: %v", err)
	}
	now = now.Add(keyLife)
	var f *wire.Fault
	if _, err := ring.find(t.Context(), secret); !errors.As(err, &f) || f.Status != 401 {
		t.Errorf("the revoked key gives %v", err)
	}
}

// A key that is none is not looked up again for a moment, either.
func TestUnknownKeysAreRemembered(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	now := time.Now()
	ring := newKeyring(s, nil, func() time.Time { return now })
	tenant, err := s.EnsureTenant(t.Context(), "one")
	must(t, err)
	secret := store.NewSecret()
	var f *wire.Fault
	if _, err := ring.find(t.Context(), secret); !errors.As(err, &f) || f.Status != 401 {
		t.Errorf("the key that is none gives %v", err)
	}
	_, err = s.CreateKey(t.Context(), store.Key{Tenant: tenant.ID, Scopes: []string{store.ScopeUse}}, secret)
	must(t, err)
	if _, err := ring.find(t.Context(), secret); err == nil {
		t.Error("the key was looked up again at once")
	}
	now = now.Add(keyLife)
	if _, err := ring.find(t.Context(), secret); err != nil {
		t.Errorf("a new key is not found: %v", err)
	}
}
