package storetest_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// TestKeyByIdentity gives an identity one key a tenant, however many ask at once, with the scopes of
// its last token, and none while it is disabled.
func TestKeyByIdentity(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, who := t.Context(), store.Identity{Issuer: "https://id.example", Subject: "u1"}
		find := func(tenant string, scopes ...string) (store.Key, error) {
			return s.KeyByIdentity(ctx, tenant, who, scopes, time.Now())
		}
		ids := make([]string, 8)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				k, err := find("one", "use")
				if ids[i] = k.ID; err != nil || k.Identity != who {
					t.Errorf("%+v, %v", k, err)
				}
			})
		}
		all.Wait()
		k, err := find("one", "admin", "use")
		other, errOther := find("two", "use")
		if err := errors.Join(err, errOther); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if id != k.ID {
				t.Errorf("one identity has the keys %v", ids)
			}
		}
		if !k.Has("admin") || other.ID == k.ID || other.Tenant == k.Tenant {
			t.Errorf("%+v and %+v", k, other)
		}
		shown, err := s.Key(ctx, k.Tenant, k.ID)
		if err != nil || !shown.Has("admin") || shown.Identity != who || shown.Used.IsZero() {
			t.Errorf("it is kept as %+v, %v", shown, err)
		}
		if err := s.RotateKey(ctx, k.ID, store.NewSecret(), 0); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("an identity was given a secret: %v", err)
		}
		shown.Disabled = time.Now()
		if err := s.SetKey(ctx, shown); err != nil {
			t.Fatal(err)
		}
		if _, err := find("one", "use"); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("a disabled identity gives %v", err)
		}
	})
}
