// Package gcs keeps objects in Google Cloud Storage. It stands by itself
// because Google's client is most of a build: only the program links it.
package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dreamlab/store/blob"
	"dreamlab/store/db"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
)

// Limits of a call, tries of the library's included.
const (
	callTimeout     = 30 * time.Second
	transferTimeout = 15 * time.Minute // 512 MiB, the largest file, at 600 KiB/s
	chunkTimeout    = 30 * time.Second
	chunkSize       = 4 << 20 // bytes held in memory while an object is written
)

// Bucket is a bucket of Google's, or the objects in it under a prefix. Open it
// with Open.
type Bucket struct {
	client *storage.Client
	handle *storage.BucketHandle
	name   string
	prefix string
}

// Open opens gs://bucket or gs://bucket/prefix by the machine's own credentials
// (https://cloud.google.com/docs/authentication/application-default-credentials),
// or the emulator that STORAGE_EMULATOR_HOST names without any. It does not
// call Google yet.
func Open(ctx context.Context, location string) (*Bucket, error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "gs" || u.Host == "" || u.RawQuery != "" {
		return nil, fmt.Errorf("open bucket %q: write it as gs://bucket or gs://bucket/prefix", location)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	client, err := storage.NewClient(ctx)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: set up Google's credentials: %w", location, err)
	}
	// Only calls that are safe to repeat are: reads, and creations, which carry
	// a precondition. The context bounds how long.
	handle := client.Bucket(u.Host).Retryer(storage.WithPolicy(storage.RetryIdempotent))
	return &Bucket{client: client, handle: handle, name: u.Host, prefix: prefix}, nil
}

// Close lets go of the client's connections.
func (b *Bucket) Close() error { return b.client.Close() }

func (b *Bucket) object(name string) (*storage.ObjectHandle, error) {
	if err := blob.CheckName(name); err != nil {
		return nil, err
	}
	return b.handle.Object(b.prefix + name), nil
}

// Create uploads an object under the precondition that there is none.
func (b *Bucket) Create(ctx context.Context, name string, content io.Reader) error {
	object, err := b.object(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	w := object.If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	w.ChunkSize = chunkSize
	w.ChunkTransferTimeout = chunkTimeout
	if _, err := io.Copy(w, content); err != nil {
		cancel() // before Close, which would otherwise complete the object
		// What Close answers to that says less than the fault itself.
		if closeErr := w.Close(); !errors.Is(closeErr, context.Canceled) {
			err = errors.Join(err, closeErr)
		}
		return b.fail("create object "+name, err)
	}
	if err := w.Close(); err != nil {
		return b.fail("create object "+name, err)
	}
	return nil
}

// Open downloads an object as it is read.
func (b *Bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	object, err := b.object(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	r, err := object.NewReader(ctx)
	if err != nil {
		cancel()
		return nil, b.fail("open object "+name, err)
	}
	return &reader{ctx: ctx, cancel: cancel, download: r}, nil
}

// reader ends with its context, although more may have arrived by then.
type reader struct {
	ctx      context.Context
	cancel   context.CancelFunc
	download *storage.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.download.Read(p)
}

func (r *reader) Close() error {
	defer r.cancel()
	return r.download.Close()
}

// Stat asks for an object's attributes.
func (b *Bucket) Stat(ctx context.Context, name string) (blob.Object, error) {
	object, err := b.object(name)
	if err != nil {
		return blob.Object{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	attrs, err := object.Attrs(ctx)
	if err != nil {
		return blob.Object{}, b.fail("look at object "+name, err)
	}
	return b.describe(attrs), nil
}

func (b *Bucket) describe(attrs *storage.ObjectAttrs) blob.Object {
	return blob.Object{
		Name: strings.TrimPrefix(attrs.Name, b.prefix), Size: attrs.Size, Created: attrs.Created.UTC(),
	}
}

// List asks for one page of attributes. Google's start is inclusive, so the
// name that the page begins after is dropped here.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]blob.Object, error) {
	query := &storage.Query{Prefix: b.prefix + prefix}
	if after != "" {
		query.StartOffset = b.prefix + after
	}
	if err := query.SetAttrSelection([]string{"Name", "Size", "Created"}); err != nil {
		return nil, fmt.Errorf("list objects: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	pages := b.handle.Objects(ctx, query)
	pages.PageInfo().MaxSize = limit + 1
	var found []blob.Object
	for len(found) < limit {
		attrs, err := pages.Next()
		if errors.Is(err, iterator.Done) {
			return found, nil
		}
		if err != nil {
			return nil, b.fail("list objects "+prefix, err)
		}
		if object := b.describe(attrs); after == "" || object.Name > after {
			found = append(found, object)
		}
	}
	return found, nil
}

// Delete deletes an object.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	object, err := b.object(name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := object.Delete(ctx); err != nil {
		return b.fail("delete object "+name, err)
	}
	return nil
}

// fail maps Google's errors
// (https://cloud.google.com/storage/docs/json_api/v1/status-codes).
func (b *Bucket) fail(doing string, err error) error {
	var api *googleapi.Error
	switch {
	case errors.Is(err, storage.ErrBucketNotExist):
		return fmt.Errorf("%s: create the bucket %s or correct BUCKET_URL: %w", doing, b.name, err)
	case errors.Is(err, storage.ErrObjectNotExist):
		return fmt.Errorf("%s: %w: %w", doing, db.ErrNotFound, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w: no answer before the deadline: %w", doing, db.ErrBusy, err)
	case errors.As(err, &api):
		return b.failCode(doing, api.Code, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (b *Bucket) failCode(doing string, code int, err error) error {
	switch {
	case code == http.StatusPreconditionFailed:
		return fmt.Errorf("%s: %w: %w", doing, blob.ErrExists, err)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("%s: give these credentials roles/storage.objectUser on the bucket %s: %w",
			doing, b.name, err)
	case code == http.StatusTooManyRequests, code >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %w: %w", doing, db.ErrBusy, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
