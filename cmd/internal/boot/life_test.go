package boot

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/providers/catalog"
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
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		k := &keeper{known: known, log: zerolog.New(&log)}
		ended := make(chan error)
		go func() { ended <- k.Run(ctx) }()
		next := func() {
			time.Sleep(reloadEvery)
			synctest.Wait()
		}
		next()
		write("vendor: p\nmodels: [{id: m, prices: [{input: 2, output: 1}]}]\n", 2)
		next()
		write("models: [", 3)
		next()
		next()
		price, err := known.Price("p", "m", time.Now())
		if err != nil || price.In != 2_000_000_000 {
			t.Errorf("%+v, %v", price, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for text, want := range map[string]int{"was reloaded": 1, "was not reloaded": 1, name: 1} {
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%q stands %d times in the log, want %d:\n%s", text, got, want, log.String())
			}
		}
	})
}
