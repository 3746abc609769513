package blob

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// List walks the directories in the order of full names and enters only those
// that can hold one it was asked for. Memory is one page and the names in the
// directories on the way.
func (d *Dir) List(ctx context.Context, prefix, after string, limit int) ([]Object, error) {
	w := walk{ctx: ctx, files: d.root.FS(), prefix: prefix, after: after, limit: max(0, limit)}
	if err := w.enter("."); err != nil {
		return nil, fmt.Errorf("list objects %s: %w", prefix, err)
	}
	return w.found, nil
}

type walk struct {
	ctx           context.Context
	files         fs.FS
	prefix, after string
	limit         int
	found         []Object
}

func (w *walk) enter(dir string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(w.files, dir)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, entry := range entries {
		if len(w.found) >= w.limit {
			return nil
		}
		if entry.Name()[0] == '.' {
			continue
		}
		if err := w.visit(path.Join(dir, sortName(entry)), entry); err != nil {
			return err
		}
	}
	return nil
}

// sortName puts a directory where its objects belong: a-b comes before a/b.
func sortName(entry fs.DirEntry) string {
	if entry.IsDir() {
		return entry.Name() + "/"
	}
	return entry.Name()
}

func (w *walk) visit(name string, entry fs.DirEntry) error {
	if entry.IsDir() {
		if inside := name + "/"; w.mayHold(inside) {
			return w.enter(name)
		}
		return nil
	}
	if name <= w.after || !strings.HasPrefix(name, w.prefix) || !entry.Type().IsRegular() {
		return nil
	}
	info, err := entry.Info()
	if err != nil {
		return nil // deleted since: it is no longer part of the list
	}
	w.found = append(w.found, Object{Name: name, Size: info.Size(), Created: info.ModTime().UTC()})
	return nil
}

// mayHold tells whether a directory ("a/b/") can hold names of the list.
func (w *walk) mayHold(dir string) bool {
	if !strings.HasPrefix(dir, w.prefix) && !strings.HasPrefix(w.prefix, dir) {
		return false
	}
	return dir > w.after || strings.HasPrefix(w.after, dir)
}
