package vllm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// Import puts an adapter's files into a folder of its own, all of them or none, each checked by its
// sha256. A folder that is there holds the adapter of that name already.
func (h host) Import(ctx context.Context, a providers.Adapter) (providers.Handle, error) {
	if !goodName.MatchString(a.Name) || len(a.Files) == 0 {
		return nil, invalid("name", "give the adapter a name of letters, digits, - and _, and its files")
	}
	handle := plainjson.Of(known{a.Name, a.Base})
	_, err := os.Stat(filepath.Join(h.here, a.Name))
	if errors.Is(err, fs.ErrNotExist) {
		err = h.put(ctx, a)
	}
	if err != nil {
		return nil, notPut(ctx, err)
	}
	return handle, nil
}

// put writes the files beside the adapter's folder and lets that appear whole.
func (h host) put(ctx context.Context, a providers.Adapter) (err error) {
	if err := os.MkdirAll(h.here, 0o755); err != nil {
		return err
	}
	half, err := os.MkdirTemp(h.here, ".half-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(half)) }()
	for _, f := range a.Files {
		if err := copyFile(ctx, filepath.Join(half, filepath.Base(f.Name)), a, f); err != nil {
			return err
		}
	}
	if err := os.Chmod(half, 0o755); err != nil { // the server may run as another user
		return err
	}
	err = os.Rename(half, filepath.Join(h.here, a.Name))
	if errors.Is(err, fs.ErrExist) { // another process was quicker
		return nil
	}
	return err
}

func copyFile(ctx context.Context, to string, a providers.Adapter, f providers.AdapterFile) error {
	from, err := a.Checked(ctx, f)
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Sync(), file.Close())
}

// notPut is a fault of the disk or of the bucket: it passes, and nothing was paid.
func notPut(ctx context.Context, err error) *providers.Error {
	kind, ended := providers.ContextKind(ctx)
	if !ended {
		kind = providers.KindServer
	}
	return &providers.Error{
		Kind: kind, Provider: name, Charge: providers.ChargeNone, Err: fmt.Errorf("put an adapter into %s: %w", envAdapters, err),
	}
}
