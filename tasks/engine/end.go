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

// end stores the end of an attempt and announces it. The plain ends of
// concurrent jobs share a commit, and on SQLite, which has one writer, all of
// them do; PostgreSQL commits in parallel and shares the flush by itself.
func (e *Engine) end(ctx context.Context, f store.Finish) error {
	one := &ending{finish: f}
	if f.Plain() || e.store.Dialect() == store.SQLite {
		e.ends.Do(ctx, one)
	} else {
		ctx, cancel := context.WithTimeout(ctx, store.GroupTime)
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
	return e.store.Tx(ctx, mode, func(q *store.Queries) error {
		left, err := endPlain(ctx, q, all)
		if err != nil {
			return err
		}
		for _, one := range left {
			if one.moved, err = q.FinishJob(ctx, one.finish); err != nil {
				return err
			}
		}
		tasks.Point("committing")
		return nil
	})
}

// endPlain carries out the ends that need nothing but their own rows, and
// returns the others.
func endPlain(ctx context.Context, q *store.Queries, all []*ending) (left []*ending, err error) {
	plain := map[string]*ending{}
	var finishes []store.Finish
	for _, one := range all {
		if one.finish.Plain() && plain[one.finish.Job] == nil {
			plain[one.finish.Job] = one
			finishes = append(finishes, one.finish)
		} else {
			left = append(left, one)
		}
	}
	if len(finishes) == 0 {
		return left, nil
	}
	moved, err := q.FinishPlain(ctx, finishes)
	for _, m := range moved {
		plain[m.ID].moved = []store.Moved{m}
		delete(plain, m.ID)
	}
	for _, one := range plain {
		left = append(left, one)
	}
	return left, err
}
