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

// end stores the end of an attempt and announces it. Those that are brief share
// a commit with others, and on SQLite, which has one writer, all of them do.
func (e *Engine) end(ctx context.Context, f store.Finish) error {
	one := &ending{finish: f}
	switch {
	case f.Plain(), e.store.Dialect() == store.SQLite:
		e.ends.Do(ctx, one)
	case f.Brief && f.Parent == "":
		e.briefs.Do(ctx, one)
	default:
		ctx, cancel := context.WithTimeout(ctx, store.GroupTime)
		defer cancel()
		e.endAll(ctx, []*ending{one})
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
		if err := e.endTogether(ctx, all[i:i+1]); err != nil {
			all[i].err = err
		}
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
		if err := endOthers(ctx, q, left); err != nil {
			return err
		}
		tasks.Point("committing")
		return nil
	})
}

// endOthers carries out the ends that bring something with them. On SQLite, which
// has one writer, their parents need no order.
func endOthers(ctx context.Context, q *store.Queries, all []*ending) error {
	if len(all) == 0 {
		return nil
	}
	finishes := make([]store.Finish, len(all))
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
			one.err = store.ErrFenced
		}
	}
	return nil
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
