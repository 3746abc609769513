package store

import (
	"context"

	"dreamlab/store/db"
)

// Limit bounds how often and how much a tenant's keys ask in any minute, and how much of it waits.
type Limit struct {
	Tenant   string
	Key      string // its id; "": all keys together
	Model    string // as a client names it; "": all models together
	Requests int64  // per minute; 0: any number
	Tokens   int64  // per minute; 0: any number
	Burst    int64  // requests that may come at once; 0: a tenth of a minute's
	Streams  int64  // of answers, that may be open at once; 0: any number
	Queued   int64  // jobs that may wait in a lane, of all keys and models; 0: as the configuration says
}

// Limits returns the limits of a tenant.
func (q *Queries) Limits(ctx context.Context, tenant string) ([]Limit, error) {
	var all []Limit
	err := q.Each(ctx, `SELECT tenant, key_id, model, requests, tokens, burst, queued, streams FROM limits WHERE tenant = $1
		ORDER BY key_id, model`, []any{tenant}, func(r db.Rows) error {
		var l Limit
		err := r.Scan(&l.Tenant, &l.Key, &l.Model, &l.Requests, &l.Tokens, &l.Burst, &l.Queued, &l.Streams)
		all = append(all, l)
		return err
	})
	return all, err
}

// SetLimits replaces the limits of a tenant, in a transaction. Two of one key and model
// fail with ErrConflict.
func (q *Queries) SetLimits(ctx context.Context, tenant string, limits []Limit) error {
	if _, err := q.Exec(ctx, `DELETE FROM limits WHERE tenant = $1`, tenant); err != nil {
		return err
	}
	for _, l := range limits {
		if _, err := q.Exec(ctx, `INSERT INTO limits (tenant, key_id, model, requests, tokens, burst, queued, streams)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, tenant, l.Key, l.Model, l.Requests, l.Tokens, l.Burst, l.Queued,
			l.Streams); err != nil {
			return err
		}
	}
	return nil
}
