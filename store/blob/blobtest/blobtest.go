// Package blobtest is the conformance suite of buckets: every blob.Bucket
// passes it, whatever keeps the objects. It is for tests alone.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"dreamlab/store/blob"
	"dreamlab/store/db"
)

// Run runs the suite; open returns an empty bucket that ends with the test.
func Run(t *testing.T, open func(t *testing.T) blob.Bucket) {
	for name, check := range map[string]func(*testing.T, blob.Bucket){
		"an object comes back":        comesBack,
		"a large object comes back":   largeComesBack,
		"an object is written once":   writtenOnce,
		"identical content is kept":   adopted,
		"one of many creators wins":   oneWins,
		"what is missing is told":     missing,
		"a deleted object is gone":    deleted,
		"bad names are refused":       badNames,
		"a broken reader leaves none": brokenReader,
		"a cancelled context ends it": cancelled,
		"lists come in pages":         pages,
		"lists are in byte order":     byteOrder,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, open(t))
		})
	}
}

func create(t *testing.T, b blob.Bucket, name, content string) {
	t.Helper()
	if err := b.Create(t.Context(), name, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, b blob.Bucket, name string) string {
	t.Helper()
	r, err := b.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want one that wraps %q", err, kind)
	}
}

func comesBack(t *testing.T, b blob.Bucket) {
	before := time.Now().Add(-time.Minute)
	for name, content := range map[string]string{
		"empty": "", "one/two/three.txt": "a\x00b\r\n\xff", blob.MemoryObject("ten_1", "mem_1"): "# Memory",
	} {
		create(t, b, name, content)
		if got := read(t, b, name); got != content {
			t.Errorf("%s: got %q, want %q", name, got, content)
		}
		about, err := b.Stat(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if about.Name != name || about.Size != int64(len(content)) || about.Created.Before(before) {
			t.Errorf("got %+v", about)
		}
	}
}

// largeComesBack crosses the borders of chunks in which buckets upload.
func largeComesBack(t *testing.T, b blob.Bucket) {
	content := bytes.Repeat([]byte("0123456789abcde\n"), 9<<20/16)
	if err := b.Create(t.Context(), "large", bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, b, "large"); got != string(content) {
		t.Fatalf("got %d bytes of %d, or others", len(got), len(content))
	}
}

func writtenOnce(t *testing.T, b blob.Bucket) {
	create(t, b, "a/b", "first")
	want(t, b.Create(t.Context(), "a/b", strings.NewReader("second")), blob.ErrExists)
	if got := read(t, b, "a/b"); got != "first" {
		t.Fatalf("got %q", got)
	}
}

func adopted(t *testing.T, b blob.Bucket) {
	content := strings.Repeat("line\n", 20_000)
	for range 2 {
		if err := blob.Ensure(t.Context(), b, "kept", strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"", content[1:], content + "x", strings.Replace(content, "e", "E", 1)} {
		want(t, blob.Ensure(t.Context(), b, "kept", strings.NewReader(other)), blob.ErrExists)
	}
	if got := read(t, b, "kept"); got != content {
		t.Fatalf("got %d bytes", len(got))
	}
}

func oneWins(t *testing.T, b blob.Bucket) {
	const creators = 8
	errs := make([]error, creators)
	var all sync.WaitGroup
	for i := range creators {
		all.Go(func() {
			content := strings.Repeat(fmt.Sprint(i), 100_000)
			errs[i] = b.Create(t.Context(), "contested", iotest.HalfReader(strings.NewReader(content)))
		})
	}
	all.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("creators %d and %d both won", winner, i)
		case err == nil:
			winner = i
		default:
			want(t, err, blob.ErrExists)
		}
	}
	if got := read(t, b, "contested"); winner < 0 || got != strings.Repeat(fmt.Sprint(winner), 100_000) {
		t.Fatalf("creator %d won, but the object holds %.3q… (%d bytes)", winner, got, len(got))
	}
}

func missing(t *testing.T, b blob.Bucket) {
	create(t, b, "is/there", "x")
	for _, name := range []string{"not", "is", "is/not", "is/there/not"} {
		_, err := b.Open(t.Context(), name)
		want(t, err, db.ErrNotFound)
		_, err = b.Stat(t.Context(), name)
		want(t, err, db.ErrNotFound)
		want(t, b.Delete(t.Context(), name), db.ErrNotFound)
	}
}

func deleted(t *testing.T, b blob.Bucket) {
	create(t, b, "a/b", "first")
	if err := b.Delete(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	want(t, b.Delete(t.Context(), "a/b"), db.ErrNotFound)
	create(t, b, "a/b", "second")
	if got := read(t, b, "a/b"); got != "second" {
		t.Fatalf("got %q", got)
	}
}

func badNames(t *testing.T, b blob.Bucket) {
	for _, name := range []string{
		"", ".", "..", "../x", "a/../b", "/a", "a/", "a//b", "./a", "a/.hidden", ".partial/x",
		`a\b`, "a\x00b", "a\nb", "ä", "\xff", "C:", "a*", strings.Repeat("x", 201), strings.Repeat("x/", 300) + "x",
	} {
		want(t, b.Create(t.Context(), name, strings.NewReader("x")), blob.ErrName)
		_, err := b.Open(t.Context(), name)
		want(t, err, blob.ErrName)
		_, err = b.Stat(t.Context(), name)
		want(t, err, blob.ErrName)
		want(t, b.Delete(t.Context(), name), blob.ErrName)
	}
	nothingIn(t, b)
}

func nothingIn(t *testing.T, b blob.Bucket) {
	t.Helper()
	found, err := b.List(context.WithoutCancel(t.Context()), "", "", 10)
	if err != nil || len(found) > 0 {
		t.Fatalf("left behind: %v, %v", found, err)
	}
}

func brokenReader(t *testing.T, b blob.Bucket) {
	broken := errors.New("the line went dead")
	for _, size := range []int{0, 1000, 5 << 20} {
		content := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(broken))
		want(t, b.Create(t.Context(), "a/b", content), broken)
		nothingIn(t, b)
	}
	create(t, b, "a/b", "whole")
}

func cancelled(t *testing.T, b blob.Bucket) {
	ctx, cancel := context.WithCancel(t.Context())
	half := readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, "half"), nil
	})
	want(t, b.Create(ctx, "a/b", half), context.Canceled)
	nothingIn(t, b)
	create(t, b, "a/b", "x")
	_, err := b.List(ctx, "", "", 10)
	want(t, err, context.Canceled)

	ctx, cancel = context.WithCancel(t.Context())
	r, err := b.Open(ctx, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.ReadAll(r)
	want(t, err, context.Canceled)
	if err := r.Close(); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// pages walks a list in pages of every size, from every place.
func pages(t *testing.T, b blob.Bucket) {
	names := []string{"a/1", "a/2", "a/3/x", "a/3/y", "ab", "b/1"}
	for _, name := range names {
		create(t, b, name, name)
	}
	for prefix, wanted := range map[string][]string{
		"": names, "a": names[:5], "a/": names[:4], "a/3/": names[2:4], "a/3/x": names[2:3], "b": names[5:],
		"c": nil,
	} {
		for size := 1; size <= len(names)+1; size++ {
			if got := walk(t, b, prefix, size); strings.Join(got, " ") != strings.Join(wanted, " ") {
				t.Errorf("prefix %q in pages of %d: got %v, want %v", prefix, size, got, wanted)
			}
		}
	}
}

func walk(t *testing.T, b blob.Bucket, prefix string, size int) []string {
	t.Helper()
	var names []string
	for after := ""; ; {
		page, err := b.List(t.Context(), prefix, after, size)
		if err != nil || len(page) > size {
			t.Fatalf("page of %d: %d objects, %v", size, len(page), err)
		}
		for _, object := range page {
			if object.Size != int64(len(object.Name)) {
				t.Errorf("got %+v", object)
			}
			names, after = append(names, object.Name), object.Name
		}
		if len(page) < size {
			return names
		}
	}
}

// byteOrder has names on both sides of the slash, which no file system sorts so.
func byteOrder(t *testing.T, b blob.Bucket) {
	names := []string{"A", "a!x", "a-b", "a.b", "a/b", "a/b-c/d", "a/b.c", "a0", "aa", "~"}
	for i := range names {
		name := names[(i*7)%len(names)]
		create(t, b, name, name)
	}
	if got := walk(t, b, "", 3); strings.Join(got, " ") != strings.Join(names, " ") {
		t.Fatalf("got %v, want %v", got, names)
	}
}
