package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamlab/store/blob"
	"dreamlab/store/blob/blobtest"
)

func directory(t *testing.T) blob.Bucket {
	d, err := blob.Directory(filepath.Join(t.TempDir(), "not there yet"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, directory)
}

func TestDirectoryLocations(t *testing.T) {
	t.Parallel()
	where := t.TempDir()
	file := filepath.Join(where, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for location, good := range map[string]bool{
		where: true, "file://" + where + "/a%20b": true, "file://host/x": false, "file:": false, file: false,
	} {
		d, err := blob.Directory(location)
		if (err == nil) != good {
			t.Errorf("%s: %v", location, err)
		}
		if err == nil {
			err = d.Close()
		}
		if good && err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(where, "a b")); err != nil {
		t.Error(err)
	}
}

// TestDirectorySweeps leaves two partial objects, as crashes do.
func TestDirectorySweeps(t *testing.T) {
	t.Parallel()
	where := t.TempDir()
	partial := filepath.Join(where, ".partial")
	if err := os.Mkdir(partial, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": time.Hour} {
		path, then := filepath.Join(partial, name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := blob.Directory(where)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	left, err := os.ReadDir(partial)
	if err != nil || len(left) != 1 || left[0].Name() != "young" {
		t.Fatalf("left %v, %v", left, err)
	}
}

// TestDirectoryKeepsInside puts a link that leads out of the bucket in the way.
func TestDirectoryKeepsInside(t *testing.T) {
	t.Parallel()
	where, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(where, "out")); err != nil {
		t.Fatal(err)
	}
	d, err := blob.Directory(where)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Create(t.Context(), "out/x", strings.NewReader("x")); err == nil {
		t.Fatal("wrote outside of the directory")
	}
	left, err := os.ReadDir(outside)
	if err != nil || len(left) > 0 {
		t.Fatalf("left %v, %v", left, err)
	}
}
