package engine

import (
	"context"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/flight"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// ending is the end of an attempt on its way into the database.
type ending struct {
	finish job.Finish
	moved  []job.Moved
	err    error
}

// ender stores the ends of attempts, many in one commit.
type ender struct {
	store *store.Store
	ends  *flight.Group[*ending]
	// briefs ends what was paid for: those of one tenant would wait for each
	// other at the lock of its spending.
	briefs *flight.Group[*ending]
}

func newEnder(s *store.Store) *ender {
	n := &ender{store: s}
	n.ends = flight.NewGroup(s.Writers(), n.endAll)
	n.briefs = flight.NewGroup(1, n.endAll)
	return n
}

// end stores the end of an attempt, and returns what is to be announced; beside
// ErrBusy that is what has moved if the commit happened all the same. Those that
// are brief share a commit with others, and on SQLite, which has one writer,
// all of them do.
func (n *ender) end(ctx context.Context, f job.Finish) ([]job.Moved, error) {
	one := &ending{finish: f}
	var err error
	switch {
	case f.NoFollowUps && f.Write == nil && len(f.Children) == 0, n.store.Dialect() == db.SQLite:
		err = n.ends.Do(ctx, one)
	case f.WriteIsShort && f.Parent == "":
		err = n.briefs.Do(ctx, one)
	default:
		ctx, cancel := context.WithTimeout(ctx, flight.GroupTime)
		defer cancel()
		n.endAll(ctx, []*ending{one})
	}
	if err != nil {
		return nil, err
	}
	if one.err != nil {
		return one.moved, one.err
	}
	tasks.Point("committed")
	return one.moved, nil
}

// endAll ends attempts in one commit; where one of them is refused, each by itself.
func (n *ender) endAll(ctx context.Context, all []*ending) {
	flight.Split(all, func(some []*ending) error { return n.endTogether(ctx, some) },
		func(one *ending, err error) { one.err = err })
}

func (n *ender) endTogether(ctx context.Context, all []*ending) error {
	mode := db.Relaxed
	for _, one := range all {
		if one.finish.To.Ended() || one.finish.Write != nil || len(one.finish.Children) > 0 {
			mode = db.Synced
		}
	}
	return n.store.Tx(ctx, mode, func(q *store.Queries) error {
		finishes := make([]job.Finish, len(all))
		for i, one := range all {
			finishes[i] = one.finish
		}
		moved, err := q.FinishJobs(ctx, finishes)
		if err != nil {
			return err
		}
		for i, one := range all {
			one.moved, one.err = moved[i], nil
			if moved[i] == nil {
				one.err = db.ErrFenced
			}
		}
		tasks.Point("committing")
		return nil
	})
}
