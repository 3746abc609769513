package boot

import (
	"testing"

	"dreamlab/cmd/internal/config"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

// TestSharesAreSet starts with listed tenants, and again with fewer of them: each
// start sets what is listed, and takes back what is not.
func TestSharesAreSet(t *testing.T) {
	t.Parallel()
	s := stacked(t, func(c *config.Config) {
		c.Tenants = []config.Tenant{{Name: "acme", Weight: 3, Cap: 2}, {Name: "other", Cap: 1}}
	})
	room := map[string]job.Limits{"chat": {Window: 10, TenantCap: 5}}
	dispatched := func(name string) (n int) {
		t.Helper()
		tenant, err := s.Store.EnsureTenant(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		jobs := make([]job.NewJob, 4)
		for i := range jobs {
			jobs[i] = job.NewJob{Tenant: tenant.ID, Kind: "chat.run", Lane: "chat"}
		}
		err = s.Store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
			out, err := q.AcceptJobs(t.Context(), jobs, room)
			for _, a := range out {
				if a.Job.State == job.StateDispatched {
					n++
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := dispatched("acme"); n != 2 {
		t.Errorf("%d jobs of a tenant whose cap is 2", n)
	}
	if err := setShares(t.Context(), s.Store, nil); err != nil {
		t.Fatal(err)
	}
	if n := dispatched("other"); n != 4 {
		t.Errorf("%d jobs of a tenant whose cap was taken back", n)
	}
}
