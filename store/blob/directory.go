package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"dreamlab/store/db"
)

// partial is where objects are written before they have their name. No object's
// name begins with a dot.
const partial = ".partial"

// orphaned is the age from which a partial object belongs to nobody: no
// Create takes so long.
const orphaned = 24 * time.Hour

// Dir is a bucket in a directory. Open it with Directory.
type Dir struct{ root *os.Root }

// Directory opens a directory as a bucket, and makes it where it is missing. It
// is given by its path or as file:///path. The file system must know hard
// links: they are what makes an object appear whole, and once. Nothing outside
// of the directory is ever touched, symbolic links included.
func Directory(location string) (*Dir, error) {
	where, err := dirPath(location)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(where, 0o750); err != nil {
		return nil, fmt.Errorf("open bucket: %w", translate(err))
	}
	root, err := os.OpenRoot(where)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	d := &Dir{root: root}
	if err := d.sweep(time.Now().Add(-orphaned)); err != nil {
		return nil, errors.Join(fmt.Errorf("open bucket %s: %w", where, err), root.Close())
	}
	return d, nil
}

func dirPath(location string) (string, error) {
	if !strings.HasPrefix(location, "file:") {
		return location, nil
	}
	u, err := url.Parse(location)
	if err != nil || u.Host != "" || u.Path == "" {
		return "", fmt.Errorf("open bucket %q: write it as file:///path", location)
	}
	return u.Path, nil
}

// sweep removes what crashes left half-written.
func (d *Dir) sweep(before time.Time) error {
	if err := d.root.MkdirAll(partial, 0o750); err != nil {
		return translate(err)
	}
	entries, err := fs.ReadDir(d.root.FS(), partial)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue // one that is gone had an owner
		}
		if err := d.remove(path.Join(partial, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Close lets go of the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Create writes a partial file, syncs it to the disk and links it to its name.
func (d *Dir) Create(ctx context.Context, name string, content io.Reader) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if _, err := d.root.Lstat(name); err == nil {
		return fmt.Errorf("create object %s: %w", name, ErrExists)
	}
	temporary := path.Join(partial, rand.Text())
	err := d.write(temporary, guarded{ctx, content})
	if err == nil {
		err = d.link(temporary, name)
	}
	if err = errors.Join(err, d.remove(temporary)); err != nil {
		return fmt.Errorf("create object %s: %w", name, translate(err))
	}
	return nil
}

func (d *Dir) write(name string, content io.Reader) error {
	file, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, content); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(file.Sync(), file.Close())
}

// link gives a file its name, never another's, and syncs the directories that
// lead to it.
func (d *Dir) link(temporary, name string) error {
	if err := d.root.MkdirAll(path.Dir(name), 0o750); err != nil {
		return err
	}
	if err := d.root.Link(temporary, name); err != nil {
		return err
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if err := d.sync(dir); err != nil || dir == "." {
			return err
		}
	}
}

func (d *Dir) sync(dir string) error {
	file, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

func (d *Dir) remove(name string) error {
	if err := d.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Open opens the file.
func (d *Dir) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if _, err := d.Stat(ctx, name); err != nil {
		return nil, err
	}
	file, err := d.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open object: %w", translate(err))
	}
	return guardedFile{guarded{ctx, file}, file}, nil
}

// Stat asks for the file's size and time.
func (d *Dir) Stat(_ context.Context, name string) (Object, error) {
	if err := CheckName(name); err != nil {
		return Object{}, err
	}
	info, err := d.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist // a directory: the prefix of objects
	}
	if err != nil {
		return Object{}, fmt.Errorf("look at object %s: %w", name, translate(err))
	}
	return Object{Name: name, Size: info.Size(), Created: info.ModTime().UTC()}, nil
}

// Delete removes the file. Directories that become empty stay.
func (d *Dir) Delete(ctx context.Context, name string) error {
	if _, err := d.Stat(ctx, name); err != nil {
		return err
	}
	if err := d.root.Remove(name); err != nil {
		return fmt.Errorf("delete object %s: %w", name, translate(err))
	}
	if err := d.sync(path.Dir(name)); err != nil {
		return fmt.Errorf("delete object %s: %w", name, err)
	}
	return nil
}

// translate maps the system's errors.
func translate(err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: %w", ErrExists, err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: %w", db.ErrNotFound, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: free some disk space or raise the limit: %w", db.ErrFull, err)
	}
	return err
}

// guarded ends a stream when its context does.
type guarded struct {
	ctx context.Context
	io.Reader
}

func (g guarded) Read(p []byte) (int, error) {
	if err := g.ctx.Err(); err != nil {
		return 0, err
	}
	return g.Reader.Read(p)
}

// guardedFile is a guarded reader that can be closed.
type guardedFile struct {
	guarded
	io.Closer
}
