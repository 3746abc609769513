package lab_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"dreamlab/providers/sandbox/lab"
)

// A bucket keeps its objects from one run to the next, and lists them by prefix.
func TestBucket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() (*lab.Lab, *lab.Bucket) {
		l, err := lab.New(lab.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.OpenBucket("acme")
		if err != nil {
			t.Fatal(err)
		}
		return l, b
	}
	l, b := open()
	for _, name := range []string{"in/b", "in/a", "out/a", "in/a"} {
		if made, err := b.Put(name, strings.NewReader("of "+name)); err != nil || made.Size != int64(len("of "+name)) {
			t.Fatalf("%+v, %v", made, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, b = open()
	listed := b.List("in/")
	if len(listed) != 2 || listed[0].Name != "in/a" || listed[1].Name != "in/b" || len(b.List("")) != 3 {
		t.Errorf("listed %+v", listed)
	}
	content, err := b.Open("in/a")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(content)
	if err := errors.Join(err, content.Close()); err != nil || string(text) != "of in/a" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := b.Open("none"); !errors.Is(err, lab.ErrAbsent) {
		t.Errorf("got %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
