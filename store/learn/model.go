package learn

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"dreamlab/store/db"
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
	Handle      json.RawMessage // the deployment's, for the vendor's driver alone
	State       string          // one of the states below
	Priced      string          // the catalogue's model whose token prices hold
	NanoPerHour int64           // hosting
	PerToken    bool            // each token is paid, beside the hours
	Window      time.Duration   // it runs while it is asked and is paid by such windows; 0: by the hour
	Created     time.Time
	Started     time.Time     // when its deployment was started last
	Cold        time.Duration // what a start of it takes; 0 while unknown
	Tainted     time.Time     // when a conversation was forgotten that it learned from
	Aged        time.Time     // when one was deleted for its age
}

// The states of a tuned model. Only a candidate and a model that serves or starts cost anything.
const (
	ModelTrained   = "trained"   // known at its vendor, served nowhere
	ModelCandidate = "candidate" // served, without traffic
	ModelServing   = "serving"
	ModelStarting  = "starting"    // its deployment is being started again
	ModelAsleep    = "asleep"      // stopped outside the hours of hosting
	ModelCapped    = "over_budget" // stopped while the budget has no hour left
	ModelStopped   = "stopped"     // served no more
)

// Standby tells whether a model's deployment does not run now though routes may name the model.
func (m Model) Standby() bool {
	return m.State == ModelStarting || m.State == ModelAsleep || m.State == ModelCapped
}

// AddModel registers a tuned model. A model that is registered under its name stays unchanged.
func (q *TuneQueries) AddModel(ctx context.Context, m Model) error {
	_, err := q.Exec(ctx, `INSERT INTO models (name, tenant, alias, provider, base, tune, training, handle,
		state,
		priced, nano_per_hour, per_token, billed_window, created, started, tainted)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, {now}, {now}, (SELECT tainted FROM tunes WHERE id = $6)
		WHERE TRUE ON CONFLICT (name) DO NOTHING`,
		m.Name, m.Tenant, m.Alias, m.Provider, m.Base, db.Text(m.Tune), db.Text(m.Training), db.Text(string(m.Handle)), m.State,
		m.Priced, m.NanoPerHour, m.PerToken, m.Window.Microseconds())
	return err
}

// Hosted tells whether a model's deployment costs something, or may.
func (m Model) Hosted() bool {
	return m.State == ModelCandidate || m.State == ModelServing || m.State == ModelStarting
}

// ReviveModel makes a model that is registered already the candidate of another tune, on the deployment that this one
// started, as of a time, and returns what it was. One that was hosted keeps its start, by which its hours are counted.
// It fails with db.ErrNotFound where no model has the name, and must run in a transaction.
func ReviveModel(ctx context.Context, q *TuneQueries, m Model, at time.Time) (was Model, err error) {
	was, err = db.Read(ctx, q.Tx, scanModel, `SELECT `+modelColumns+` FROM models WHERE tenant = $1 AND name = $2 {lock}`,
		m.Tenant, m.Name)
	if err != nil {
		return was, err
	}
	if was.Hosted() {
		at, m.State = was.Started, was.State
	}
	_, err = q.Exec(ctx, `UPDATE models SET alias = $2, tune = $3, training = $4, handle = $5, state = $6, nano_per_hour = $7,
		per_token = $8, billed_window = $9, started = $10, withdrawn = NULL,
		tainted = coalesce(tainted, (SELECT tainted FROM tunes WHERE id = $3)) WHERE name = $1`,
		m.Name, m.Alias, m.Tune, m.Training, string(m.Handle), m.State, m.NanoPerHour, m.PerToken, m.Window.Microseconds(),
		at.UnixMicro())
	return was, err
}

// ModelsOf returns a tenant's tuned models that serve the weights of a training, or did, at whatever place.
func ModelsOf(ctx context.Context, q *TuneQueries, tenant, training string) ([]Model, error) {
	var forms []Model
	err := db.Stream(ctx, q.Tx, scanModel, func(m Model) error {
		forms = append(forms, m)
		return nil
	}, `SELECT `+modelColumns+` FROM models WHERE tenant = $1 AND withdrawn IS NULL AND training IN (
		SELECT id FROM trainings WHERE tenant = $1 AND (id = $2 OR weights_of = $2)) ORDER BY name`, tenant, training)
	return forms, err
}

const modelColumns = `name, tenant, alias, provider, base, tune, training, handle, state, priced,
	nano_per_hour, per_token, billed_window, created, started, cold, tainted, aged`

func scanModel(scan func(...any) error) (Model, error) {
	var m Model
	var tune, training, handle *string
	var created, started, tainted, aged *int64
	var cold, window int64
	err := scan(&m.Name, &m.Tenant, &m.Alias, &m.Provider, &m.Base, &tune, &training, &handle, &m.State,
		&m.Priced, &m.NanoPerHour, &m.PerToken, &window, &created, &started, &cold, &tainted, &aged)
	m.Tune, m.Training, m.Created = db.Deref(tune), db.Deref(training), db.TimeOf(created)
	m.Started, m.Cold, m.Tainted = db.TimeOf(started), time.Duration(cold)*time.Microsecond, db.TimeOf(tainted)
	m.Window, m.Aged = time.Duration(window)*time.Microsecond, db.TimeOf(aged)
	if handle != nil {
		m.Handle = json.RawMessage(*handle)
	}
	return m, err
}

// Model finds a tenant's tuned model by name. One that was withdrawn is not found.
func (q *TuneQueries) Model(ctx context.Context, tenant, name string) (Model, error) {
	return db.Read(ctx, q.Tx, scanModel, `SELECT `+modelColumns+` FROM models WHERE tenant = $1
		AND name = $2 AND withdrawn IS NULL`, tenant, name)
}

// Models lists a tenant's tuned models that are not withdrawn, by name.
func (q *TuneQueries) Models(ctx context.Context, tenant string, p db.Page) ([]Model, bool, error) {
	return db.ListBy(ctx, q.Tx, p, "name", scanModel, `SELECT `+modelColumns+` FROM models WHERE tenant = $1
		AND withdrawn IS NULL`, tenant)
}

// WithdrawModel withdraws a tuned model: its tenant cannot use it any more, and it is idle from
// now on. It fails with db.ErrNotFound where there is none.
func (q *TuneQueries) WithdrawModel(ctx context.Context, tenant, name string) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE models SET withdrawn = {now}
		WHERE tenant = $1 AND name = $2 AND withdrawn IS NULL`, tenant, name)
}

// SetModelState moves a tuned model through its life.
func (q *TuneQueries) SetModelState(ctx context.Context, name, state string) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE models SET state = $2 WHERE name = $1`, name, state)
}

// ServeModel notes that a tuned model serves, and what an hour of that costs, nano-dollars.
func (q *TuneQueries) ServeModel(ctx context.Context, name string, nanoPerHour int64) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE models SET state = 'serving', nano_per_hour = $2 WHERE name = $1`, name, nanoPerHour)
}

// HostedModels calls fn with every hosted tuned model, of all tenants.
func (q *TuneQueries) HostedModels(ctx context.Context, fn func(Model) error) error {
	return db.Stream(ctx, q.Tx, scanModel, fn, `SELECT `+modelColumns+` FROM models
		WHERE state IN ('candidate', 'serving', 'starting') ORDER BY name`)
}

// IdleModels returns hosted tuned models that are not in use, at most limit: they were
// withdrawn, or no tune works on them and no alias names them, neither in its version in force
// nor in one that was in force within the hold time. A later rollback starts them again.
func (q *TuneQueries) IdleModels(ctx context.Context, hold time.Duration, limit int) ([]Model, error) {
	var idle []Model
	err := db.Stream(ctx, q.Tx, scanModel, func(m Model) error {
		idle = append(idle, m)
		return nil
	}, `SELECT `+modelColumns+` FROM models m WHERE m.state IN ('candidate', 'serving', 'starting', 'asleep', 'over_budget')
		AND (m.withdrawn IS NOT NULL
		OR NOT EXISTS (SELECT 1 FROM tunes t WHERE t.id = m.tune AND t.finished IS NULL)
		AND NOT EXISTS (SELECT 1 FROM citations c
			JOIN routes r ON r.tenant = c.tenant AND r.alias || '/' || r.version = c.cites
			JOIN routes n ON n.tenant = r.tenant AND n.alias = r.alias AND n.version = (SELECT MAX(l.version) FROM routes l
				WHERE l.tenant = r.tenant AND l.alias = r.alias)
			WHERE c.tenant IN ('', m.tenant) AND c.source = m.name
			AND (r.version = n.version OR {now} - $1 < (SELECT MIN(s.created) FROM routes s
				WHERE s.tenant = r.tenant AND s.alias = r.alias AND s.version > r.version))))
		ORDER BY m.name LIMIT $2`, hold.Microseconds(), int64(limit))
	return idle, err
}

// HostedHours counts the hours of hosting that are booked for a model since its last start.
func (q *TuneQueries) HostedHours(ctx context.Context, m Model) (int, error) {
	var n int
	err := q.One(ctx, `SELECT COUNT(*) FROM entries WHERE tenant = $1 AND created >= $2 AND purpose = 'host'
		AND provider = $3 AND model = $4`,
		[]any{m.Tenant, m.Started.UnixMicro(), m.Provider, strings.TrimPrefix(m.Name, m.Provider+"/")}, &n)
	return n, err
}

// UsedWindows returns the windows of a model's last start in which it was asked, from 0, in their order: those
// of the hour before its last line of hosting and later ones.
func UsedWindows(ctx context.Context, q *TuneQueries, m Model) ([]int64, error) {
	var windows []int64
	name := strings.TrimPrefix(m.Name, m.Provider+"/")
	err := db.Stream(ctx, q.Tx, func(scan func(...any) error) (n int64, err error) { return n, scan(&n) }, func(n int64) error {
		windows = append(windows, n)
		return nil
	}, `SELECT DISTINCT (created - $4) / $5 AS window_number FROM entries
		WHERE tenant = $1 AND provider = $2 AND model = $3 AND purpose <> 'host' AND created >= $4 AND created >= (
			SELECT coalesce(MAX(h.created), 0) - 3600000000 FROM entries h WHERE h.tenant = $1 AND h.provider = $2
				AND h.model = $3 AND h.purpose = 'host') ORDER BY window_number`,
		m.Tenant, m.Provider, name, m.Started.UnixMicro(), m.Window.Microseconds())
	return windows, err
}

// RoutedModels returns the tuned models that a version in force of any route names, of all tenants:
// those that serve, and those that do not run and may be started again.
func RoutedModels(ctx context.Context, q *TuneQueries) ([]Model, error) {
	var routed []Model
	err := db.Stream(ctx, q.Tx, scanModel, func(m Model) error {
		routed = append(routed, m)
		return nil
	}, `SELECT `+modelColumns+` FROM models m WHERE m.state IN ('serving', 'starting', 'asleep', 'over_budget', 'stopped')
		AND m.withdrawn IS NULL AND EXISTS (SELECT 1 FROM citations c
			JOIN routes r ON r.tenant = c.tenant AND r.alias || '/' || r.version = c.cites
			WHERE c.tenant IN ('', m.tenant) AND c.source = m.name AND r.version = (SELECT MAX(l.version) FROM routes l
				WHERE l.tenant = r.tenant AND l.alias = r.alias))
		ORDER BY m.name`)
	return routed, err
}

// Examining tells whether a tune of an alias is about to compare its candidate with what serves.
func Examining(ctx context.Context, q *TuneQueries, tenant, alias string) (bool, error) {
	var n int
	err := q.One(ctx, `SELECT COUNT(*) FROM tunes WHERE tenant = $1 AND alias = $2 AND finished IS NULL
		AND stage IN ('train', 'deploy', 'evaluate')`, []any{tenant, alias}, &n)
	return n > 0, err
}

// StartModel notes that a model's deployment was started again, as of a time. It fails with
// db.ErrConflict where the model is not in the state that was read.
func StartModel(ctx context.Context, q *TuneQueries, m Model, at time.Time) error {
	return q.Must(ctx, db.ErrConflict, `UPDATE models SET state = 'starting', started = $3, handle = $4
		WHERE name = $1 AND state = $2`, m.Name, m.State, at.UnixMicro(), string(m.Handle))
}

// MoveModel moves a model to another state and keeps what a start of it takes. It fails with
// db.ErrConflict where the model is not in the state that was read.
func MoveModel(ctx context.Context, q *TuneQueries, m Model, to string) error {
	return q.Must(ctx, db.ErrConflict, `UPDATE models SET state = $3, cold = $4, nano_per_hour = $5
		WHERE name = $1 AND state = $2`, m.Name, m.State, to, m.Cold.Microseconds(), m.NanoPerHour)
}
