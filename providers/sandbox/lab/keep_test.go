package lab_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers/sandbox/lab"
)

func open(t *testing.T, options lab.Options) *lab.Lab {
	t.Helper()
	l, err := lab.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func shut(t *testing.T, l *lab.Lab) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPaymentsAndTimeOutliveTheLab(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, lab.Options{Dir: dir})
	l.Advance(48 * time.Hour)
	l.Pay(lab.Payment{Vendor: "a", Model: "m", Calls: 2, NanoUSD: 7})
	then := l.Now()
	shut(t, l)

	l = open(t, lab.Options{Dir: dir})
	defer shut(t, l)
	l.Pay(lab.Payment{Vendor: "a", Model: "m", Calls: 1, NanoUSD: 1})
	if got := l.Payments(); len(got) != 1 || got[0].Calls != 3 || got[0].NanoUSD != 8 {
		t.Errorf("payments %+v", got)
	}
	if l.Now().Before(then) {
		t.Errorf("the time went back from %v to %v", then, l.Now())
	}
}

// Payments are written soon after they are made, not at the end alone.
func TestPaymentsAreWrittenSoon(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, lab.Options{Dir: dir})
		defer shut(t, l)
		for range 100 {
			l.Pay(lab.Payment{Vendor: "a", Model: "m", NanoUSD: 1})
		}
		<-time.After(time.Second) // of the bubble's clock
		synctest.Wait()
		data, err := os.ReadFile(filepath.Join(dir, "lab.json"))
		if err != nil || !strings.Contains(string(data), `"nano_usd":100`) {
			t.Errorf("kept %s (%v)", data, err)
		}
	})
}

func TestCloseReportsWhatCouldNotBeWritten(t *testing.T) {
	t.Parallel()
	l := open(t, lab.Options{Dir: t.TempDir(), MaxBytes: 10})
	l.Pay(lab.Payment{Vendor: "a", Model: "m", NanoUSD: 1})
	if err := l.Close(); !errors.Is(err, lab.ErrFull) {
		t.Errorf("got %v, want %v", err, lab.ErrFull)
	}
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	l := open(t, lab.Options{Speed: 3600, Now: func() time.Time { return wall }})
	defer shut(t, l)
	before := l.Now()
	wall = wall.Add(2 * time.Second)
	if passed := l.Now().Sub(before); passed != 2*time.Hour {
		t.Errorf("%v passed, want 2h", passed)
	}
	l.SetSpeed(0)
	stopped := l.Now()
	wall = wall.Add(time.Hour)
	if !l.Now().Equal(stopped) {
		t.Error("a stopped clock went on")
	}
}

func TestShelf(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"memory": "", "directory": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t, lab.Options{Dir: dir, MaxBytes: 1000})
			defer shut(t, l)
			put(t, l.Shelf, "one", strings.Repeat("a", 900))
			if _, err := l.Shelf.Put("one", strings.NewReader(strings.Repeat("b", 1001))); !errors.Is(
				err,
				lab.ErrFull,
			) {
				t.Errorf("got %v, want %v", err, lab.ErrFull)
			}
			if got := read(t, l.Shelf, "one"); got != strings.Repeat("a", 900) {
				t.Errorf("what did not fit replaced what was there: %d bytes", len(got))
			}
			if _, err := l.Shelf.Put("two", strings.NewReader(strings.Repeat("b", 200))); !errors.Is(
				err,
				lab.ErrFull,
			) {
				t.Errorf("got %v, want %v", err, lab.ErrFull)
			}
			if err := l.Shelf.Delete("one"); err != nil {
				t.Error(err)
			}
			put(t, l.Shelf, "two", strings.Repeat("b", 200))
			if _, err := l.Shelf.Open("one"); !errors.Is(err, lab.ErrAbsent) {
				t.Errorf("got %v, want %v", err, lab.ErrAbsent)
			}
			for _, bad := range []string{"", "../x", "a/b", ".hidden"} {
				if _, err := l.Shelf.Put(bad, strings.NewReader("")); err == nil {
					t.Errorf("the name %q was taken", bad)
				}
			}
			if err := l.Shelf.Delete("two"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A write that breaks off leaves what was there, and nothing else.
func TestShelfIsAtomic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, lab.Options{Dir: dir})
	put(t, l.Shelf, "one", "first")
	broken := io.MultiReader(bytes.NewReader([]byte("sec")), brokenReader{})
	if _, err := l.Shelf.Put("one", broken); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
	if got := read(t, l.Shelf, "one"); got != "first" {
		t.Errorf("got %q", got)
	}
	shut(t, l)
	if err := os.WriteFile(filepath.Join(dir, ".new-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, lab.Options{Dir: dir})
	defer shut(t, l)
	if left, err := filepath.Glob(filepath.Join(dir, ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestShelfIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	l := open(t, lab.Options{Dir: t.TempDir()})
	defer shut(t, l)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			text := strings.Repeat(string(rune('a'+i)), 10_000)
			for range 20 {
				put(t, l.Shelf, "same", text)
				l.Pay(lab.Payment{Vendor: "a", Model: "m", Calls: 1})
			}
		})
	}
	group.Wait()
	if got := read(t, l.Shelf, "same"); strings.Count(got, got[:1]) != 10_000 {
		t.Error("two writes were mixed")
	}
	if got := l.Payments()[0].Calls; got != 160 {
		t.Errorf("counted %d calls, want 160", got)
	}
}

func TestUnreadableStateIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lab.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.New(lab.Options{Dir: dir}); err == nil ||
		!strings.Contains(err.Error(), "lab.json") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func put(t *testing.T, shelf *lab.Shelf, name, text string) {
	t.Helper()
	if _, err := shelf.Put(name, strings.NewReader(text)); err != nil {
		t.Errorf("put %s: %v", name, err)
	}
}

func read(t *testing.T, shelf *lab.Shelf, name string) string {
	t.Helper()
	body, err := shelf.Open(name)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return string(data)
}
