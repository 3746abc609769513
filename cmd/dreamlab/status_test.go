package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// database makes the embedded database in a directory, and a job in it that
// failed at its one attempt.
func database(t *testing.T, dir string) (s *store.Store, j job.Job) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := config.Default()
	c.Data = dir
	s, err := boot.OpenStore(t.Context(), c)
	must(err)
	t.Cleanup(func() { must(s.Close()) })
	must(s.Driver().Migrate(t.Context(), -1))
	must(s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		made, err := q.AcceptJobs(t.Context(), []job.NewJob{{Tenant: "ten_a", Kind: "dream.plan", Lane: "dream"}},
			map[string]job.Limits{"dream": {Window: 1, TenantCap: 1}})
		if err != nil {
			return err
		}
		j = made[0].Job
		held, err := q.ClaimJobs(t.Context(), []job.Ref{{ID: j.ID}}, "host/1", time.Minute)
		if err != nil {
			return err
		}
		_, err = storetest.FinishJob(t.Context(), q, job.Finish{
			Job: j.ID, Epoch: held[0].Epoch, Worker: "host/1", To: job.StateFailed, Outcome: "failed", Failed: true,
			Error: &job.Error{Code: "vendor_timeout", Message: "it was too slow"},
		})
		return err
	}))
	return s, j
}

func TestDeadWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, j := database(t, dir)
	env := map[string]string{"DREAMLAB_DATA": dir}
	for _, none := range [][]string{{"--kind", "chat"}, {"--code", "internal"}, {"--tenant", "ten_b"}} {
		got := invoke(t, env, append([]string{"status", "--retry"}, none...)...)
		if got.code != exitOK || got.out != "" || !strings.Contains(got.errs, "0 found, 0 queued again") {
			t.Errorf("%v: %+v", none, got)
		}
	}
	listed := invoke(t, env, "status", "--dead", "--kind", "dream")
	for _, part := range []string{j.ID, "ten_a", "failed: vendor_timeout: it was too slow", "host/1"} {
		if !strings.Contains(listed.out, part) {
			t.Errorf("the list does not show %q: %+v", part, listed)
		}
	}
	if listed.errs != "1 found\n" {
		t.Errorf("a list says %q", listed.errs)
	}
	if got := invoke(t, env, "status", "--dead", "--tenant", "nobody"); got.code != exitFailed {
		t.Errorf("of nobody: %+v", got)
	}
	again := invoke(t, env, "status", "--retry", "--code", "vendor_timeout", "--json")
	var dead deadJob
	if err := json.Unmarshal([]byte(again.out), &dead); err != nil || !dead.Retried || len(dead.Attempts) != 1 {
		t.Errorf("retry: %v %+v", err, again)
	}
	if now, err := s.AnyJob(t.Context(), j.ID); err != nil || now.State != job.StateQueued {
		t.Errorf("the job is %s, %v", now.State, err)
	}
	if got := invoke(t, env, "status", "--retry"); !strings.Contains(got.errs, "0 found") {
		t.Errorf("retried twice: %+v", got)
	}
}

// TestStatusWithoutAPI shows the work all the same, and fails.
func TestStatusWithoutAPI(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, job := database(t, dir)
	err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, err := q.RetryJob(t.Context(), "ten_a", job.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DREAMLAB_DATA": dir, "DREAMLAB_URL": "http://127.0.0.1:1", "DREAMLAB_KEY": "dl-x"}
	got := invoke(t, env, "status")
	for _, part := range []string{"dreamlab.db", "LANE", "dream", "queued", "ten_a"} {
		if !strings.Contains(got.out, part) {
			t.Errorf("status does not show %q: %+v", part, got)
		}
	}
	told := strings.Contains(got.errs, "is Dream Lab running")
	if got.code != exitUnreachable || !told || strings.Contains(got.out, "STUCK") {
		t.Errorf("status: %+v", got)
	}
	var all overview
	got = invoke(t, env, "status", "--json")
	if err := json.Unmarshal([]byte(got.out), &all); err != nil || all.Work == nil || len(all.Work.Lanes) != 1 {
		t.Errorf("as JSON: %v %+v", err, got)
	}
	none := invoke(t, map[string]string{"DREAMLAB_DATA": t.TempDir()}, "status", "--dead")
	if none.code != exitFailed || !strings.Contains(none.errs, "DATABASE_URL") {
		t.Errorf("without a database: %+v", none)
	}
	for _, wrong := range [][]string{{"--kind", "chat"}, {"--dead", "--since", "-1h"}, {"what"}} {
		if got := invoke(t, env, append([]string{"status"}, wrong...)...); got.code != exitUsage {
			t.Errorf("%v: %+v", wrong, got)
		}
	}
}

// TestStatusTellsWhyThereIsNoTune shows what the clock says of an alias.
func TestStatusTellsWhyThereIsNoTune(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	all := overview{Clock: []client.ClockNote{{Alias: "assistant", Says: "no tune yet: 3 new rows of 100"}}}
	if err := all.write(&out); err != nil || !strings.Contains(out.String(), "no tune yet: 3 new rows of 100") {
		t.Errorf("status: %s, %v", out.String(), err)
	}
}
