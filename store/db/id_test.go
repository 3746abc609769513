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
		older, newer := db.IDAt("x_", time.Unix(0, min(a, b))), db.IDAt("x_", time.Unix(0, max(a, b)))
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
