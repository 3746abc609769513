package storetest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// pruneAll makes steps until there is nothing more to delete, and returns how many rows went and the most
// of one step.
func pruneAll(
	t *testing.T, s *store.Store, step func(*store.Queries, context.Context, time.Duration) (int64, error),
) (all, most int64) {
	t.Helper()
	for gone := int64(1); gone > 0; {
		must(t, s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) (err error) {
			gone, err = step(q, t.Context(), 24*time.Hour)
			return err
		}))
		all, most = all+gone, max(most, gone)
	}
	return all, most
}

// TestOldBatchesArePruned deletes those that ended long ago, by bounded steps, and none that is open or
// ended lately; their jobs are deleted as others are.
func TestOldBatchesArePruned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add := func(id, status string, lines int) {
			own := running(t, s, "ten_1", id)
			b := batch.Batch{
				ID: id, Tenant: "ten_1", Job: own.ID, Endpoint: "/v1/chat/completions", Status: batch.Validating, Spec: []byte(`{}`),
			}
			must(t, s.AddBatch(t.Context(), b))
			var list []batch.Line
			for n := 1; n <= lines; n++ {
				list = append(list, batch.Line{Batch: id, Number: n, CustomID: fmt.Sprint(n), Purpose: "chat", Request: []byte(`{}`)})
			}
			must(t, s.AddLines(t.Context(), list))
			if b.Status = status; b.Ended() {
				finish(t, s, own)
			}
			must(t, s.SetBatch(t.Context(), b))
		}
		add("batch_old", batch.Completed, 1100)
		add("batch_open", batch.InProgress, 3)
		must(t, s.ShiftClock(t.Context(), 48*time.Hour))
		add("batch_new", batch.Failed, 2)
		if all, most := pruneAll(t, s, (*store.Queries).PruneBatches); all != 1101 || most != 1000 {
			t.Errorf("%d rows went, at most %d in one step", all, most)
		}
		left := ask(t, s.Driver(), `SELECT id || ' ' || (SELECT count(*) FROM batch_lines l WHERE l.batch = b.id)
			FROM batches b ORDER BY id`)
		if !slices.Equal(left, []string{"batch_new 2", "batch_open 3"}) {
			t.Errorf("left are %v", left)
		}
		if jobs, _ := pruneAll(t, s, (*store.Queries).PruneJobs); jobs != 1 {
			t.Errorf("%d jobs went with the batch", jobs)
		}
	})
}

// TestOldComparisonsArePruned deletes those of old evaluations, whose reports stay, by bounded steps.
func TestOldComparisonsArePruned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add := func(id string, papers int) {
			must(t, s.AddEvaluation(t.Context(), learn.Evaluation{ID: id, Tenant: "ten_1", Alias: "assistant"}))
			for n := range papers {
				exec(t, s.Driver(), `INSERT INTO comparisons (evaluation, experience, tenant, conversation, regression, outcome, checked,
					disagreed, result) VALUES ($1, $2, 'ten_1', 'conv_1', FALSE, 'win', FALSE, FALSE, '{}')`, id, fmt.Sprint("exp_", n))
			}
		}
		add("evl_old", 1001)
		add("evl_none", 0)
		must(t, s.ShiftClock(t.Context(), 48*time.Hour))
		add("evl_new", 2)
		if all, most := pruneAll(t, s, (*store.Queries).PruneComparisons); all != 1003 || most != 1000 {
			t.Errorf("%d rows changed, at most %d in one step", all, most)
		}
		if left := count(t, s, "comparisons"); left != "2" {
			t.Errorf("%s comparisons are left", left)
		}
		for id, pruned := range map[string]bool{"evl_old": true, "evl_none": true, "evl_new": false} {
			if e, err := s.Evaluation(t.Context(), "ten_1", id); err != nil || e.Pruned.IsZero() == pruned {
				t.Errorf("%s was pruned at %v, %v", id, e.Pruned, err)
			}
		}
	})
}

// TestOldSpendingIsPruned deletes the sums of days that no budget counts, and which alerts were told of these, and changes none
// of the others.
func TestOldSpendingIsPruned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		today := time.Now().UnixMicro() / (24 * time.Hour).Microseconds()
		one, err := s.EnsureTenant(t.Context(), "one")
		must(t, err)
		two, err := s.EnsureTenant(t.Context(), "two")
		must(t, err)
		for _, tenant := range []string{one.ID, two.ID} {
			for ago := range int64(10) {
				exec(t, s.Driver(), `INSERT INTO spending (tenant, day, purpose, key_id, provider, ends, committed)
					VALUES ($1, $2, 'chat', '', 'groq', FALSE, 5)`, tenant, today-ago)
			}
		}
		before, err := s.Committed(t.Context(), one.ID, "", time.Now().AddDate(0, 0, -1))
		must(t, err)
		if all, most := pruneAll(t, s, (*store.Queries).PruneSpending); all != 16 || most > 4 {
			t.Errorf("%d sums went, at most %d in one step", all, most)
		}
		for ago := range 10 {
			_, err := s.Alert(t.Context(), "bgt_1", time.Now().AddDate(0, 0, -ago), 80)
			must(t, err)
		}
		if all, _ := pruneAll(t, s, (*store.Queries).PruneAlerts); all != 8 {
			t.Errorf("%d alerts went", all)
		}
		after, err := s.Committed(t.Context(), one.ID, "", time.Now().AddDate(0, 0, -1))
		if err != nil || before != 10 || after != before {
			t.Errorf("committed were %d, and are %d, %v", before, after, err)
		}
	})
}
