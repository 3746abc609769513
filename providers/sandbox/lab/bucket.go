package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxObjects bounds what a bucket holds.
const maxObjects = 10_000

// Object is what a bucket tells of one of its objects.
type Object struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size"` // bytes
	Created time.Time `json:"created"`
}

// Bucket keeps objects under names with slashes, as the stores of clouds do. It
// outlives the process where the lab does. It is safe for concurrent use.
type Bucket struct {
	lab  *Lab
	name string

	mu      sync.Mutex
	objects map[string]Object
}

// OpenBucket opens the bucket of a name, as an earlier run left it.
func (l *Lab) OpenBucket(name string) (*Bucket, error) {
	b := &Bucket{lab: l, name: name, objects: map[string]Object{}}
	_, err := l.Shelf.Load(b.index(), &b.objects)
	return b, err
}

func (b *Bucket) index() string { return "bucket-" + b.name + ".json" }

// shelved is the name under which the shelf keeps an object.
func (b *Bucket) shelved(object string) string {
	sum := sha256.Sum256([]byte(object))
	return "object-" + b.name + "-" + hex.EncodeToString(sum[:16])
}

// Put keeps an object, in place of one that has its name.
func (b *Bucket) Put(object string, content io.Reader) (Object, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, found := b.objects[object]; !found && len(b.objects) >= maxObjects {
		return Object{}, fmt.Errorf("keep %q: %w", object, ErrFull)
	}
	size, err := b.lab.Shelf.Put(b.shelved(object), content)
	if err != nil {
		return Object{}, err
	}
	made := Object{Name: object, Size: size, Created: b.lab.Now()}
	b.objects[object] = made
	return made, b.lab.Shelf.Save(b.index(), b.objects)
}

// Open reads an object. It fails with ErrAbsent where there is none.
func (b *Bucket) Open(object string) (io.ReadCloser, error) {
	b.mu.Lock()
	_, found := b.objects[object]
	b.mu.Unlock()
	if !found {
		return nil, ErrAbsent
	}
	return b.lab.Shelf.Open(b.shelved(object))
}

// List lists the objects whose names begin with a prefix, by name.
func (b *Bucket) List(prefix string) []Object {
	b.mu.Lock()
	defer b.mu.Unlock()
	var listed []Object
	for name, object := range b.objects {
		if strings.HasPrefix(name, prefix) {
			listed = append(listed, object)
		}
	}
	slices.SortFunc(listed, func(x, y Object) int { return strings.Compare(x.Name, y.Name) })
	return listed
}

// Delete deletes an object. It fails with ErrAbsent where there is none.
func (b *Bucket) Delete(object string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, found := b.objects[object]; !found {
		return ErrAbsent
	}
	delete(b.objects, object)
	return errors.Join(b.lab.Shelf.Delete(b.shelved(object)), b.lab.Shelf.Save(b.index(), b.objects))
}
