package engine

import (
	"context"
	"fmt"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// acceptMax is how many jobs of AcceptAll share a commit.
const acceptMax = 1000

// AcceptAll takes many jobs in and answers for each, in order. A thousand at a
// time share a commit, which is synced; where one fails the answers of those
// before it stand, and the error tells how many there are. Jobs of clients that
// wait, and jobs with more to store, are for Accept.
func (e *Engine) AcceptAll(ctx context.Context, jobs []job.NewJob) ([]job.Accepted, error) {
	out := make([]job.Accepted, 0, len(jobs))
	for from := 0; from < len(jobs); from += acceptMax {
		some, err := e.acceptSome(ctx, jobs[from:min(from+acceptMax, len(jobs))])
		if err != nil {
			return out, fmt.Errorf("accept jobs, all but the first %d: %w", len(out), err)
		}
		out = append(out, some...)
	}
	return out, nil
}

func (e *Engine) acceptSome(ctx context.Context, jobs []job.NewJob) ([]job.Accepted, error) {
	all := make([]*acceptance, len(jobs))
	for i := range jobs {
		all[i] = &acceptance{job: jobs[i]}
		if err := e.prepare(ctx, &all[i].job); err != nil {
			return nil, err
		}
		// They may share wake-ups, because one call delivers all of them.
		all[i].job.Bundle = tasks.Kind(all[i].job.Kind).WakeSize()
	}
	if err := e.acceptTogether(ctx, all); err != nil {
		return nil, err
	}
	out := make([]job.Accepted, len(all))
	var made []job.Job
	for i, a := range all {
		out[i] = a.out
		if a.out.Err == nil && !a.out.Existed {
			e.metrics.accepted.WithLabelValues(a.job.Lane).Inc()
			made = append(made, a.out.Job)
		}
	}
	e.deliver(ctx, made)
	return out, nil
}
