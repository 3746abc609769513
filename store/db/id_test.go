package db_test

import (
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
