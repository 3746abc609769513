package dream

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// maxRedo is how many children a dream makes for a stage that one of them is to
// do: each has attempts of its own, with pauses between them.
const maxRedo = 3

// redo makes another child for a stage whose only child did not succeed. It
// returns nil where one did, and fails the dream with the cause where the last
// maxRedo of them did not: another dream can then be started. A retry of the dream
// begins to count anew.
func (w *worker) redo(ctx context.Context, run *tasks.Run, d learn.Dream, kind tasks.Kind) (*tasks.End, error) {
	since, err := lastFailure(ctx, run)
	if err != nil {
		return nil, err
	}
	var cause *job.Error
	tried, done := 0, false
	err = eachChild(ctx, run, kind, func(j job.Job) error {
		done = done || j.State == job.StateSucceeded
		if j.Created.After(since) {
			cause = j.Error
			tried++
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case done:
		return nil, nil //nolint:nilnil // there is nothing to be done again
	case tried >= maxRedo:
		return nil, stageFailed(kind, tried, cause)
	}
	again := child(run, kind, tasks.DreamPart{Dream: d.ID})
	return &tasks.End{State: job.StateWaiting, Children: []job.NewJob{again}}, nil
}

func stageFailed(kind tasks.Kind, tried int, cause *job.Error) *tasks.Failure {
	if cause == nil {
		return tasks.Fail("internal", "%s did not succeed in %d jobs: retry the dream", kind, tried)
	}
	return tasks.Fail(cause.Code, "%s did not succeed in %d jobs, the last with: %s", kind, tried, cause.Message)
}

// lastFailure returns when the last failed attempt at the dream's own job ended.
func lastFailure(ctx context.Context, run *tasks.Run) (time.Time, error) {
	attempts, err := run.Store.Attempts(ctx, run.Job.ID)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the dream's attempts: %w", err)
	}
	for _, a := range attempts {
		if a.Outcome == string(job.StateFailed) {
			return a.Ended, nil
		}
	}
	return time.Time{}, nil
}
