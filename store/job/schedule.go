package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// Schedule says when something fires.
type Schedule struct {
	ID   string // a name: dream-nightly
	Spec string // cron, five fields, or @every …
	Zone string // IANA name. Defaults to UTC.
	// Misfire says what happens to ticks that were missed because no scheduler ran: once (all
	// of them fire as one) or skip. Defaults to once.
	Misfire string
	// Overlap says whether a tick fires while the job of the previous tick is open: skip or
	// allow. Defaults to skip.
	Overlap string
	Author  string // the configuration or the API key that made it; "" where it is unknown
	Next    time.Time
	Last    time.Time // zero: never
}

const scheduleColumns = `id, spec, zone, misfire, overlap, author, next_at, last_at`

// PutSchedule makes a schedule, or changes it. Next is changed only where the schedule is new
// or has another spec or zone than before.
func (q *ScheduleQueries) PutSchedule(ctx context.Context, s Schedule) error {
	_, err := q.Exec(ctx, `INSERT INTO schedules (id, spec, zone, misfire, overlap, author, next_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, zone = excluded.zone,
			misfire = excluded.misfire, overlap = excluded.overlap, author = excluded.author,
			next_at = CASE WHEN schedules.spec = excluded.spec AND schedules.zone = excluded.zone
				THEN schedules.next_at ELSE excluded.next_at END`,
		s.ID, s.Spec, s.Zone, s.Misfire, s.Overlap, s.Author, s.Next.UnixMicro())
	return err
}

// DropSchedules removes the schedules of an author, except those that are named, and returns
// the removed ones.
func (q *ScheduleQueries) DropSchedules(ctx context.Context, author string, but []string) ([]string, error) {
	gone := []string{}
	if but == nil {
		but = []string{}
	}
	err := q.Each(ctx, `DELETE FROM schedules WHERE author = $1 AND id NOT IN ({list $2}) RETURNING id`,
		[]any{author, db.Encode(but)}, func(rows db.Rows) error {
			var id string
			err := rows.Scan(&id)
			gone = append(gone, id)
			return err
		})
	return gone, err
}

// Schedules returns all schedules by name. They are few, because the operator writes them.
func (q *ScheduleQueries) Schedules(ctx context.Context) ([]Schedule, error) {
	return q.schedules(ctx, `SELECT `+scheduleColumns+` FROM schedules ORDER BY id`)
}

// DueSchedules returns the schedules that are due. Those that another process has locked are
// skipped.
func (q *ScheduleQueries) DueSchedules(ctx context.Context) ([]Schedule, error) {
	return q.schedules(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE next_at <= {now}
		ORDER BY next_at LIMIT 100 {skip}`)
}

// AdvanceSchedule records that a tick was handled. It fails with ErrNotFound where that tick is
// no longer the next one.
func (q *ScheduleQueries) AdvanceSchedule(ctx context.Context, id string, last, next time.Time) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE schedules SET last_at = $2, next_at = $3 WHERE id = $1 AND next_at = $2`,
		id, last.UnixMicro(), next.UnixMicro())
}

// HasOpenJob tells whether a tenant has a job for the subject that has not ended.
func (q *ScheduleQueries) HasOpenJob(ctx context.Context, tenant, subject string) (bool, error) {
	var open bool
	err := q.One(ctx, `SELECT EXISTS (SELECT 1 FROM jobs WHERE tenant = $1 AND subject = $2
		AND state IN ('queued', 'dispatched', 'running', 'waiting'))`, []any{tenant, subject}, &open)
	return open, err
}

func (q *ScheduleQueries) schedules(ctx context.Context, query string) ([]Schedule, error) {
	var all []Schedule
	err := q.Each(ctx, query, nil, func(rows db.Rows) error {
		var s Schedule
		var next int64
		var last *int64
		err := rows.Scan(&s.ID, &s.Spec, &s.Zone, &s.Misfire, &s.Overlap, &s.Author, &next, &last)
		s.Next, s.Last = time.UnixMicro(next).UTC(), db.TimeOf(last)
		all = append(all, s)
		return err
	})
	return all, err
}
