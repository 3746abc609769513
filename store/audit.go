package store

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// Audit says who changed what.
type Audit struct {
	ID      string
	Tenant  string
	Key     string
	Action  string // the route's method and pattern
	Subject string // the ids in its path
	Request string // x-request-id
	Created time.Time
}

// AddAudit writes down a change.
func (q *Queries) AddAudit(ctx context.Context, a Audit) error {
	_, err := q.Exec(ctx, `INSERT INTO audit (id, tenant, key_id, action, subject, request, created)
		VALUES ($1, $2, $3, $4, $5, $6, {now})`, db.NewID("aud_"), a.Tenant, a.Key, a.Action, a.Subject, a.Request)
	return err
}

const auditColumns = `id, tenant, key_id, action, subject, request, created`

func scanAudit(scan func(...any) error) (Audit, error) {
	var a Audit
	var created *int64
	err := scan(&a.ID, &a.Tenant, &a.Key, &a.Action, &a.Subject, &a.Request, &created)
	a.Created = db.TimeOf(created)
	return a, err
}

// Audit returns one change of a tenant's.
func (q *Queries) Audit(ctx context.Context, tenant, id string) (Audit, error) {
	return db.Read(ctx, q.Tx, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE id = $1 AND tenant = $2`, id, tenant)
}

// Audits lists a tenant's changes.
func (q *Queries) Audits(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Audit, bool, error) {
	n := db.Select(`SELECT `+auditColumns+` FROM audit WHERE tenant = $1`, tenant)
	n.By(`key_id = ?`, f.Key)
	n.Mentions(f.Text, `id`, `subject`, `action`)
	return db.List(ctx, q.Tx, p, scanAudit, n.Query, n.Args...)
}

// PruneAudits deletes a bounded number of changes that were made longer ago than the given age, and
// returns how many: call it until it returns 0. Their ids are in the order of their making.
func (q *Queries) PruneAudits(ctx context.Context, older time.Duration) (int64, error) {
	return q.Exec(ctx, `DELETE FROM audit WHERE id IN (
		SELECT id FROM (SELECT id, created FROM audit ORDER BY id LIMIT 500) AS first WHERE created < {now} - $1)`, older.Microseconds())
}
