package storetest

import (
	"context"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

// FinishJob ends one attempt by FinishJobs. It fails with ErrFenced, and has done nothing,
// unless the job is running under the epoch.
func FinishJob(ctx context.Context, q *store.Queries, f job.Finish) ([]job.Moved, error) {
	ended, err := q.FinishJobs(ctx, []job.Finish{f})
	if err != nil {
		return nil, err
	}
	if ended[0] == nil {
		return nil, db.ErrFenced
	}
	return ended[0], nil
}
