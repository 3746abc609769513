package boot

import (
	"slices"
	"testing"

	"dreamlab/cmd/internal/config"
	"dreamlab/store/job"
)

// TestSchedulesFollowTheConfiguration removes what it names no longer, and leaves
// what was made by other means.
func TestSchedulesFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data, c.Addr = t.TempDir(), "127.0.0.1:0"
	s, err := Open(t.Context(), c, StackOptions{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Engine.EnsureSchedule(t.Context(), job.Schedule{ID: "by-hand", Spec: "@every 1h"}); err != nil {
		t.Fatal(err)
	}
	nightly := config.Schedule{ID: "nightly", Cron: "0 3 * * *", Zone: "Europe/Zurich"}
	noon := config.Schedule{ID: "noon", Cron: "0 12 * * *", Zone: "UTC"}
	for _, step := range []struct {
		configured []config.Schedule
		want       []string
	}{
		{[]config.Schedule{nightly, noon}, []string{"by-hand", "nightly", "noon"}},
		{[]config.Schedule{noon}, []string{"by-hand", "noon"}},
		{nil, []string{"by-hand"}},
		{[]config.Schedule{nightly}, []string{"by-hand", "nightly"}},
	} {
		c.Schedules = step.configured
		if _, err := s.Scheduler(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := s.Store.Schedules(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, kept := range all {
			got = append(got, kept.ID)
		}
		if slices.Sort(got); !slices.Equal(got, step.want) {
			t.Errorf("kept %v, want %v", got, step.want)
		}
	}
}
