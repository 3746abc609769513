package store

import (
	"context"
	"time"
)

// DeadFilter narrows the jobs that did not succeed. Its zero value takes all.
type DeadFilter struct {
	Tenant string // ten_…
	Noun   string // chat, dream, tune, webhook ...
	Code   string // of the job's error
	Within time.Duration
}

// DeadJobs returns a page of the jobs that failed or expired, whosever they
// were, and whether there are more. Children are left out, for their parent
// failed with them, and so are chats whose client has gone.
func (q *Queries) DeadJobs(ctx context.Context, f DeadFilter, page Page) ([]Job, bool, error) {
	where, args := ` WHERE state IN ('failed', 'expired') AND parent IS NULL AND NOT attached
		AND ($1 = '' OR tenant = $1) AND ($2 = '' OR error_code = $2)
		AND (CAST($3 AS BIGINT) = 0 OR finished > {now} - $3)
		AND ($4 = '' OR (kind >= $4 || '.' AND kind < $4 || '/'))`, // '/' follows '.'
		[]any{f.Tenant, f.Code, f.Within.Microseconds(), f.Noun}
	end, more := page.clause(len(args), "id")
	found, err := q.jobs(ctx, `SELECT `+jobColumns+` FROM jobs`+where+end, append(args, more...)...)
	if err != nil {
		return nil, false, err
	}
	found, hasMore := cut(found, page)
	return found, hasMore, nil
}
