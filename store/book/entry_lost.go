package book

import (
	"context"
	"strings"

	"dreamlab/store/db"
)

// Lost counts the entries whose outcome was lost, for one purpose and cause.
type Lost struct {
	Purpose string // chat, replay, evaluate ...
	Cause   string // lease expired, or the kind of the vendor's error
	Tries   int
	Repaid  int // of these, calls that were paid for again
}

// LostTries counts the entries of all tenants whose outcome was lost. One purpose and cause may
// come in several parts.
func (q *Queries) LostTries(ctx context.Context) ([]Lost, error) {
	var all []Lost
	err := q.Each(ctx, `SELECT purpose, cause, count(*), CAST(sum(again) AS BIGINT) FROM (
			SELECT e.purpose, coalesce(e.cause, '') AS cause, CASE WHEN EXISTS (SELECT 1 FROM entries l
				WHERE l.job = e.job AND l.step = e.step AND l.id > e.id AND l.state <> 'void') THEN 1 ELSE 0 END AS again
			FROM entries e WHERE e.lost IS NOT NULL) AS lost
		GROUP BY purpose, cause`, nil, func(rows db.Rows) error {
		var one Lost
		err := rows.Scan(&one.Purpose, &one.Cause, &one.Tries, &one.Repaid)
		one.Cause, _, _ = strings.Cut(one.Cause, ":") // after the colon stands the vendor's own word
		all = append(all, one)
		return err
	})
	return all, err
}
