package store

import (
	"context"
	"time"
)

// Model is a tuned model of ours.
type Model struct {
	Name        string // provider/vendor's name
	Tenant      string
	Alias       string
	Provider    string
	Base        string // provider/model
	Tune        string
	Training    string
	Handle      string // the deployment's, for the vendor
	State       string // candidate, serving, stopped
	Priced      string // the catalogue's model whose token prices hold
	NanoPerHour int64  // hosting
	Created     time.Time
}

// AddModel registers a tuned model; what is known under its name stays.
func (q *Queries) AddModel(ctx context.Context, m Model) error {
	_, err := q.exec(ctx, `INSERT INTO models (name, tenant, alias, provider, base, tune, training, handle, state,
		priced, nano_per_hour, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, {now}) ON CONFLICT (name) DO NOTHING`,
		m.Name, m.Tenant, m.Alias, m.Provider, m.Base, text(m.Tune), text(m.Training), text(m.Handle), m.State,
		m.Priced, m.NanoPerHour)
	return err
}

const modelColumns = `name, tenant, alias, provider, base, tune, training, handle, state, priced, nano_per_hour, created`

func scanModel(scan func(...any) error) (Model, error) {
	var m Model
	var tune, training, handle *string
	var created *int64
	err := scan(&m.Name, &m.Tenant, &m.Alias, &m.Provider, &m.Base, &tune, &training, &handle, &m.State,
		&m.Priced, &m.NanoPerHour, &created)
	m.Tune, m.Training, m.Handle, m.Created = deref(tune), deref(training), deref(handle), timeOf(created)
	return m, err
}

// Model finds a tenant's tuned model by name.
func (q *Queries) Model(ctx context.Context, tenant, name string) (Model, error) {
	return read(ctx, q, scanModel, `SELECT `+modelColumns+` FROM models WHERE tenant = $1 AND name = $2`, tenant, name)
}

// Models lists a tenant's tuned models, by name.
func (q *Queries) Models(ctx context.Context, tenant string, p Page) ([]Model, bool, error) {
	return listBy(ctx, q, p, "name", scanModel, `SELECT `+modelColumns+` FROM models WHERE tenant = $1`, tenant)
}

// SetModelState moves a tuned model through its life.
func (q *Queries) SetModelState(ctx context.Context, name, state string) error {
	return q.must(ctx, ErrNotFound, `UPDATE models SET state = $2 WHERE name = $1`, name, state)
}
