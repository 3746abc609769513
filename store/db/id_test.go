package db_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/store/db"

	"pgregory.net/rapid"
)

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.Int64Range(0, 1<<63-1) // nanoseconds, until the year 2262
		a, b := times.Draw(t, "a"), times.Draw(t, "b")
		older, newer := db.NewIDAt("x_", time.Unix(0, min(a, b))), db.NewIDAt("x_", time.Unix(0, max(a, b)))
		if a != b && older >= newer {
			t.Fatalf("%s does not come before %s", older, newer)
		}
	})
}

func TestIDsDiffer(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for range 10_000 {
		id := db.NewID("job_")
		if known[id] || len(id) != len("job_")+26 || id != strings.ToLower(id) {
			t.Fatalf("got %s", id)
		}
		known[id] = true
	}
}

func TestNounOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		db.NewID("job_"): "job_", db.NewID("ftjob-"): "ftjob-", "": "", "gpt": "", "a_b-c": "a_",
	} {
		if got := db.NounOf(id); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}

// TestIDAt stands between the ids before an instant and those after.
func TestIDAt(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0)
	bound := db.IDAt("x_", at)
	if before := db.NewIDAt("x_", at.Add(-1)); before >= bound {
		t.Errorf("%s is not before %s", before, bound)
	}
	for _, later := range []time.Duration{0, 1} {
		if after := db.NewIDAt("x_", at.Add(later)); after < bound {
			t.Errorf("%s is before %s", after, bound)
		}
	}
}

func TestIDsBetween(t *testing.T) {
	t.Parallel()
	at := func(seconds int64) string { return db.NewIDAt("exp_", time.Unix(seconds, 0)) }
	got := db.IDsBetween(at(1000), at(1040), 4)
	want := []string{db.IDAt("exp_", time.Unix(1000, 0)), db.IDAt("exp_", time.Unix(1010, 0)),
		db.IDAt("exp_", time.Unix(1020, 0)), db.IDAt("exp_", time.Unix(1030, 0))}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, none := range [][2]string{{at(7), at(7)}, {at(8), at(7)}, {"exp_1", at(7)}, {at(7), "exp_1"}, {"", ""}} {
		if got := db.IDsBetween(none[0], none[1], 4); len(got) > 0 {
			t.Errorf("between %v: %v", none, got)
		}
	}
}
