package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
)

// facts reads what a decision on a tenant rests on.
func (t *ticker) facts(ctx context.Context, q *store.Queries, now time.Time, tenant string) (facts, error) {
	f := facts{Now: now}
	var err error
	if f.Fresh, err = q.FreshCount(ctx, tenant, t.Settings.Threshold); err != nil {
		return f, fmt.Errorf("count fresh experiences: %w", err)
	}
	if f.Fresh < t.Settings.Threshold {
		return f, nil // nothing else matters
	}
	_, err = q.RunningDream(ctx, tenant)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return f, fmt.Errorf("look for a running dream: %w", err)
	}
	f.Running = err == nil
	if f.Left, f.Capped, err = t.Caller.BudgetLeft(ctx, q.Book(), book.Entry{Tenant: tenant, Purpose: "critique"}); err != nil {
		return f, err
	}
	return f, t.history(ctx, q, tenant, &f)
}

// maxHistory is how many of a tenant's dreams are looked at.
const maxHistory = 100

func (t *ticker) history(ctx context.Context, q *store.Queries, tenant string, f *facts) error {
	dreams, _, err := q.Dreams(ctx, tenant, db.Filter{}, db.Page{Limit: maxHistory})
	if err != nil {
		return fmt.Errorf("list dreams: %w", err)
	}
	year, month, day := f.Now.In(t.Settings.Zone).Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, t.Settings.Zone)
	var ended []learn.Dream
	f.Starts, ended = recent(dreams, midnight)
	f.Recent, err = outcomes(ctx, q.Book(), ended)
	return err
}

// recent counts the dreams that were started since midnight, and returns the last ones
// that ended by themselves, failed ones too: they were paid for and kept nothing.
func recent(dreams []learn.Dream, midnight time.Time) (starts int, ended []learn.Dream) {
	for _, d := range dreams {
		if d.Counts.Experiences == 0 && d.Status.Ended() {
			continue // a dry run, or there was nothing to dream of
		}
		if !d.Created.Before(midnight) {
			starts++
		}
		byItself := d.Status == job.StateSucceeded || d.Status == job.StateFailed
		if byItself && len(ended) < breakerDreams {
			ended = append(ended, d)
		}
	}
	return starts, ended
}

// outcomes tells what dreams came to, and what they cost.
func outcomes(ctx context.Context, q *book.Queries, dreams []learn.Dream) ([]outcome, error) {
	jobs := make([]string, len(dreams))
	for i, d := range dreams {
		jobs[i] = d.Job
	}
	spends, err := q.JobSpends(ctx, jobs)
	if err != nil {
		return nil, fmt.Errorf("sum the dreams' spending: %w", err)
	}
	all := make([]outcome, len(dreams))
	for i, d := range dreams {
		cost := spends[d.Job].Reserved + spends[d.Job].Settled
		all[i] = outcome{Ended: d.Finished, Kept: d.Counts.Kept, Cost: cost}
	}
	return all, nil
}
