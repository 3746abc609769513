package learn

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
)

// Example is a row that a model may be trained on.
type Example struct {
	ID         string
	Tenant     string
	Alias      string
	Dream      string
	Experience string
	Messages   json.RawMessage // the conversation with its best answer
	Rejected   string          // the worse answer, for preference pairs
	Score      int64           // thousandths
	Verdict    string          // how it was verified: reference, correction, judged, known
	Author     string          // who wrote the answer: user, reference, recorded, lead, reviewer
	Content    string          // sha256 of the canonical row
	Answer     string          // sha256 of the answer, "" for one of few words; written, not read
	Origin     string          // said or imagined. Defaults to said.
	Review     Review
	Withdrawn  time.Time
	Created    time.Time
}

// The origins of an example: a conversation, or a variant of one that the lead model made up.
const (
	ExampleSaid     = "said"
	ExampleImagined = "imagined"
)

// AddExample stores an example, once per dream, experience and origin. Where its experience was
// forgotten meanwhile nothing is stored.
func (q *DreamQueries) AddExample(ctx context.Context, e Example) error {
	_, err := q.Exec(ctx, `INSERT INTO examples (id, tenant, alias, dream, experience, messages, rejected,
		score,
		verdict, author, content, origin, answer, created)
		SELECT $1, $2, $3, $4, e.id, $6, $7, $8, $9, $10, $11, $12, $13, {now} FROM experiences e
		WHERE e.tenant = $2 AND e.id = $5 {lock e} ON CONFLICT (dream, experience, origin) DO NOTHING`,
		e.ID, e.Tenant, e.Alias, e.Dream, e.Experience, q.Seal(string(e.Messages), e.ID),
		q.SealOptional(e.Rejected, e.ID), e.Score,
		e.Verdict, e.Author, e.Content, cmp.Or(e.Origin, ExampleSaid), e.Answer)
	return err
}

const exampleColumns = `id, tenant, alias, dream, experience, messages, rejected, score, verdict, author,
	content, origin, review, reviewer, reason, reviewed, withdrawn, created`

func scanExample(scan func(...any) error) (Example, error) {
	var e Example
	var messages string
	var rejected, review, reviewer, reason *string
	var reviewed, withdrawn, created *int64
	err := scan(&e.ID, &e.Tenant, &e.Alias, &e.Dream, &e.Experience, db.Opened(&messages, &e.ID),
		db.Opened(&rejected, &e.ID), &e.Score,
		&e.Verdict, &e.Author, &e.Content, &e.Origin, &review, &reviewer, &reason, &reviewed, &withdrawn, &created)
	e.Review = Review{db.Deref(review), db.Deref(reviewer), db.Deref(reason), db.TimeOf(reviewed)}
	e.Messages, e.Rejected = json.RawMessage(messages), db.Deref(rejected)
	e.Withdrawn, e.Created = db.TimeOf(withdrawn), db.TimeOf(created)
	return e, err
}

// Example finds a tenant's example.
func (q *DreamQueries) Example(ctx context.Context, tenant, id string) (Example, error) {
	return db.Read(ctx, q.Tx, scanExample, `SELECT `+exampleColumns+` FROM examples WHERE tenant = $1
		AND id = $2`, tenant, id)
}

// Examples lists a tenant's examples that stand.
func (q *DreamQueries) Examples(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Example, bool, error) {
	n := db.Select(`SELECT `+exampleColumns+` FROM examples
		WHERE tenant = $1 AND withdrawn IS NULL`, tenant)
	n.By(`dream = ?`, f.Dream)
	n.By(`alias = ?`, f.Alias)
	if f.Review == ReviewOpen {
		n.Query += ` AND review IS NULL`
	} else {
		n.By(`review = ?`, f.Review)
	}
	n.Mentions(f.Text, `id`, `experience`)
	return db.List(ctx, q.Tx, p, scanExample, n.Query, n.Args...)
}

// inUse is a condition for the examples that may be trained on.
const inUse = `withdrawn IS NULL AND COALESCE(review, '') <> 'rejected'`

// TrainingRows hands the examples of an alias that may be trained on to fn, oldest first.
func (q *DreamQueries) TrainingRows(ctx context.Context, tenant, alias string, fn func(Example) error) error {
	return db.Stream(ctx, q.Tx, scanExample, fn, `SELECT `+exampleColumns+` FROM examples
		WHERE tenant = $1 AND alias = $2 AND `+inUse+` ORDER BY id`, tenant, alias)
}

// Asker is who an experience came from.
type Asker struct {
	Experience string
	User       string // as its metadata call its user; "" where they do not
	Origin     string // of the experience
	Key        string // key_…, with which it was brought in; "" where its job is pruned or had none
}

// ExampleAskers hands fn who asked what the standing examples of an alias were made of, where that is known.
func (q *DreamQueries) ExampleAskers(ctx context.Context, tenant, alias string, fn func(Asker)) error {
	return q.Each(ctx, `SELECT DISTINCT e.id, e.metadata, e.origin, j.key_id FROM examples m JOIN experiences e ON e.id = m.experience
		LEFT JOIN jobs j ON j.id = e.job WHERE m.tenant = $1 AND m.alias = $2 AND m.withdrawn IS NULL`,
		[]any{tenant, alias}, func(r db.Rows) error {
			var experience, origin string
			var metadata, key *string
			err := r.Scan(&experience, &metadata, &origin, &key)
			fn(Asker{experience, UserOf(json.RawMessage(db.Deref(metadata))), origin, db.Deref(key)})
			return err
		})
}

// NewExamples counts the examples of an alias that may be trained on, unique by content, that no tune with an
// evaluation has trained on, up to a bound. The dataset of a tune that ended without an
// evaluation does not count as used.
func (q *DreamQueries) NewExamples(ctx context.Context, tenant, alias string, bound int) (int, error) {
	var n int
	err := q.One(ctx, `SELECT COUNT(*) FROM (SELECT DISTINCT content FROM examples e
		WHERE e.tenant = $1 AND e.alias = $2 AND `+inUse+`
		AND NOT EXISTS (SELECT 1 FROM dataset_examples d JOIN tunes t ON t.dataset = d.dataset
			WHERE d.example = e.id AND t.evaluation IS NOT NULL) LIMIT $3) AS fresh`,
		[]any{tenant, alias, int64(bound)}, &n)
	return n, err
}

// LearnedExamples hands fn the examples of an alias that a tune with an evaluation has trained on by a method, or by any
// where it is "".
func (q *DreamQueries) LearnedExamples(ctx context.Context, tenant, alias, method string, fn func(example string)) error {
	return q.Each(ctx, `SELECT e.id FROM examples e WHERE e.tenant = $1 AND e.alias = $2
		AND EXISTS (SELECT 1 FROM dataset_examples d JOIN tunes t ON t.dataset = d.dataset
			JOIN datasets s ON s.id = d.dataset AND ($3 = '' OR s.method = $3)
			WHERE d.example = e.id AND t.evaluation IS NOT NULL)`, []any{tenant, alias, method}, func(r db.Rows) error {
		var id string
		err := r.Scan(&id)
		fn(id)
		return err
	})
}

// TaughtAlias is an alias of a tenant that has examples.
type TaughtAlias struct{ Tenant, Alias string }

// TaughtAliases returns the aliases of all tenants that have standing examples.
func (q *DreamQueries) TaughtAliases(ctx context.Context) ([]TaughtAlias, error) {
	var all []TaughtAlias
	err := q.Each(ctx, `SELECT DISTINCT tenant, alias FROM examples WHERE withdrawn IS NULL ORDER BY tenant, alias`, nil,
		func(r db.Rows) error {
			var a TaughtAlias
			err := r.Scan(&a.Tenant, &a.Alias)
			all = append(all, a)
			return err
		})
	return all, err
}

// HasExample tells whether an alias has a standing example with that content, made by another
// dream than the given one.
func (q *DreamQueries) HasExample(ctx context.Context, tenant, alias, content, dream string) (bool, error) {
	var n int64
	err := q.One(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM examples WHERE tenant = $1 AND alias = $2
		AND content = $3
		AND dream <> $4 AND withdrawn IS NULL LIMIT 1) AS known`, []any{tenant, alias, content, dream}, &n)
	return n > 0, err
}

// AnswerExamples returns the newest examples of an alias in use that had an answer of that hash when they
// were made by another dream than the given one, at most limit. Their answers may have been edited since.
func (q *DreamQueries) AnswerExamples(ctx context.Context, tenant, alias, answer, dream string, limit int) ([]Example, error) {
	var all []Example
	err := db.Stream(ctx, q.Tx, scanExample, func(e Example) error {
		all = append(all, e)
		return nil
	}, `SELECT `+exampleColumns+` FROM examples WHERE tenant = $1 AND alias = $2 AND answer = $3 AND answer <> ''
		AND dream <> $4 AND `+inUse+` ORDER BY id DESC LIMIT $5`, tenant, alias, answer, dream, int64(limit))
	return all, err
}
