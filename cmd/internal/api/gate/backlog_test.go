package gate

import (
	"context"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// TestGaugeAsksSeldom counts how often the database is asked.
func TestGaugeAsksSeldom(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	now := time.Unix(1_000_000, 0)
	g := newGauge(s, 1_000_000, func() time.Time { return now })
	of := queueName{"ten_a", "chat"}
	read := func() int {
		t.Helper()
		b, err := g.read(t.Context(), of, g.most)
		must(t, err)
		return b.Queued
	}
	read()
	must(t, s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) error {
		j := job.NewJob{Tenant: of.tenant, Kind: "chat.run", Lane: of.lane}
		_, err := q.AcceptJobs(t.Context(), []job.NewJob{j}, nil)
		return err
	}))
	if got := read(); got != 0 {
		t.Errorf("asked again at once: %d wait", got)
	}
	now = now.Add(6 * time.Second)
	if got := read(); got != 1 {
		t.Errorf("%d wait after six seconds", got)
	}
	now = now.Add(6 * time.Second)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.read(gone, of, g.most); err == nil {
		t.Error("a question that could not be asked was answered")
	}
	if got := read(); got != 1 {
		t.Errorf("%d wait after an error", got)
	}
}
