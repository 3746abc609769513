package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/postgres"
	"dreamlab/store/storetest"
)

// committer commits rows one after the other and notes which were confirmed.
type committer struct {
	store     *store.Store
	name      string
	confirmed []string
	refused   int
}

// commit goes on until so many more rows were confirmed. What was refused may be tried again: it was busy.
func (c *committer) commit(ctx context.Context, more int) error {
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for n := 0; more > 0; n++ {
		name := fmt.Sprint(c.name, "-", len(c.confirmed), "-", n)
		err := c.store.Tx(ctx, db.Synced, func(q *store.Queries) error {
			_, err := q.EnsureTenant(ctx, name)
			return err
		})
		switch {
		case err == nil:
			c.confirmed = append(c.confirmed, name)
			more--
			continue
		case !errors.Is(err, db.ErrBusy):
			return fmt.Errorf("commit %s: %w", name, err)
		}
		c.refused++
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// TestFailOver has the primary crash while four commit, and its standby take over: what was confirmed is there, what
// is refused meanwhile may be tried again, and the same store goes on by itself.
func TestFailOver(t *testing.T) {
	t.Parallel()
	pair := storetest.NewPair(t)
	d, err := postgres.Open(t.Context(), pair.URL)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	must(t, d.Migrate(t.Context(), -1))
	s := store.Open(d)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var work, begun sync.WaitGroup
	all := make([]*committer, 4)
	for i := range all {
		c := &committer{store: s, name: fmt.Sprint("tenant ", i)}
		all[i] = c
		begun.Add(1)
		work.Go(func() {
			err := c.commit(ctx, 20)
			begun.Done()
			if err == nil {
				err = c.commit(ctx, 2000) // the crash comes in the midst of these
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
	begun.Wait()
	pair.FailOver(t)
	work.Wait()
	var kept []string
	must(t, s.Words(t.Context(), &kept, `SELECT name FROM tenants`))
	refused := 0
	for _, c := range all {
		refused += c.refused
		for _, name := range c.confirmed {
			if !slices.Contains(kept, name) {
				t.Errorf("%s was confirmed, and is lost", name)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused while no server took writes")
	}
}
