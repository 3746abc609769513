package store

import (
	"context"
	"strings"
)

// Lost counts the tries whose outcome was lost, of one cause.
type Lost struct {
	Cause  string // lease expired, or the kind of the vendor's error
	Tries  int
	Repaid int // of which the same question was paid for again
}

// LostTries counts all tries whose outcome was lost, whosever they were.
func (q *Queries) LostTries(ctx context.Context) ([]Lost, error) {
	var all []Lost
	err := q.each(ctx, `SELECT cause, count(*), CAST(sum(again) AS BIGINT) FROM (
			SELECT coalesce(e.cause, '') AS cause, CASE WHEN EXISTS (SELECT 1 FROM entries l
				WHERE l.job = e.job AND l.step = e.step AND l.id > e.id AND l.state <> 'void') THEN 1 ELSE 0 END AS again
			FROM entries e WHERE e.state = 'unknown') AS lost
		GROUP BY cause ORDER BY cause`, nil, func(rows Rows) error {
		var one Lost
		err := rows.Scan(&one.Cause, &one.Tries, &one.Repaid)
		one.Cause, _, _ = strings.Cut(one.Cause, ":") // what stands behind is the vendor's own word
		all = append(all, one)
		return err
	})
	return sumLost(all), err
}

// sumLost adds up what has one cause now; the rows come in its order.
func sumLost(all []Lost) []Lost {
	var sums []Lost
	for _, one := range all {
		last := len(sums) - 1
		if last < 0 || sums[last].Cause != one.Cause {
			sums = append(sums, one)
			continue
		}
		sums[last].Tries += one.Tries
		sums[last].Repaid += one.Repaid
	}
	return sums
}
