// Package retention takes away what was learned when it is older than it is to be kept: conversations with
// their experiences and training rows; dreams with their lessons; versions of the memory; alerts of budgets.
//
// It works by steps, each of which belongs in a transaction of its own, reads a page of an index and deletes
// a bounded number of rows. What a person wants forgotten is package learn's; jobs, entries and batches are
// deleted by the packages that keep them; objects in the bucket by package handlers/forget.
package retention

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// Queries are the statements of this package.
type Queries struct{ *db.Tx }

// Undo is how long after a dream or a tune has ended, and after a person's verdict on a training row, everything
// stays that it was made of: so long it can be undone, and made again, as if nothing had left.
const Undo = 30 * 24 * time.Hour

const (
	// page is how many experiences, dreams or versions one step looks at.
	page = 300
	// most is how many rows of a sort one step deletes: more than a page, where experiences are of one conversation.
	most = 1000
)

// Step is what one step came to.
type Step struct {
	Gone  int64  // experiences, or dreams and versions, that were deleted
	After string // the next step begins behind this id
	More  bool   // there may be more behind it
}

// ids encodes a list for {list …}; no ids are an empty list.
func ids(of []string) string { return db.Encode(append([]string{}, of...)) }

// deletion is a statement over a tenant ($1) and a list of ids ($2).
type deletion string

// each runs the statements in turn.
func (q *Queries) each(ctx context.Context, tenant string, list []string, statements ...deletion) error {
	of := ids(list)
	for _, s := range statements {
		if _, err := q.Exec(ctx, string(s), tenant, of); err != nil {
			return err
		}
	}
	return nil
}

// before is what stands behind every id of a noun that was made longer ago than the given age.
func (q *Queries) before(ctx context.Context, noun string, older time.Duration) (string, error) {
	now, err := q.Now(ctx)
	return db.IDAt(noun, now.Add(-older)), err
}

// known returns which of the ids a query finds.
func (q *Queries) known(ctx context.Context, query string, list []string) (map[string]bool, error) {
	var found []string
	err := q.Words(ctx, &found, query, ids(list))
	known := make(map[string]bool, len(found))
	for _, id := range found {
		known[id] = true
	}
	return known, err
}
