// Package blob is the room of files: what is too large for a row. A [Bucket]
// keeps objects that are written once, under names that follow from ids (see
// the Object functions). [Directory] keeps them on a disk,
// package gcs in Google Cloud Storage.
//
// It is not for what changes, nor for what a query has to find: that is a row.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// ErrExists means that there is an object of that name; it stays as it was.
var ErrExists = errors.New("object exists already")

// ErrName means that a name can not be kept everywhere. See CheckName.
var ErrName = errors.New("bad object name")

// Bucket keeps objects. It is safe for concurrent use. Its errors wrap ErrName,
// ErrExists, store.ErrNotFound, store.ErrFull and store.ErrBusy where they mean
// that; others are faults of the medium and say what to do. A context's end
// ends every call.
type Bucket interface {
	// Create makes an object of all that content holds, or fails with
	// ErrExists. It appears whole or not at all: when content ends in an error,
	// nothing is left. Of several that create one name at once one wins. The
	// answer to a lost reply may be ErrExists although this very call made it:
	// see Ensure.
	Create(ctx context.Context, name string, content io.Reader) error
	// Open reads an object. The caller closes the reader, whose reads end with
	// the context.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Stat tells of an object without reading it.
	Stat(ctx context.Context, name string) (Object, error)
	// List returns at most limit objects whose names begin with the prefix, in
	// the order of their bytes, from the first name after the given one. Fewer
	// than limit is the end.
	List(ctx context.Context, prefix, after string, limit int) ([]Object, error)
	// Delete removes an object, or fails with store.ErrNotFound.
	Delete(ctx context.Context, name string) error
}

// Object is what is known of an object without reading it.
type Object struct {
	Name    string
	Size    int64 // bytes
	Created time.Time
}

const (
	maxName = 512 // bytes; Google Cloud Storage takes 1,024, its prefix included
	maxPart = 200 // bytes between slashes; most file systems take 255
)

// CheckName returns an error that wraps ErrName unless every bucket can keep an
// object of that name: parts of printable ASCII but for \:*?"<>| with single
// slashes between them, none of them beginning with a dot.
func CheckName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("%w: %.40q…: longer than %d bytes", ErrName, name, maxName)
	}
	if !fs.ValidPath(name) {
		return fmt.Errorf("%w: %q: take parts with single slashes between", ErrName, name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part[0] == '.' || len(part) > maxPart || strings.ContainsFunc(part, strange) {
			return fmt.Errorf("%w: %q: a part begins with a dot, is longer than %d bytes or holds strange characters",
				ErrName, name, maxPart)
		}
	}
	return nil
}

func strange(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`\:*?"<>|`, r) }
