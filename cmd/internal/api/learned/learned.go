// Package learned shows what dreams leave behind: reflections, the memory and its versions, and
// examples, which people review.
package learned

import (
	"dreamlab/store"
	"dreamlab/store/blob"
)

// Nouns are what the routes are about.
type Nouns struct {
	Reflections Reflections
	Memories    Memories
	Examples    Examples
}

// New returns the nouns over a store, and over the bucket that has the versions of the memory as
// files.
func New(s *store.Store, bucket blob.Bucket) Nouns {
	return Nouns{Reflections{s}, Memories{s, bucket}, Examples{s}}
}
