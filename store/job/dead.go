package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// DeadFilter narrows the jobs that did not succeed. Its zero value takes all.
type DeadFilter struct {
	Tenant string // ten_…
	Noun   string // chat, dream, tune, webhook ...
	Code   string // of the job's error
	Within time.Duration
}

// DeadJobs returns a page of the jobs that failed or expired, whosever they
// were, without input and result, and whether there are more. Children are left out, for their parent
// failed with them, and so are chats whose client has gone.
func (q *ReadQueries) DeadJobs(ctx context.Context, f DeadFilter, page db.Page) ([]Job, bool, error) {
	n := db.Select(`SELECT ` + briefColumns + ` FROM jobs
		WHERE ` + unsuccessful + ` AND state IN ('failed', 'expired') AND parent IS NULL AND NOT attached`)
	n.By(`tenant = ?`, f.Tenant)
	n.By(`error_code = ?`, f.Code)
	n.By(`finished > {now} - ?`, f.Within.Microseconds())
	n.By(ofNoun, f.Noun)
	return q.jobsPage(ctx, n, page)
}
