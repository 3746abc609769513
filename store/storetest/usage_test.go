package storetest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// fillEntries writes the same entries of six days for each tenant, of every sort and state.
func fillEntries(t *testing.T, s *store.Store, draw *rand.Rand, now time.Time, tenants ...string) {
	t.Helper()
	pick := func(words ...string) string { return words[draw.IntN(len(words))] }
	for n := range 120 {
		made := now.Add(-time.Duration(draw.Int64N(int64(6 * 24 * time.Hour))))
		shift := time.Duration(draw.IntN(3)-1) * 9 * time.Hour // its tenant has moved from zone to zone
		day := made.Add(shift).UnixMicro() / (24 * time.Hour).Microseconds()
		purpose, provider, state := pick("chat", "chat", "train", "host"), pick("groq", "together"), pick("settled", "settled",
			"void", "open", "unknown")
		var key, lost any
		if draw.IntN(2) == 0 {
			key = "key_1"
		}
		if state == "unknown" {
			lost = made.UnixMicro()
		}
		settled, tokens := int64(0), draw.Int64N(1000)
		if state == "settled" {
			settled = draw.Int64N(1 << 40)
		}
		for _, tenant := range tenants {
			exec(t, s.Driver(), `INSERT INTO entries (id, tenant, key_id, job, root, step, epoch, number, purpose, provider, model,
				state, reserved, settled, input, output, day, created, lost)
				VALUES ($1, $2, $3, $4, $4, 'answer', 1, 1, $5, $6, 'small', $7, 1000, $8, $9, $9, $10, $11, $12)`,
				fmt.Sprintf("ent_%s_%03d", tenant, n), tenant, key, fmt.Sprint("job_", n%7), purpose, provider, state, settled, tokens,
				day, made.UnixMicro(), lost)
		}
	}
}

// sumAll sums all days of a tenant that are over.
func sumAll(t *testing.T, s *store.Store, tenant string) {
	t.Helper()
	for more := true; more; {
		must(t, s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) (err error) {
			more, err = q.SumUsage(t.Context(), tenant)
			return err
		}))
	}
}

// sameUsage wants the usage of both tenants to be the same, whatever is asked.
func sameUsage(t *testing.T, s *store.Store, draw *rand.Rand, now time.Time, one, other string) {
	t.Helper()
	zones := []*time.Location{nil, time.FixedZone("east", 9*3600)}
	for range 60 {
		span := book.Span{
			By:       []string{"", "purpose", "provider", "model", "key", "job", "day"}[draw.IntN(7)],
			Interval: []string{"", book.Hourly, book.Daily, book.Monthly}[draw.IntN(4)],
			Zone:     zones[draw.IntN(2)],
			To:       now.Add(time.Second - time.Duration(draw.Int64N(int64(3*24*time.Hour)))),
		}
		span.From = span.To.Add(-time.Duration(draw.Int64N(int64(6 * 24 * time.Hour))))
		if draw.IntN(2) == 0 {
			span.From = span.From.Truncate(24 * time.Hour)
		}
		span.Tenant = one
		got, err := s.SpendingIn(t.Context(), span)
		must(t, err)
		span.Tenant = other
		wanted, err := s.SpendingIn(t.Context(), span)
		must(t, err)
		if !slices.EqualFunc(got, wanted, func(a, b book.Spend) bool { return a.Start.Equal(b.Start) && sameSpend(a, b) }) {
			t.Fatalf("of %+v the sums tell %+v, the entries %+v", span, got, wanted)
		}
	}
}

func sameSpend(a, b book.Spend) bool {
	a.Start, b.Start = time.Time{}, time.Time{}
	return a == b
}

// TestUsageIsReadFromSums holds the usage of a tenant whose days are summed against the usage of one
// with the same entries, whose days are not: it is the same, also after calls of a summed day were
// settled.
func TestUsageIsReadFromSums(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		draw := rand.New(rand.NewPCG(1, rand.Uint64()))
		tenant, err := s.EnsureTenant(t.Context(), "summed")
		must(t, err)
		now, err := s.Now(t.Context())
		must(t, err)
		fillEntries(t, s, draw, now, tenant.ID, "ten_other")
		due, err := s.UsageTenants(t.Context(), "", 10)
		must(t, err)
		if !slices.Equal(due, []string{tenant.ID}) {
			t.Fatalf("days to sum have %v", due)
		}
		sumAll(t, s, tenant.ID)
		if due, err = s.UsageTenants(t.Context(), "", 10); err != nil || len(due) > 0 {
			t.Fatalf("days to sum still have %v, %v", due, err)
		}
		if n := ask(t, s.Driver(), `SELECT count(*) FROM usage_days`)[0]; n == "0" {
			t.Fatal("nothing is summed")
		}
		sameUsage(t, s, draw, now, tenant.ID, "ten_other")

		settleLate(t, s, tenant.ID, "ten_other")
		sameUsage(t, s, draw, now, tenant.ID, "ten_other")
		must(t, s.ShiftClock(t.Context(), 25*time.Hour)) // a day later what was settled is summed
		sumAll(t, s, tenant.ID)
		if n := ask(t, s.Driver(), `SELECT count(*) FROM usage_open o JOIN entries e ON e.id = o.entry
			WHERE e.state NOT IN ('open', 'unknown')`)[0]; n != "0" {
			t.Errorf("%s entries are settled and not summed", n)
		}
		sameUsage(t, s, draw, now, tenant.ID, "ten_other")
	})
}

// settleLate settles every second entry that is open or lost.
func settleLate(t *testing.T, s *store.Store, tenants ...string) {
	t.Helper()
	for _, tenant := range tenants {
		for i, id := range ask(t, s.Driver(), `SELECT id FROM entries WHERE tenant = $1 AND state IN ('open', 'unknown') ORDER BY id`, tenant) {
			if i%2 == 0 {
				must(t, s.EndEntry(t.Context(), book.Entry{ID: id, State: book.EntrySettled, Settled: int64(i) + 1, Input: 3, Output: 4}))
			}
		}
	}
}

// TestOldEntriesArePruned deletes entries of summed days whose jobs are gone: the usage stays what it
// was, by whole days.
func TestOldEntriesArePruned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		draw := rand.New(rand.NewPCG(2, rand.Uint64()))
		tenant, err := s.EnsureTenant(t.Context(), "pruned")
		must(t, err)
		now, err := s.Now(t.Context())
		must(t, err)
		fillEntries(t, s, draw, now, tenant.ID)
		kept := running(t, s, tenant.ID, "")
		exec(t, s.Driver(), `UPDATE entries SET job = $1, root = $1 WHERE job = 'job_3'`, kept.ID)
		sumAll(t, s, tenant.ID)
		day := 24 * time.Hour
		span := book.Span{Tenant: tenant.ID, By: "purpose", Interval: book.Daily, From: now.Truncate(day).Add(-10 * day), To: now}
		before, err := s.SpendingIn(t.Context(), span)
		must(t, err)

		const older = 3 * 24 * time.Hour
		due, err := s.EntriesToPrune(t.Context(), older, "", 10)
		if err != nil || !slices.Equal(due, []string{tenant.ID}) {
			t.Fatalf("entries to prune have %v, %v", due, err)
		}
		for more := true; more; {
			must(t, s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) (err error) {
				more, err = q.PruneEntries(t.Context(), tenant.ID, older)
				return err
			}))
		}
		if due, err = s.EntriesToPrune(t.Context(), older, "", 10); err != nil || len(due) > 0 {
			t.Errorf("entries to prune still have %v, %v", due, err)
		}
		end := now.Add(-older).Truncate(day).UnixMicro()
		left := ask(t, s.Driver(), `SELECT count(*) FROM entries WHERE tenant = $1 AND created < $2 AND job <> $3
			AND state IN ('settled', 'void') AND purpose = 'chat'`, tenant.ID, end, kept.ID)[0]
		if left != "0" {
			t.Errorf("%s old entries are left", left)
		}
		after, err := s.SpendingIn(t.Context(), span)
		must(t, err)
		if !slices.EqualFunc(before, after, func(a, b book.Spend) bool { return a.Start.Equal(b.Start) && sameSpend(a, b) }) {
			t.Errorf("the usage was %+v and is %+v", before, after)
		}
	})
}

// TestOldChangesArePruned deletes what is old of the audit log.
func TestOldChangesArePruned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		must(t, s.AddAudit(t.Context(), store.Audit{Tenant: "ten_1", Action: "old"}))
		must(t, s.ShiftClock(t.Context(), 48*time.Hour))
		must(t, s.AddAudit(t.Context(), store.Audit{Tenant: "ten_1", Action: "new"}))
		if n, err := s.PruneAudits(t.Context(), 24*time.Hour); err != nil || n != 1 {
			t.Errorf("%d changes went, %v", n, err)
		}
		if left := ask(t, s.Driver(), `SELECT action FROM audit`); !slices.Equal(left, []string{"new"}) {
			t.Errorf("left are %v", left)
		}
	})
}
