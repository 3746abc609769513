// Package operate holds the routes for those who run Dream Lab: keys, calls of vendors, and
// who changed what.
package operate

import (
	"time"

	"dreamlab/store"
)

// Nouns are what the routes are about.
type Nouns struct {
	Keys   Keys
	Audits Audits
	Calls  Calls
}

// New returns the nouns over a store. Keys expire and are disabled by the clock.
func New(s *store.Store, now func() time.Time) Nouns { return Nouns{Keys{s, now}, Audits{s}, Calls{s}} }
