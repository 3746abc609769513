package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/storetest"
)

func accept(
	ctx context.Context, s *store.Store, durability store.Durability, job store.NewJob,
) (store.Accepted, error) {
	var accepted []store.Accepted
	err := s.Tx(ctx, durability, func(q *store.Queries) (err error) {
		accepted, err = q.AcceptJobs(ctx, []store.NewJob{job}, nil)
		return err
	})
	if err != nil {
		return store.Accepted{}, err
	}
	return accepted[0], nil
}

// TestAcceptRace sends one request many times at once: it is one job.
func TestAcceptRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for round := range 5 {
			made := 0
			ids := map[string]bool{}
			for _, got := range atOnce(8, func(int) store.Accepted {
				a, err := accept(t.Context(), s, store.Synced, store.NewJob{
					Tenant: "ten_1", Kind: "chat.run", Lane: "chat", Input: []byte(`{}`),
					IdemKey: fmt.Sprint("key ", round), IdemHash: "hash",
				})
				if err := errors.Join(err, a.Err); err != nil {
					t.Error(err)
				}
				return a
			}) {
				if !got.Existed {
					made++
				}
				ids[got.Job.ID] = true
			}
			if made != 1 || len(ids) != 1 {
				t.Errorf("round %d: made %d jobs, and answered %d", round, made, len(ids))
			}
		}
	})
}

// TestClaimRace has several workers take one job: one does.
func TestClaimRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, err := accept(t.Context(), s, store.Synced, store.NewJob{
			Tenant: "ten_1", Kind: "chat.run", Lane: "chat", Input: []byte(`{}`),
		})
		must(t, err)
		must(t, s.Tx(t.Context(), store.Relaxed, func(q *store.Queries) error {
			picked, err := q.PickJobs(t.Context(), "chat", store.Room{Window: 10, TenantCap: 10})
			if err != nil {
				return err
			}
			return q.MarkDispatched(t.Context(), picked)
		}))
		claimed := 0
		for _, n := range atOnce(8, func(i int) int {
			refs := []store.JobRef{{ID: a.Job.ID, Gen: a.Job.Gen}}
			jobs, err := s.ClaimJobs(t.Context(), refs, fmt.Sprint(i), time.Minute)
			if err != nil {
				t.Error(err)
			}
			return len(jobs)
		}) {
			claimed += n
		}
		if claimed != 1 {
			t.Errorf("claimed %d times", claimed)
		}
	})
}

// TestHotQueriesUseIndexes asks for the plans of what runs many times a second,
// over ten thousand jobs, of which most have ended.
func TestHotQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		numbers := "SELECT value FROM generate_series(1, 10000) AS n(value)"
		if s.Dialect() == store.SQLite {
			numbers = `WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 10000)
				SELECT value FROM n`
		}
		exec(t, s.Driver(), store.Rebind(s.Dialect(), `INSERT INTO jobs
			(id, tenant, kind, lane, state, input, run_at, due, lease_until, created)
			SELECT 'job_' || CAST(value AS TEXT), 'ten_' || CAST(value % 50 AS TEXT), 'chat.run', 'chat',
			CASE value % 50 WHEN 0 THEN 'queued' WHEN 1 THEN 'running' ELSE 'succeeded' END, '{}', 0, TRUE,
			{now} + 60000000 + value, 0
			FROM (`+numbers+`) AS numbers`))
		exec(t, s.Driver(), "ANALYZE")
		explain := "EXPLAIN "
		if s.Dialect() == store.SQLite {
			explain = "EXPLAIN QUERY PLAN "
		}
		for query, index := range map[string]string{
			`SELECT id FROM jobs WHERE lane = 'chat' AND tenant = 'ten_0' AND state = 'queued' AND due
				ORDER BY priority DESC, id LIMIT 5`: "jobs_pick",
			`SELECT id FROM jobs WHERE state IN ('queued', 'waiting') AND NOT due AND run_at <= {now}`: "jobs_later",
			`SELECT id FROM jobs WHERE state IN ('dispatched', 'running') AND state = 'running'
				AND lease_until < {now}`: "jobs_inflight",
			`SELECT id FROM jobs WHERE expires_at IS NOT NULL AND expires_at < {now}
				AND state IN ('queued', 'dispatched', 'waiting')`: "jobs_expire",
			`SELECT id FROM jobs WHERE tenant = 'ten_1' AND idem_key = 'x'`: "jobs_idem",
		} {
			plan := plan(t, s, explain+store.Rebind(s.Dialect(), query))
			if !strings.Contains(plan, index) {
				t.Errorf("%s\nis read by\n%s", query, plan)
			}
		}
	})
}

func plan(t *testing.T, s *store.Store, query string) string {
	t.Helper()
	if s.Dialect() == store.Postgres {
		return strings.Join(ask(t, s.Driver(), query), "\n")
	}
	rows, err := s.Driver().Query(t.Context(), query)
	must(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var line string
		must(t, rows.Scan(new(int), new(int), new(int), &line))
		out = append(out, line)
	}
	must(t, rows.Err())
	return strings.Join(out, "\n")
}
