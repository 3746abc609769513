package learn

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Dream is one run over a sealed batch of a tenant's experiences. Its status is
// its job's.
type Dream struct {
	ID       string
	Tenant   string
	Job      string
	Status   job.State
	Error    *job.Error
	Mode     string // auto, live, batch
	Dry      bool   // a dry run: an estimate, which seals no experiences and may run beside another dream
	Stage    string // seal, slices, reflect, consolidate, done
	Counts   DreamCounts
	Budget   *int64 // nano-dollars; nil: the tenant's own
	LiveCost int64  // cost of the same calls at live prices, nano-dollars
	Stopped  string // why it ended early, "" where it did not
	Undone   time.Time
	Created  time.Time
	Finished time.Time
}

// DreamCounts counts what a dream made.
type DreamCounts struct {
	Experiences int            `json:"experiences"`
	HeldOut     int            `json:"held_out"`
	Replayed    int            `json:"replayed"`
	Judged      int            `json:"judged"`
	Verified    int            `json:"verified"`
	Reflections int            `json:"reflections"`
	Kept        int            `json:"examples_kept"`
	Improved    int            `json:"examples_improved"` // of these, answered by the lead model
	Imagined    int            `json:"examples_imagined"` // beside these, of conversations that were made up
	Batched     int            `json:"answers_batched"`   // that came in batches, for less
	AskedLive   int            `json:"answers_live"`      // for the live price
	Rejected    map[string]int `json:"examples_rejected"`
}

// Add adds another count to this one.
func (c *DreamCounts) Add(o DreamCounts) {
	c.Experiences += o.Experiences
	c.HeldOut += o.HeldOut
	c.Replayed += o.Replayed
	c.Judged += o.Judged
	c.Verified += o.Verified
	c.Reflections += o.Reflections
	c.Kept += o.Kept
	c.Improved += o.Improved
	c.Imagined += o.Imagined
	c.Batched += o.Batched
	c.AskedLive += o.AskedLive
	for reason, n := range o.Rejected {
		c.Reject(reason, n)
	}
}

// Reject counts an example that was not kept, under its reason.
func (c *DreamCounts) Reject(reason string, n int) {
	if c.Rejected == nil {
		c.Rejected = map[string]int{}
	}
	c.Rejected[reason] += n
}

// AddDream keeps a new dream. It fails with ErrConflict while another of the
// tenant's runs, unless one of them is a dry run.
func (q *DreamQueries) AddDream(ctx context.Context, d Dream) error {
	_, err := q.Exec(ctx, `INSERT INTO dreams (id, tenant, job, mode, dry, stage, counts, budget, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now})`,
		d.ID, d.Tenant, d.Job, d.Mode, d.Dry, d.Stage, db.Encode(d.Counts), d.Budget)
	return err
}

const dreamSelect = `SELECT d.id, d.tenant, d.job, j.state, j.error_code, j.error_message, d.mode,
	d.dry, d.stage, d.counts,
	d.budget, d.live_cost, d.stopped, d.undone, d.created, d.finished FROM dreams d JOIN jobs j ON j.id = d.job `

func scanDream(scan func(...any) error) (Dream, error) {
	var d Dream
	var counts string
	var code, message, stopped *string
	var undone, created, finished *int64
	err := scan(&d.ID, &d.Tenant, &d.Job, &d.Status, &code, &message, &d.Mode, &d.Dry, &d.Stage, &counts,
		&d.Budget, &d.LiveCost, &stopped, &undone, &created, &finished)
	if err == nil {
		err = json.Unmarshal([]byte(counts), &d.Counts)
	}
	d.Error, d.Stopped = jobError(code, message), db.Deref(stopped)
	d.Undone, d.Created, d.Finished = db.TimeOf(undone), db.TimeOf(created), db.TimeOf(finished)
	return d, err
}

func jobError(code, message *string) *job.Error {
	if code == nil {
		return nil
	}
	return &job.Error{Code: *code, Message: db.Deref(message)}
}

// Dream finds a tenant's dream.
func (q *DreamQueries) Dream(ctx context.Context, tenant, id string) (Dream, error) {
	return db.Read(ctx, q.Tx, scanDream, dreamSelect+`WHERE d.tenant = $1 AND d.id = $2`, tenant, id)
}

// Dreams lists a tenant's dreams, without dry runs.
func (q *DreamQueries) Dreams(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Dream, bool, error) {
	return q.dreams(ctx, `NOT d.dry`, tenant, f, p)
}

// DryRuns lists a tenant's dry runs.
func (q *DreamQueries) DryRuns(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Dream, bool, error) {
	return q.dreams(ctx, `d.dry`, tenant, f, p)
}

func (q *DreamQueries) dreams(ctx context.Context, which, tenant string, f db.Filter, p db.Page) ([]Dream, bool, error) {
	n := db.Select(dreamSelect+`WHERE d.tenant = $1 AND `+which, tenant)
	n.Where(`(`+shownStatus+` = ?)`, f.Status)
	n.Begins(`d.id`, f.Text)
	return db.ListBy(ctx, q.Tx, p, "d.id", scanDream, n.Query, n.Args...)
}

// shownStatus is the state of the job j as the API shows it.
const shownStatus = `CASE j.state WHEN 'dispatched' THEN 'queued' ELSE j.state END`

// RunningDream returns the tenant's open dream.
func (q *DreamQueries) RunningDream(ctx context.Context, tenant string) (Dream, error) {
	return db.Read(ctx, q.Tx, scanDream, dreamSelect+`WHERE d.tenant = $1 AND d.finished IS NULL AND NOT d.dry`,
		tenant)
}

// SetDream stores a dream's progress: stage, counts and live cost.
func (q *DreamQueries) SetDream(ctx context.Context, d Dream) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE dreams SET stage = $2, counts = $3, live_cost = $4 WHERE id = $1`,
		d.ID, d.Stage, db.Encode(d.Counts), d.LiveCost)
}

// SetDreamCounts stores what a dream has come to so far. Slices that end together may each
// leave out the other; the dream's end counts all.
func (q *DreamQueries) SetDreamCounts(ctx context.Context, d Dream) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE dreams SET counts = $2, live_cost = $3 WHERE id = $1`,
		d.ID, db.Encode(d.Counts), d.LiveCost)
}

// StopDream has a dream end early, for a reason. The first reason stands.
func (q *DreamQueries) StopDream(ctx context.Context, id, why string) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE dreams SET stopped = COALESCE(stopped, $2) WHERE id = $1`, id, why)
}

// UndoDream withdraws a finished dream's lessons, memory and examples, and releases its
// experiences to later dreams. Repeating it changes nothing.
func (q *DreamQueries) UndoDream(ctx context.Context, tenant, id string) error {
	err := q.Must(ctx, db.ErrNotFound, `UPDATE dreams SET undone = COALESCE(undone, {now})
		WHERE tenant = $1 AND id = $2 AND finished IS NOT NULL`, tenant, id)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`UPDATE reflections SET withdrawn = {now} WHERE dream = $1 AND withdrawn IS NULL`,
		`UPDATE memories SET withdrawn = {now} WHERE dream = $1 AND withdrawn IS NULL`,
		`UPDATE examples SET withdrawn = {now} WHERE dream = $1 AND withdrawn IS NULL`,
		`UPDATE experiences SET dream = NULL WHERE dream = $1`,
	} {
		if _, err := q.Exec(ctx, statement, id); err != nil {
			return err
		}
	}
	return nil
}

// Withdrawal is what undoing a dream would change.
type Withdrawal struct {
	Reflections []string `json:"reflections"` // are withdrawn
	Memories    []string `json:"memories"`
	Examples    []string `json:"examples"`
	Experiences int      `json:"experiences"` // may be dreamt of again
	// Datasets and Models were made of its examples, and stay as they are.
	Datasets []string `json:"datasets"`
	Models   []string `json:"models"`
	Serving  []string `json:"serving"` // of these, those that serve
}

// Withdrawal returns what undoing a tenant's dream would change.
func (q *DreamQueries) Withdrawal(ctx context.Context, tenant, dream string) (w Withdrawal, err error) {
	const taught = `SELECT id FROM examples WHERE tenant = $1 AND dream = $2 AND withdrawn IS NULL`
	const frozen = `SELECT x.dataset FROM dataset_examples x WHERE x.example IN (` + taught + `)`
	for _, find := range []struct {
		into  *[]string
		query string
	}{
		{&w.Reflections, `SELECT id FROM reflections WHERE tenant = $1 AND dream = $2 AND withdrawn IS NULL`},
		{&w.Memories, `SELECT id FROM memories WHERE tenant = $1 AND dream = $2 AND withdrawn IS NULL`},
		{&w.Examples, taught},
		{&w.Datasets, `SELECT id FROM datasets WHERE tenant = $1 AND id IN (` + frozen + `)`},
	} {
		*find.into = []string{}
		if err := q.Words(ctx, find.into, find.query+` ORDER BY 1`, tenant, dream); err != nil {
			return w, err
		}
	}
	if err := q.One(ctx, `SELECT COUNT(*) FROM experiences WHERE tenant = $1 AND dream = $2`, []any{tenant, dream},
		&w.Experiences); err != nil {
		return w, err
	}
	w.Models, w.Serving, err = modelsOfDream(ctx, q.Tx, tenant, dream)
	return w, err
}

// ReleaseExperiences releases the experiences that a dream did not process to the next dream.
func (q *DreamQueries) ReleaseExperiences(ctx context.Context, dream string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := q.Exec(ctx, `UPDATE experiences SET dream = NULL WHERE dream = $1 AND id IN ({list $2})`,
		dream, db.Encode(ids))
	return err
}
