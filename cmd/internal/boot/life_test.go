package boot

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/store/redis"
)

// TestCatalogueIsReloaded changes a file of prices under a running process.
func TestCatalogueIsReloaded(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "prices.yaml")
	write := func(text string, day int) {
		changed := time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	write("vendor: p\nmodels: [{id: m, prices: [{input: 1, output: 1}]}]\n", 1)
	known, err := catalog.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	k := &keeper{known: known, now: time.Now, log: zerolog.New(&log)}
	k.reload()
	write("vendor: p\nmodels: [{id: m, prices: [{input: 2, output: 1}]}]\n", 2)
	k.reload()
	write("models: [", 3)
	k.reload()
	k.reload()
	price, err := known.Price("p", "m", time.Now())
	if err != nil || price.In != 2_000_000_000 {
		t.Errorf("%+v, %v", price, err)
	}
	for text, want := range map[string]int{"was reloaded": 1, "was not reloaded": 1, name: 1} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%q stands %d times in the log, want %d:\n%s", text, got, want, log.String())
		}
	}
}

// TestGoneIsShared has one process hear that a model is gone, and another answer by its
// successor.
func TestGoneIsShared(t *testing.T) {
	t.Parallel()
	queue, err := redis.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer queue.Close()
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	open := func() *keeper {
		known, err := catalog.Load(strings.NewReader("vendor: p\nmodels: [{id: old, replacement: new}, {id: new}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		return &keeper{known: known, shared: redis.NewGone(queue.Client), now: func() time.Time { return now }, log: zerolog.New(&log)}
	}
	one, two := open(), open()
	target := providers.Target{Provider: "p", Model: "old"}
	for range 3 {
		one.Gone(t.Context(), target)
	}
	one.Gone(t.Context(), providers.Target{Provider: "p", Model: "never was one"})
	if n := strings.Count(log.String(), "the vendor has this model no more"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
	if next, ok := two.Successor(target); ok {
		t.Errorf("%s stands in before anything was learned", next)
	}
	two.learn(t.Context())
	if next, ok := two.Successor(target); !ok || next != "new" {
		t.Errorf("the other process asks %q", next)
	}
	now = now.Add(25 * time.Hour) // a day later the vendor is asked again
	two.learn(t.Context())
	if next, ok := two.Successor(target); ok {
		t.Errorf("%s stands in for ever", next)
	}
}
