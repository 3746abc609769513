package book

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/store/db"
)

// usageLag is how long after its end a day is summed. A call is in its day before that: no
// transaction takes an hour.
const usageLag = time.Hour

// usageMark tells how far a tenant's entries are summed.
type usageMark struct {
	summed int64 // the first UTC day that is not in the sums
	pruned int64 // the first UTC day that still has all its entries
}

func (q *Queries) usageMark(ctx context.Context, tenant string) (usageMark, error) {
	var m usageMark
	err := q.One(ctx, `SELECT summed, pruned FROM usage_marks WHERE tenant = $1`, []any{tenant}, &m.summed, &m.pruned)
	if errors.Is(err, db.ErrNotFound) {
		return usageMark{}, nil
	}
	return m, err
}

// days returns the whole UTC days [first, end) of the span that are summed. Those whose entries
// are deleted count whole, even where the span begins or ends within them.
func (s Span) days(m usageMark) (first, end int64) {
	if s.By == "job" || s.Interval == Hourly {
		return 0, 0 // the sums know neither jobs nor hours
	}
	from, to := s.From.UnixMicro(), s.To.UnixMicro()
	first, end = (from+microsADay-1)/microsADay, to/microsADay
	if from/microsADay < m.pruned {
		first = from / microsADay
	}
	if end < m.pruned && to%microsADay > 0 {
		end++
	}
	return first, min(end, m.summed)
}

// columns of a part of the sums that a span is put together of, and what is summed of them.
const (
	entryParts = `COUNT(CASE WHEN e.purpose NOT IN ('train', 'host') THEN 1 END) AS calls,
		SUM(CASE WHEN e.state IN ('open', 'unknown') THEN e.reserved ELSE 0 END) AS reserved, SUM(e.settled) AS settled,
		SUM(e.input) AS input, SUM(e.output) AS output, COUNT(CASE WHEN e.state = 'unknown' THEN 1 END) AS lost`
	dayParts = `SUM(e.calls) AS calls, 0 AS reserved, SUM(e.settled) AS settled, SUM(e.input) AS input,
		SUM(e.output) AS output, 0 AS lost`
	partSums = `CAST(SUM(calls) AS BIGINT), CAST(SUM(reserved) AS BIGINT), CAST(SUM(settled) AS BIGINT),
		CAST(SUM(input) AS BIGINT), CAST(SUM(output) AS BIGINT), CAST(SUM(lost) AS BIGINT)`
)

// statement reads the sums of the span: of summed days from the sums and of what was open in
// them, of the time before and behind them from the entries. It is one statement, so that an entry
// that moves from one place to another is seen in one of them.
func (s Span) statement(m usageMark) (string, []any) {
	group := spendGroups[s.By] + ` AS g, ` + spendStarts[s.Interval] + ` AS start, `
	made := func(from, to int) string {
		return fmt.Sprintf(`SELECT %s%s FROM entries e WHERE e.tenant = $1 AND e.created >= $%d AND e.created < $%d GROUP BY 1, 2`,
			group, entryParts, from, to)
	}
	parts := []string{made(2, 3)}
	args := []any{s.Tenant, s.From.UnixMicro(), s.To.UnixMicro()}
	if first, end := s.days(m); first < end {
		parts = []string{
			made(2, 4), made(5, 3),
			`SELECT ` + group + dayParts + ` FROM usage_days e WHERE e.tenant = $1 AND e.utc_day >= $6 AND e.utc_day < $7 GROUP BY 1, 2`,
			`SELECT ` + group + entryParts + ` FROM usage_open o JOIN entries e ON e.id = o.entry
				WHERE o.tenant = $1 AND o.utc_day >= $6 AND o.utc_day < $7 GROUP BY 1, 2`,
		}
		args = append(args, first*microsADay, end*microsADay, first, end)
	}
	args = append(args, int64(maxSpends+1))
	return fmt.Sprintf(`SELECT g, start, %s FROM (%s) AS parts GROUP BY g, start ORDER BY start, g LIMIT $%d`,
		partSums, strings.Join(parts, "\nUNION ALL "), len(args)), args
}

// UsageTenants returns the tenants that have days to sum, some after the given one.
func (q *Queries) UsageTenants(ctx context.Context, after string, most int) ([]string, error) {
	var ids []string
	err := q.Words(ctx, &ids, `SELECT t.id FROM tenants t LEFT JOIN usage_marks m ON m.tenant = t.id
		WHERE t.id > $1 AND coalesce(m.summed, 0) < ({now} - $2) / 86400000000 ORDER BY t.id LIMIT $3`,
		after, usageLag.Microseconds(), int64(most))
	return ids, err
}

// SumUsage adds a day (UTC) of a tenant that is over to the sums that usage is read from, the first
// one that is not in them, and what was open in the days before it and has been settled since. It
// returns false once there is nothing more to add: call it until then. It must run in a transaction.
//
// Only entries that are settled or void are in the sums: they change no more, so that no call has
// to look at the sums. What is open or lost stands in a list, until it is settled.
func (q *Queries) SumUsage(ctx context.Context, tenant string) (bool, error) {
	if _, err := q.Exec(ctx, `INSERT INTO usage_marks (tenant, summed, pruned, swept) VALUES ($1, 0, 0, 0)
		ON CONFLICT DO NOTHING`,
		tenant); err != nil {
		return false, err
	}
	var summed, over int64
	err := q.One(ctx, `SELECT summed, ({now} - $2) / 86400000000 FROM usage_marks WHERE tenant = $1 {lock}`,
		[]any{tenant, usageLag.Microseconds()}, &summed, &over)
	if err != nil || summed >= over {
		return false, err
	}
	if more, err := q.sumEnded(ctx, tenant); err != nil || more {
		return more, err
	}
	day, err := q.nextDay(ctx, tenant, summed, over)
	if err != nil {
		return false, err
	}
	if day < over {
		err = q.sumDay(ctx, tenant, day)
	}
	if err != nil {
		return false, err
	}
	_, err = q.Exec(ctx, `UPDATE usage_marks SET summed = $2 WHERE tenant = $1`, tenant, min(day+1, over))
	return day+1 < over, err
}

// nextDay returns the first of the days that has entries, or else the end.
func (q *Queries) nextDay(ctx context.Context, tenant string, first, end int64) (int64, error) {
	var made int64
	err := q.One(ctx, `SELECT created FROM entries WHERE tenant = $1 AND created >= $2 AND created < $3
		ORDER BY created LIMIT 1`, []any{tenant, first * microsADay, end * microsADay}, &made)
	if errors.Is(err, db.ErrNotFound) {
		return end, nil
	}
	return made / microsADay, err
}

// sumDay adds the entries of a day. Those that are not settled are listed first: one that is settled
// between the two statements stays on the list.
func (q *Queries) sumDay(ctx context.Context, tenant string, day int64) error {
	args := []any{tenant, day, day * microsADay, (day + 1) * microsADay}
	_, err := q.Exec(ctx, `INSERT INTO usage_open (tenant, utc_day, entry) SELECT tenant, $2, id FROM entries
		WHERE tenant = $1 AND created >= $3 AND created < $4 AND state IN ('open', 'unknown')`, args...)
	if err != nil {
		return err
	}
	_, err = q.Exec(ctx, addUsage(`e.tenant = $1 AND e.created >= $3 AND e.created < $4
		AND NOT EXISTS (SELECT 1 FROM usage_open o WHERE o.tenant = $1 AND o.utc_day = $2 AND o.entry = e.id)`), args...)
	return err
}

// sumEnded adds entries of the list that are settled by now, a bounded number. It returns whether
// there may be more.
func (q *Queries) sumEnded(ctx context.Context, tenant string) (bool, error) {
	const most = 2000
	var ids []string
	err := q.Words(ctx, &ids, `SELECT o.entry FROM usage_open o JOIN entries e ON e.id = o.entry
		WHERE o.tenant = $1 AND e.state IN ('settled', 'void') ORDER BY o.utc_day, o.entry LIMIT $2`, tenant, int64(most))
	if err != nil || len(ids) == 0 {
		return false, err
	}
	list := db.Encode(ids)
	if _, err := q.Exec(ctx, addUsage(`e.id IN ({list $1})`), list); err != nil {
		return false, err
	}
	_, err = q.Exec(ctx, `DELETE FROM usage_open WHERE tenant = $1 AND entry IN ({list $2})`, tenant, list)
	return len(ids) == most, err
}

// addUsage is the statement that adds the entries of a condition to the sums.
func addUsage(condition string) string {
	return `INSERT INTO usage_days (tenant, utc_day, day, purpose, key_id, provider, model, calls, settled, input, output)
		SELECT e.tenant, e.created / 86400000000, e.day, e.purpose, coalesce(e.key_id, ''), e.provider, e.model,
			COUNT(CASE WHEN e.purpose NOT IN ('train', 'host') THEN 1 END), CAST(SUM(e.settled) AS BIGINT),
			CAST(SUM(e.input) AS BIGINT), CAST(SUM(e.output) AS BIGINT)
		FROM entries e WHERE ` + condition + ` GROUP BY 1, 2, 3, 4, 5, 6, 7
		ON CONFLICT (tenant, utc_day, day, purpose, key_id, provider, model) DO UPDATE
		SET calls = usage_days.calls + excluded.calls, settled = usage_days.settled + excluded.settled,
			input = usage_days.input + excluded.input, output = usage_days.output + excluded.output`
}
