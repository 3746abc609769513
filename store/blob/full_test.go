package blob_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"dreamlab/store/blob"
	"dreamlab/store/db"
)

// fullAt names the directory in which the child of TestFullDisk works.
const fullAt = "DREAMLAB_TEST_FULL_AT"

// TestFullDisk runs itself again as a program that may write files of 64 KiB
// only, which the kernel tells a writer like a disk that is full.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	where := os.Getenv(fullAt)
	if where != "" {
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

func fillDisk(t *testing.T, where string) {
	d, err := blob.Directory(where)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: 64 << 10, Max: old.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("x", 100<<10)
	err = d.Create(t.Context(), "a/b", strings.NewReader(content))
	if restored := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); restored != nil {
		t.Fatal(restored)
	}
	if !errors.Is(err, db.ErrFull) || !strings.Contains(err.Error(), "free some disk space") {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(where + "/.partial"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := d.Create(t.Context(), "a/b", strings.NewReader(content)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
