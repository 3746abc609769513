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
	Stage    string // seal, slices, reflect, consolidate, anticipate, done
	Counts   DreamCounts
	Budget   *int64 // nano-dollars; nil: the tenant's own
	LiveCost int64  // what its questions would have cost live, each asked alone, nano-dollars
	Stopped  string // why it ended early, "" where it did not
	Ahead    Anticipation
	Undone   time.Time
	Created  time.Time
	Finished time.Time
}

// DreamCounts counts what a dream made.
type DreamCounts struct {
	Experiences int            `json:"experiences"`
	Weak        int            `json:"experiences_weak"` // of these, see Sealed; the others were taken by age
	HeldOut     int            `json:"held_out"`
	Replayed    int            `json:"replayed"`
	Judged      int            `json:"judged"`
	Verified    int            `json:"verified"`
	Reflections int            `json:"reflections"`
	Kept        int            `json:"examples_kept"`
	Improved    int            `json:"examples_improved"` // of these, answered by the lead model
	Imagined    int            `json:"examples_imagined"` // beside these, of conversations that were made up
	Batched     int            `json:"answers_batched"`   // that came in batches, for less
	Slower      int            `json:"answers_slower"`    // asked live in a vendor's slower tier of service, for less
	AskedLive   int            `json:"answers_live"`      // for the live price
	Anticipated int            `json:"anticipated"`       // answers to likely next questions, put into the cache
	Rejected    map[string]int `json:"examples_rejected"`
}

// Add adds another count to this one.
func (c *DreamCounts) Add(o DreamCounts) {
	c.Experiences += o.Experiences
	c.Weak += o.Weak
	c.HeldOut += o.HeldOut
	c.Replayed += o.Replayed
	c.Judged += o.Judged
	c.Verified += o.Verified
	c.Reflections += o.Reflections
	c.Kept += o.Kept
	c.Improved += o.Improved
	c.Imagined += o.Imagined
	c.Batched += o.Batched
	c.Slower += o.Slower
	c.AskedLive += o.AskedLive
	c.Anticipated += o.Anticipated
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

// Anticipation is what a dream, or those of some time, answered before it was asked, and what that is
// worth. Money is in nano-dollars.
type Anticipation struct {
	Answers int64     // put into the cache
	Cost    int64     // of all that was asked for them
	Hits    int64     // chats that were answered from them
	Saved   int64     // what these would have cost
	Note    string    // why a dream anticipated no more, "" where nothing kept it from it
	Last    time.Time // the end of the last dream, where those of some time are summed
}

// Pays tells whether it saved as much as it cost.
func (a Anticipation) Pays() bool { return a.Saved >= a.Cost }

// SetAnticipation stores what a dream has anticipated. Hits are counted apart.
func (q *DreamQueries) SetAnticipation(ctx context.Context, dream string, a Anticipation) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE dreams SET anticipated = $2, anticipated_cost = $3, anticipated_note = $4
		WHERE id = $1`, dream, a.Answers, a.Cost, db.Text(a.Note))
}

// AddHits counts chats that were answered from what a tenant's dream anticipated, and what they would have cost.
func (q *DreamQueries) AddHits(ctx context.Context, tenant, dream string, hits, saved int64) error {
	_, err := q.Exec(ctx, `UPDATE dreams SET anticipated_hits = anticipated_hits + $3,
		anticipated_saved = anticipated_saved + $4 WHERE tenant = $1 AND id = $2`, tenant, dream, hits, saved)
	return err
}

// Anticipated sums what a tenant's dreams anticipated that ended at least, and at most, so long ago. At most 0 is
// for ever. Those that were undone are left out.
func (q *DreamQueries) Anticipated(ctx context.Context, tenant string, least, most time.Duration) (Anticipation, error) {
	if most <= 0 {
		most = 100 * 365 * 24 * time.Hour
	}
	return db.Read(ctx, q.Tx, func(scan func(...any) error) (a Anticipation, err error) {
		var last *int64
		err = scan(&a.Answers, &a.Cost, &a.Hits, &a.Saved, &last)
		a.Last = db.TimeOf(last)
		return a, err
	}, `SELECT CAST(coalesce(SUM(anticipated), 0) AS BIGINT), CAST(coalesce(SUM(anticipated_cost), 0) AS BIGINT),
		CAST(coalesce(SUM(anticipated_hits), 0) AS BIGINT), CAST(coalesce(SUM(anticipated_saved), 0) AS BIGINT),
		MAX(finished) FROM dreams WHERE tenant = $1 AND anticipated_cost > 0 AND undone IS NULL
		AND finished <= {now} - $2 AND finished > {now} - $3`, tenant, least.Microseconds(), most.Microseconds())
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
	d.budget, d.live_cost, d.stopped, d.undone, d.created, d.finished,
	d.anticipated, d.anticipated_cost, d.anticipated_hits, d.anticipated_saved, d.anticipated_note
	FROM dreams d JOIN jobs j ON j.id = d.job `

func scanDream(scan func(...any) error) (Dream, error) {
	var d Dream
	var counts string
	var code, message, stopped, note *string
	var undone, created, finished *int64
	err := scan(&d.ID, &d.Tenant, &d.Job, &d.Status, &code, &message, &d.Mode, &d.Dry, &d.Stage, &counts,
		&d.Budget, &d.LiveCost, &stopped, &undone, &created, &finished,
		&d.Ahead.Answers, &d.Ahead.Cost, &d.Ahead.Hits, &d.Ahead.Saved, &note)
	if err == nil {
		err = json.Unmarshal([]byte(counts), &d.Counts)
	}
	d.Error, d.Stopped, d.Ahead.Note = jobError(code, message), db.Deref(stopped), db.Deref(note)
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
	return listDreams(ctx, q.Tx, `NOT d.dry`, tenant, f, p)
}

// DryRuns lists a tenant's dry runs.
func (q *DreamQueries) DryRuns(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Dream, bool, error) {
	return listDreams(ctx, q.Tx, `d.dry`, tenant, f, p)
}

func listDreams(ctx context.Context, tx *db.Tx, which, tenant string, f db.Filter, p db.Page) ([]Dream, bool, error) {
	n := db.Select(dreamSelect+`WHERE d.tenant = $1 AND `+which, tenant)
	n.Where(`(`+shownStatus+` = ?)`, f.Status)
	n.Begins(`d.id`, f.Text)
	return db.ListBy(ctx, tx, p, "d.id", scanDream, n.Query, n.Args...)
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

// repeats are a dream's rows that say the same as one of an earlier experience of it.
const repeats = `dream = $1 AND origin = 'said' AND withdrawn IS NULL AND review IS NULL AND EXISTS (
	SELECT 1 FROM examples f WHERE f.tenant = examples.tenant AND f.alias = examples.alias AND f.content = examples.content
	AND f.withdrawn IS NULL AND f.dream = examples.dream AND f.origin = 'said' AND f.experience < examples.experience)`

// WithdrawRepeats takes back a dream's rows that say the same as an earlier one of it, and returns who wrote them:
// slices that run at once do not see each other's rows.
func (q *DreamQueries) WithdrawRepeats(ctx context.Context, dream string) (authors []string, err error) {
	if err := q.Words(ctx, &authors, `SELECT author FROM examples WHERE `+repeats, dream); err != nil || len(authors) == 0 {
		return nil, err
	}
	_, err = q.Exec(ctx, `UPDATE examples SET withdrawn = {now} WHERE `+repeats, dream)
	return authors, err
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
