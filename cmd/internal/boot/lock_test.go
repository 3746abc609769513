package boot

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamlab/cmd/internal/config"
)

// TestDataIsKeptFromOthers tightens a directory and files that others could read.
func TestDataIsKeptFromOthers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "open")
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.Chmod(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, databaseFile+"-wal"), nil, 0o644))
	for range 2 {
		lock, err := LockData(dir)
		must(t, err)
		must(t, lock.Close())
	}
	c := config.Default()
	c.Data = dir
	s, err := OpenStore(t.Context(), c)
	must(t, err)
	must(t, s.Driver().Migrate(context.WithoutCancel(t.Context()), -1))
	_, _, err = AdminKey(t.Context(), s, dir)
	must(t, err)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found, err := d.Info()
		if err == nil && found.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, found.Mode())
		}
		return err
	}))
	must(t, s.Close())
}

// TestLockHoldsWithoutItsFile removes the file, which only tells who holds it.
func TestLockHoldsWithoutItsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := LockData(dir)
	must(t, err)
	if _, err := LockData(dir); err == nil || !strings.Contains(err.Error(), "(process ") {
		t.Errorf("got %v", err)
	}
	must(t, os.Remove(filepath.Join(dir, lockFile)))
	if _, err := LockData(dir); err == nil || !strings.Contains(err.Error(), "another `dreamlab up`") {
		t.Errorf("without its file: %v", err)
	}
	must(t, lock.Close())
}

// TestSecretsFollowNoLink leaves alone what links in the directory point at.
func TestSecretsFollowNoLink(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "others")
	must(t, os.WriteFile(elsewhere, []byte("kept"), 0o644))
	path := filepath.Join(dir, config.KeyFile)
	for _, name := range []string{path, path + ".new", filepath.Join(dir, lockFile)} {
		must(t, os.Symlink(elsewhere, name))
	}
	must(t, writeSecret(path, "dl-secret"))
	lock, err := LockData(dir)
	must(t, err)
	must(t, lock.Close())
	text, err := os.ReadFile(elsewhere)
	if err != nil || string(text) != "kept" {
		t.Errorf("what the link points at is %q, %v", text, err)
	}
	found, err := os.Lstat(path)
	if err != nil || found.Mode() != 0o600 {
		t.Errorf("the key's file is %v, %v", found.Mode(), err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
