package sqlite

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
)

// fullAt names the directory in which the child of TestFullDisk works.
const fullAt = "DREAMLAB_TEST_FULL_AT"

// TestFullDisk runs itself again as a program that may write files of 1 MiB
// only, which the kernel tells a writer like a disk that is full.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if where := os.Getenv(fullAt); where != "" {
		fillDisk(t, where)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	child.Env = append(os.Environ(), fullAt+"="+t.TempDir())
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestFullDisk") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// fillDisk writes until there is no room, and goes on when there is again:
// what was committed is there, what failed is not.
func fillDisk(t *testing.T, where string) {
	d := open(t, filepath.Join(where, "full.db"))
	s := store.Open(d)
	restore := limitFiles(t, 1<<20)
	kept, err := 0, error(nil)
	for ; err == nil && kept < 1000; kept++ {
		err = s.AddEffect(t.Context(), effect(kept))
	}
	kept-- // the last one failed
	if !errors.Is(err, db.ErrFull) || !strings.Contains(err.Error(), "free some disk space") {
		t.Errorf("after %d: got %v", kept, err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("reading with a full disk: %v", err)
	}
	restore()
	if err := s.AddEffect(t.Context(), effect(1000)); err != nil {
		t.Errorf("with room again: %v", err)
	}
	found := 0
	err = s.Effects(t.Context(), "job_1", func(book.Effect) error {
		found++
		return nil
	})
	if err != nil || found != kept+1 {
		t.Errorf("found %d of %d, %v", found, kept+1, err)
	}
}

func effect(n int) book.Effect {
	return book.Effect{
		Job: "job_1", Step: string(rune('a' + n)), Response: []byte(`"` + strings.Repeat("x", 50_000) + `"`),
	}
}

func limitFiles(t *testing.T, bytes uint64) (restore func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: bytes, Max: old.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
	}
}
