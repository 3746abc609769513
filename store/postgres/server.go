package postgres

import (
	"context"
	"fmt"

	"dreamlab/store/db"
)

// Server is what a server says of itself and of its room.
type Server struct {
	// Pooled tells that a pooler stands before it.
	Pooled bool
	// Writable tells that it takes writes.
	Writable bool
	// Most is its max_connections, of which Reserved are for its operators alone.
	Most, Reserved int64
	// Pool is how many connections this process may open.
	Pool int64
}

// Server asks the server.
func (d *Driver) Server(ctx context.Context) (Server, error) {
	s := Server{Pooled: d.pooled, Pool: int64(cap(d.synced.permits) + cap(d.relaxed.permits))}
	var mode string
	rows, err := d.Query(ctx, `SELECT current_setting('max_connections')::bigint,
		current_setting('superuser_reserved_connections')::bigint, current_setting('transaction_read_only')`)
	if err == nil {
		err = db.EachRow(rows, func(r db.Rows) error { return r.Scan(&s.Most, &s.Reserved, &mode) })
	}
	if err != nil {
		return Server{}, fmt.Errorf("ask the server for its settings: %w", err)
	}
	s.Writable = mode == "off"
	return s, nil
}
