package budget

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// TestThresholdsAreToldOnce spends step by step and looks after each, from several processes' worth of
// watchers: every threshold of a window is told once, to those webhooks that want it.
func TestThresholdsAreToldOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tenant, err := s.EnsureTenant(t.Context(), "one")
		must(t, err)
		for _, events := range [][]string{{"budget"}, {"dream"}} {
			_, err := s.AddWebhook(t.Context(), store.Webhook{Tenant: tenant.ID, URL: "https://example.com/", Events: events}, 2, []byte("s"))
			must(t, err)
		}
		must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
			return q.SetBudgets(t.Context(), tenant.ID, []book.Budget{{Purpose: "chat", Monthly: true, Nano: 100}, {Purpose: "train", Nano: 0}})
		}))
		now, err := s.Now(t.Context())
		must(t, err)
		watchers := []*Watcher{{Store: s, Now: func() time.Time { return now }}, {Store: s, Now: func() time.Time { return now }}}
		for _, step := range []struct {
			spend int64
			told  []int64
		}{{49, nil}, {1, []int64{50}}, {10, []int64{50}}, {36, []int64{50, 80, 95}}, {500, []int64{50, 80, 95}}} {
			must(t, s.AddEntry(t.Context(), book.Entry{Tenant: tenant.ID, Step: "x", Purpose: "chat", Provider: "p", Model: "m",
				State: book.EntrySettled, Settled: step.spend}))
			for _, w := range watchers {
				must(t, w.Look(t.Context()))
			}
			if told := thresholdsTold(t, s, tenant.ID); !slices.Equal(told, step.told) {
				t.Errorf("after %d more: told %v, want %v", step.spend, told, step.told)
			}
		}
		now = now.AddDate(0, 1, 0)
		must(t, watchers[0].Look(t.Context()))
		if told := thresholdsTold(t, s, tenant.ID); len(told) != 3 {
			t.Errorf("told %v of a month in which nothing was spent", told)
		}
	})
}

// thresholdsTold reads what the webhooks are told.
func thresholdsTold(t *testing.T, s *store.Store, tenant string) []int64 {
	t.Helper()
	jobs, _, err := s.Jobs(t.Context(), tenant, job.Filter{Noun: "webhook"}, db.Page{Limit: 100})
	must(t, err)
	var all []int64
	for _, j := range jobs {
		var in job.Delivery
		must(t, json.Unmarshal(j.Input, &in))
		var data passed
		must(t, json.Unmarshal(in.Data, &data))
		if in.Type != "budget.threshold" || data.Purpose != "chat" {
			t.Errorf("told %s", j.Input)
		}
		all = append(all, data.Threshold)
	}
	slices.Sort(all)
	return all
}

// TestShare takes per cents without overflow.
func TestShare(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]int64{{100, 50, 50}, {1, 95, 0}, {199, 80, 159}, {1<<63 - 1, 95, 8762203435012037016}} {
		if got := share(c[0], c[1]); got != c[2] {
			t.Errorf("%d %% of %d is %d, want %d", c[1], c[0], got, c[2])
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
