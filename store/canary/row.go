package canary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dreamlab/store/db"
)

// Queries are the statements of this package.
type Queries struct{ *db.Tx }

// AddCanary stores a new canary, which counts chats from now on. It fails with db.ErrConflict while the alias has another that is
// open.
func (q *Queries) AddCanary(ctx context.Context, c Canary) error {
	_, err := q.Exec(ctx, `INSERT INTO canaries (id, tenant, alias, tune, candidate, champion, plan, route, step, state,
		reason, placed, origin, seen, tests, cursor, version, stepped, created, shown)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
		COALESCE((SELECT MAX(id) FROM jobs WHERE tenant = $2 AND alias = $3 AND finished IS NOT NULL AND parent IS NULL), ''),
		1, {now}, {now}, CASE WHEN $16 THEN {now} END)`,
		c.ID, c.Tenant, c.Alias, c.Tune, c.Candidate, c.Champion, db.Encode(c.Plan), db.Encode(c.Route), int64(c.Step),
		string(c.State), c.Reason, c.Placed, c.Origin, db.Encode(c.Seen), string(c.Tests), c.Share() > 0)
	return err
}

const columns = `id, tenant, alias, tune, candidate, champion, plan, route, step, state, reason, placed, origin, seen, tests,
	cursor, version, stepped, shown, created, finished`

func scan(scan func(...any) error) (Canary, error) {
	var c Canary
	var plan, route, seen, tests string
	var stepped, shown, created, finished *int64
	err := scan(&c.ID, &c.Tenant, &c.Alias, &c.Tune, &c.Candidate, &c.Champion, &plan, &route, &c.Step, &c.State, &c.Reason,
		&c.Placed, &c.Origin, &seen, &tests, &c.Cursor, &c.Version, &stepped, &shown, &created, &finished)
	if err != nil {
		return c, err
	}
	c.Tests = []byte(tests)
	c.Stepped, c.Shown = db.TimeOf(stepped), db.TimeOf(shown)
	c.Created, c.Finished = db.TimeOf(created), db.TimeOf(finished)
	return c, errors.Join(json.Unmarshal([]byte(plan), &c.Plan), json.Unmarshal([]byte(route), &c.Route),
		json.Unmarshal([]byte(seen), &c.Seen))
}

// Canary finds a tenant's canary.
func (q *Queries) Canary(ctx context.Context, tenant, id string) (Canary, error) {
	return db.Read(ctx, q.Tx, scan, `SELECT `+columns+` FROM canaries WHERE tenant = $1 AND id = $2`, tenant, id)
}

// OpenCanary finds the open canary of a tenant's alias.
func (q *Queries) OpenCanary(ctx context.Context, tenant, alias string) (Canary, error) {
	return db.Read(ctx, q.Tx, scan, `SELECT `+columns+` FROM canaries WHERE tenant = $1 AND alias = $2
		AND finished IS NULL`, tenant, alias)
}

// OpenCanaries returns a tenant's canaries that are open, or those of all tenants where it is "":
// an alias has one at most.
func (q *Queries) OpenCanaries(ctx context.Context, tenant string) ([]Canary, error) {
	var open []Canary
	err := db.Stream(ctx, q.Tx, scan, func(c Canary) error {
		open = append(open, c)
		return nil
	}, `SELECT `+columns+` FROM canaries WHERE finished IS NULL AND ($1 = '' OR tenant = $1) ORDER BY tenant, alias`, tenant)
	return open, err
}

// SetCanary stores a canary if its row is still at the version that the caller read. Otherwise, as
// when two move it at once, it fails with db.ErrConflict. A move restarts the time of its step.
func (q *Queries) SetCanary(ctx context.Context, c Canary, moved bool) error {
	n, err := q.Exec(ctx, `UPDATE canaries SET step = $3, state = $4, reason = $5, placed = $6, seen = $7, tests = $8,
		cursor = $9, version = version + 1, stepped = CASE WHEN $10 THEN {now} ELSE stepped END,
		finished = CASE WHEN $11 THEN {now} END, origin = $12,
		shown = CASE WHEN $13 AND shown IS NULL THEN {now} ELSE shown END WHERE id = $1 AND version = $2`,
		c.ID, c.Version, int64(c.Step), string(c.State), c.Reason, c.Placed, db.Encode(c.Seen), string(c.Tests), c.Cursor,
		moved, !c.State.Open(), c.Origin, c.Share() > 0)
	if err == nil && n == 0 {
		err = fmt.Errorf("canary %s was moved since version %d: %w", c.ID, c.Version, db.ErrConflict)
	}
	return err
}
