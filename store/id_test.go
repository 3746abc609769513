package store_test

import (
	"strings"
	"testing"
	"time"

	"dreamlab/store"

	"pgregory.net/rapid"
)

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.Int64Range(0, 1<<63-1) // nanoseconds, until the year 2262
		a, b := times.Draw(t, "a"), times.Draw(t, "b")
		older, newer := store.IDAt("x_", time.Unix(0, min(a, b))), store.IDAt("x_", time.Unix(0, max(a, b)))
		if a != b && older >= newer {
			t.Fatalf("%s does not come before %s", older, newer)
		}
	})
}

func TestIDsDiffer(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for range 10_000 {
		id := store.NewID("job_")
		if known[id] || len(id) != len("job_")+26 || id != strings.ToLower(id) {
			t.Fatalf("got %s", id)
		}
		known[id] = true
	}
}

func TestNounOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		store.NewID("job_"): "job_", store.NewID("ftjob-"): "ftjob-", "": "", "gpt": "", "a_b-c": "a_",
	} {
		if got := store.NounOf(id); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}
