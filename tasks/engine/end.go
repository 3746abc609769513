package engine

import (
	"context"

	"dreamlab/store"
	"dreamlab/tasks"
)

// ending is the end of an attempt on its way into the database.
type ending struct {
	finish store.Finish
	moved  []store.Moved
	err    error
}

// end stores the end of an attempt and announces it. On SQLite, which has one
// writer, the ends of concurrent jobs share a commit; PostgreSQL commits in
// parallel and shares the flush by itself.
func (e *Engine) end(ctx context.Context, f store.Finish) error {
	one := &ending{finish: f}
	if e.store.Dialect() == store.SQLite {
		e.ends.do(ctx, one)
	} else {
		ctx, cancel := context.WithTimeout(ctx, groupTime)
		defer cancel()
		one.err = e.endTogether(ctx, []*ending{one})
	}
	if one.err == nil {
		tasks.Point("committed")
		e.announce(ctx, one.moved)
	}
	return one.err
}

// endAll ends attempts in one commit; where that fails, each by itself.
func (e *Engine) endAll(ctx context.Context, all []*ending) {
	err := e.endTogether(ctx, all)
	if err == nil {
		return
	}
	if len(all) == 1 {
		all[0].err = err
		return
	}
	for i := range all {
		all[i].err = e.endTogether(ctx, all[i:i+1])
	}
}

func (e *Engine) endTogether(ctx context.Context, all []*ending) error {
	mode := store.Relaxed
	for _, one := range all {
		if one.finish.To.Ended() || one.finish.Write != nil || len(one.finish.Children) > 0 {
			mode = store.Synced
		}
	}
	return e.store.Tx(ctx, mode, func(q *store.Queries) (err error) {
		for _, one := range all {
			if one.moved, err = q.FinishJob(ctx, one.finish); err != nil {
				return err
			}
		}
		tasks.Point("committing")
		return nil
	})
}
