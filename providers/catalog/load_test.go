package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/catalog"
)

// write writes a file and gives it a time of change, so that no test rests on the clock's
// grain.
func write(t *testing.T, name, text string, changed time.Time) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, changed, changed); err != nil {
		t.Fatal(err)
	}
}

func inputRate(t *testing.T, c *catalog.Catalog) int64 {
	t.Helper()
	price, err := c.Price("p", "m", day("2026-01-01"))
	if err != nil {
		t.Fatal(err)
	}
	return price.In
}

// TestReload changes a file while the catalogue is in use: it is taken, a broken one is
// reported once and leaves the last good one, and what the program registered stays.
func TestReload(t *testing.T) {
	t.Parallel()
	first, second := filepath.Join(t.TempDir(), "a.yaml"), filepath.Join(t.TempDir(), "b.yaml")
	row := func(rate string) string {
		return "vendor: p\nmodels:\n  - {id: m, prices: [{input: " + rate + ", output: 9}]}\n"
	}
	write(t, first, row("1"), day("2026-01-01"))
	write(t, second, row("2"), day("2026-01-01"))
	c, err := catalog.Open(first, second)
	if err != nil {
		t.Fatal(err)
	}
	c.Register(catalog.Free("own"))
	if got := inputRate(t, c); got != 2_000_000_000 {
		t.Errorf("the later file does not hold: %d", got)
	}
	if fresh, err := c.Reload(); fresh || err != nil {
		t.Errorf("nothing changed: %v, %v", fresh, err)
	}
	write(t, second, row("3"), day("2026-01-02"))
	if fresh, err := c.Reload(); !fresh || err != nil || inputRate(t, c) != 3_000_000_000 {
		t.Errorf("a change is not taken: %v, %v", fresh, err)
	}
	write(t, second, "models: [{", day("2026-01-03"))
	if _, err := c.Reload(); err == nil || !strings.Contains(err.Error(), second) {
		t.Errorf("a broken file: %v, want its name", err)
	}
	if _, err := c.Reload(); err != nil {
		t.Errorf("a fault is told twice: %v", err)
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reload(); err == nil || inputRate(t, c) != 3_000_000_000 {
		t.Errorf("a file that is gone: %v, want a fault and the last good one", err)
	}
	write(t, second, row("4"), day("2026-01-04"))
	if fresh, err := c.Reload(); !fresh || err != nil || inputRate(t, c) != 4_000_000_000 {
		t.Errorf("a mended file is not taken: %v, %v", fresh, err)
	}
	if _, err := c.Price("own", "anything", day("2026-01-01")); err != nil {
		t.Errorf("what was registered is lost: %v", err)
	}
}

func TestOpenTellsAllFaults(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	write(t, broken, "models: 3", day("2026-01-01"))
	_, err := catalog.Open("/nowhere.yaml", broken)
	if err == nil || !strings.Contains(err.Error(), "/nowhere.yaml") || !strings.Contains(err.Error(), broken) {
		t.Errorf("%v, want both files", err)
	}
}

// TestGone marks a model that its vendor has no more.
func TestGone(t *testing.T) {
	t.Parallel()
	c := load(t, `{"vendor": "p", "whole_list": true, "models":[
 {"id":"old","replacement":"mid"}, {"id":"mid","replacement":"new","shutdown":"2026-06-01","prices":[{"input":"1","output":"1"}]},
 {"id":"new","prices":[{"input":"7","output":"7"}]}, {"id":"lone"}, {"id":"over","status":"retired","replacement":"mid"},
 {"id":"listed","gone":"2026-05-01","replacement":"new"}]}`)
	now := day("2026-07-01")
	if next, ok := c.Successor("p", "mid", now); ok {
		t.Errorf("a day alone leads to %s: the vendor has not said it", next)
	}
	if next, ok := c.Successor("p", "over", now); !ok || next != "new" {
		t.Errorf("a model that is over and has no price leads to %q, %v", next, ok)
	}
	if price, err := c.Price("p", "over", now); err != nil || price.In != 7_000_000_000 {
		t.Errorf("it costs %+v, %v; want what its successor does", price, err)
	}
	if !c.MarkGone("p", "old", now) || c.MarkGone("p", "old", now) || c.MarkGone("p", "never", now) {
		t.Error("news is not told once, or a name that was never a model is noted")
	}
	if next, ok := c.Successor("p", "old", now); !ok || next != "new" {
		t.Errorf("old leads to %q, %v", next, ok)
	}
	if next, ok := c.Successor("p", "listed", now); !ok || next != "new" {
		t.Errorf("a row that says it is gone leads to %q, %v", next, ok)
	}
	c.SetGone(map[string]time.Time{"p/lone": now})
	if m, _ := c.Find("p", "lone"); !m.GoneAt.Equal(now) {
		t.Errorf("lone: %+v", m)
	}
	if _, ok := c.Successor("p", "lone", now); ok {
		t.Error("a model without a replacement has a successor")
	}
	if _, ok := c.Successor("p", "old", now); ok {
		t.Error("a mark that was taken away holds")
	}
	if !c.WholeList("p") || c.WholeList("bedrock") {
		t.Error("whose list is whole")
	}
}

func TestEndsSoon(t *testing.T) {
	t.Parallel()
	m := catalog.Model{ShutdownAt: day("2026-07-31")}
	for at, want := range map[string]bool{"2026-06-30": false, "2026-07-01": true, "2026-07-30": true, "2026-07-31": false} {
		if m.EndsSoon(day(at)) != want {
			t.Errorf("on %s: want %v", at, want)
		}
	}
}
