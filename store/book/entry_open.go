package book

import (
	"context"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

type entryRow struct {
	ID       string  `json:"x_id"`
	Tenant   string  `json:"x_tenant"`
	KeyID    *string `json:"x_key"`
	Job      string  `json:"x_job"`
	Step     string  `json:"x_step"`
	Epoch    int64   `json:"x_epoch"`
	Number   int64   `json:"x_number"`
	Purpose  string  `json:"x_purpose"`
	Provider string  `json:"x_provider"`
	Model    string  `json:"x_model"`
	Reserved int64   `json:"x_reserved"`
	Tier     *string `json:"x_tier"`
	Priced   any     `json:"x_priced"`
}

// OpenEntries is OpenEntry for the entries of many jobs in one statement. The entries have
// their ids. Those whose jobs are still held are written, and returned as a set. It must run in
// a transaction.
func (q *Queries) OpenEntries(ctx context.Context, entries []Entry) (map[string]bool, error) {
	opened := make(map[string]bool, len(entries))
	if err := q.OpenEntriesLater(ctx, entries, opened); err != nil {
		return nil, err
	}
	return opened, q.Flush(ctx)
}

// OpenEntriesLater is OpenEntries whose set is filled by a later statement or by the
// commit.
func (q *Queries) OpenEntriesLater(ctx context.Context, entries []Entry, opened map[string]bool) error {
	b, err := q.books()
	if err != nil {
		return err
	}
	clear(opened)
	rows := make([]entryRow, len(entries))
	for i, e := range entries {
		rows[i] = entryRow{
			ID: e.ID, Tenant: e.Tenant, KeyID: db.Optional(e.KeyID), Job: e.Job, Step: e.Step, Epoch: e.Epoch,
			Number: int64(e.Number), Purpose: e.Purpose, Provider: e.Provider, Model: e.Model, Reserved: e.Reserved,
			Tier: db.Optional(e.Tier), Priced: db.Micros(e.Priced),
		}
	}
	for _, e := range entries { // an entry that is refused adds nothing to the sums
		b.written = append(b.written, e.ID)
	}
	return q.LaterThen(ctx, db.Statement{ScanCannotFail: true, Args: []any{db.RowsOf(rows)}, Query: `INSERT INTO entries
		(id, tenant, key_id, job, root, step, epoch, number, purpose, provider, model, state, reserved, tier, priced, day,
			created)
		SELECT x_id, x_tenant, x_key, x_job, ` + rootOfJob + `, x_step, x_epoch, x_number, x_purpose, x_provider, x_model,
			'open', x_reserved, x_tier, x_priced, ` + dayOfTenant("x_tenant") + `, {now}
		FROM {rows $1: x_id text, x_tenant text, x_key text, x_job text, x_step text, x_epoch bigint,
			x_number bigint, x_purpose text, x_provider text, x_model text, x_reserved bigint, x_tier text,
			x_priced bigint}
		JOIN jobs ON jobs.id = x_job AND jobs.epoch = x_epoch WHERE ` + job.StateIn(job.StateRunning) + `
		{lock jobs} RETURNING id`, Each: func(r db.Rows) error {
		var id string
		err := r.Scan(&id)
		opened[id] = true
		return err
	}})
}
