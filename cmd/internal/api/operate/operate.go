// Package operate holds the routes for those who run Dream Lab: keys, limits, calls of vendors,
// and who changed what.
package operate

import (
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/store"
)

// Nouns are what the routes are about.
type Nouns struct {
	Keys   Keys
	Audits Audits
	Calls  Calls
	Limits Limits
	Bulk   Bulk
}

// New returns the nouns over a store. Keys expire and are disabled by the clock.
func New(s *store.Store, front *gate.Gate, accepted Accepted, now func() time.Time) Nouns {
	return Nouns{Keys{s, now}, Audits{s}, Calls{s}, Limits{s, front}, Bulk{front, accepted}}
}
