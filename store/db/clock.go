package db

import (
	"context"
	"fmt"
	"time"
)

// Now returns the one clock that processes share.
func (q *Tx) Now(ctx context.Context) (time.Time, error) {
	var us int64
	if err := q.One(ctx, `SELECT {now}`, nil, &us); err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(us).UTC(), nil
}

// ShiftClock sets how far the shared clock runs ahead of the database's own.
// Only tests move it.
func (q *Tx) ShiftClock(ctx context.Context, ahead time.Duration) error {
	if q.dialect == SQLite {
		return q.Must(ctx, ErrNotFound, `UPDATE clock_offset SET us = $1`, ahead.Microseconds())
	}
	_, err := q.Exec(ctx, fmt.Sprintf(`CREATE OR REPLACE FUNCTION dreamlab_now() RETURNS BIGINT
		LANGUAGE sql STABLE PARALLEL SAFE AS
		'SELECT (date_part(''epoch'', statement_timestamp()) * 1000000)::bigint + %d'`, ahead.Microseconds()))
	return err
}
