package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// TestKinds holds what Asynq's mux asks of names: it matches by prefix.
func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := tasks.Kinds()
	for i, a := range kinds {
		if slices.Contains(kinds[i+1:], a) {
			t.Errorf("%s is there twice", a)
		}
		for _, b := range kinds {
			if a != b && strings.HasPrefix(string(b), string(a)) {
				t.Errorf("%s is a prefix of %s", a, b)
			}
		}
		if !slices.Contains(tasks.Lanes(), a.Lane()) {
			t.Errorf("%s has the lane %s, which is none", a, a.Lane())
		}
	}
}

func TestLanes(t *testing.T) {
	t.Parallel()
	for kind, want := range map[tasks.Kind]struct {
		lane  tasks.Lane
		noun  string
		wakes int
	}{
		tasks.ChatRun:          {tasks.Chat, "chat", 1},
		tasks.ExperienceImport: {tasks.System, "experience", 100},
		tasks.DreamPlan:        {tasks.Dream, "dream", 100},
		tasks.TunePoll:         {tasks.Tune, "tune", 1},
		tasks.ScheduleTick:     {tasks.System, "schedule", 100},
		tasks.WebhookDeliver:   {tasks.System, "webhook", 1},
		"bare":                 {tasks.System, "bare", 1},
	} {
		if kind.Lane() != want.lane || kind.Noun() != want.noun || kind.WakeSize() != want.wakes {
			t.Errorf("%s: lane %s, noun %s, %d a wake-up", kind, kind.Lane(), kind.Noun(), kind.WakeSize())
		}
	}
	if tasks.Chat.Lease() != 15*time.Second || tasks.Dream.Lease() != time.Minute {
		t.Error("leases have changed")
	}
}

func TestWakeText(t *testing.T) {
	t.Parallel()
	for want, wake := range map[string]tasks.Wake{
		`{"jobs":[]}`:                         {},
		`{"jobs":[["job_a",0],["job_b",12]]}`: {Jobs: []tasks.Ref{{ID: "job_a"}, {ID: "job_b", Gen: 12}}},
	} {
		text, err := json.Marshal(wake)
		if err != nil || string(text) != want {
			t.Errorf("wrote %s, %v; want %s", text, err, want)
		}
		var read tasks.Wake
		if err := json.Unmarshal(text, &read); err != nil || !slices.Equal(read.Jobs, wake.Jobs) {
			t.Errorf("read %+v of %s, %v", read, text, err)
		}
	}
	for _, bad := range []string{`{"jobs":7}`, `{"jobs":[[7,7]]}`, `{"jobs":[["job_a","x"]]}`, `[]`} {
		var read tasks.Wake
		if err := json.Unmarshal([]byte(bad), &read); err == nil {
			t.Errorf("read %s as %+v", bad, read)
		}
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	f := &tasks.Failure{Code: "internal", Message: "m", Err: cause}
	if !errors.Is(f, cause) || f.Error() != "internal: m: cause" {
		t.Errorf("failure says %v", f)
	}
	if f := tasks.Fail("not_found", "no %s", "job"); !f.Final || f.Error() != "not_found: no job" {
		t.Errorf("final failure says %v", f)
	}
	run := tasks.Run{Job: job.Job{ID: "job_a", Kind: "chat.run", Input: []byte(`7`)}}
	var input tasks.ChatInput
	if err := run.Decode(&input); err == nil || !strings.Contains(err.Error(), "job_a") {
		t.Errorf("decoded: %v", err)
	}
}

// TestRunTx writes while the job is held, and not any more afterwards.
func TestRunTx(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		var run tasks.Run
		err := s.Tx(ctx, db.Synced, func(q *store.Queries) error {
			made, err := q.AcceptJobs(ctx, []job.NewJob{{Tenant: "ten_a", Kind: "chat.run", Lane: "chat"}},
				map[string]job.Limits{"chat": {Window: 1, TenantCap: 1}})
			if err != nil {
				return err
			}
			held, err := q.ClaimJobs(ctx, []job.Ref{{ID: made[0].Job.ID}}, "w", time.Minute)
			run = tasks.Run{Job: held[0], Store: s, Worker: "w"}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		clear := func(q *store.Queries) error { return q.ClearJob(ctx, run.Job.ID) }
		if err := run.Tx(ctx, db.Synced, clear); err != nil {
			t.Fatal(err)
		}
		run.Job.Epoch--
		if err := run.Tx(ctx, db.Synced, clear); !errors.Is(err, db.ErrFenced) {
			t.Errorf("wrote under an older epoch: %v", err)
		}
	})
}
