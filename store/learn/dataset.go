package learn

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dreamlab/store/db"
)

// Dataset is a frozen set of examples, named by its content.
type Dataset struct {
	ID       string
	Tenant   string
	Alias    string
	SHA256   string // of the JSONL file, hex
	Manifest Manifest
	Rows     int64
	Object   string // the JSONL file in the bucket
	Created  time.Time
	Tainted  time.Time // when a conversation was forgotten that it had rows of
	Aged     time.Time // when a conversation was deleted for its age that it had rows of: Object is gone
}

// Manifest describes how a dataset was made: the counts before and after each filter, and the
// settings that reproduce the file.
type Manifest struct {
	SHA256  string         `json:"sha256"`
	Alias   string         `json:"alias"`
	Method  string         `json:"method"` // sft: its rows are conversations; dpo: preference pairs
	Rows    int            `json:"rows"`
	Bytes   int64          `json:"bytes"`
	Tokens  int64          `json:"tokens"` // estimated
	In      int            `json:"in"`
	Removed map[string]int `json:"removed"` // by filter
	Split   string         `json:"split"`   // the rule, in words
	Mix     Mix            `json:"mix"`
	Authors map[string]int `json:"authors"`
	Origins map[string]int `json:"origins"` // live, import or imagined
	Planted Planted        `json:"planted"`
	// Hyper are the hyper-parameters that were chosen for so many rows, as the tune had them that froze the rows. A place may
	// take a smaller rank: the model's own manifest tells what was sent.
	Hyper json.RawMessage `json:"hyper_parameters"`
}

// Planted counts the rows that were put among those of a dataset to see that its filters take them out.
type Planted struct {
	Rows    int            `json:"rows"`
	Removed map[string]int `json:"removed"` // by filter
}

// Mix tells what of a dataset is new, and how its other rows were drawn.
type Mix struct {
	New      int     `json:"new"`
	Replayed int     `json:"replayed"` // rows that an earlier examined dataset held
	LeftOut  int     `json:"left_out"` // such rows that were not drawn
	Share    float64 `json:"share"`    // of the rows that may be replayed
	Seed     int64   `json:"seed"`     // of the draw
}

// AddDataset stores a dataset with its examples and tells whether it is new: the same rows are
// the same dataset, which is then returned. It fails with db.ErrConflict where an example was
// forgotten or rejected meanwhile, and must run in a transaction.
func (q *TuneQueries) AddDataset(ctx context.Context, d Dataset, examples []string) (Dataset, bool, error) {
	n, err := q.Exec(ctx, `INSERT INTO datasets (id, tenant, alias, sha256, manifest, method, rows, object, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now}) ON CONFLICT (tenant, alias, sha256) DO NOTHING`,
		d.ID, d.Tenant, d.Alias, d.SHA256, db.Encode(d.Manifest), d.Manifest.Method, d.Rows, d.Object)
	if err != nil {
		return d, false, err
	}
	if n == 0 {
		known, err := knownDataset(ctx, q.Tx, d, examples)
		return known, false, err
	}
	err = freeze(ctx, q.Tx, d, examples)
	return d, err == nil, err
}

// knownDataset returns the dataset that has the rows of d. One whose file was deleted for its age
// has it again.
func knownDataset(ctx context.Context, q *db.Tx, d Dataset, examples []string) (Dataset, error) {
	known, err := db.Read(ctx, q, scanDataset, `SELECT `+datasetColumns+` FROM datasets
		WHERE tenant = $1 AND alias = $2 AND sha256 = $3`, d.Tenant, d.Alias, d.SHA256)
	if err != nil || known.Aged.IsZero() {
		return known, err
	}
	known.Aged, known.Object = time.Time{}, d.Object
	_, err = q.Exec(ctx, `UPDATE datasets SET aged = NULL, object = $2 WHERE id = $1`, known.ID, d.Object)
	if err != nil {
		return known, err
	}
	if _, err := q.Exec(ctx, `DELETE FROM dataset_examples WHERE dataset = $1`, known.ID); err != nil {
		return known, err
	}
	return known, freeze(ctx, q, known, examples)
}

// freeze notes which examples a dataset has.
func freeze(ctx context.Context, q *db.Tx, d Dataset, examples []string) error {
	n, err := q.Exec(ctx, `INSERT INTO dataset_examples (dataset, example) SELECT $1, m.id
		FROM ({list $2}) AS x JOIN examples m ON m.id = x.value
		WHERE m.tenant = $3 AND COALESCE(m.review, '') <> 'rejected' {lock m}`,
		d.ID, encodeList(examples), d.Tenant)
	if err == nil && n < int64(len(examples)) {
		err = fmt.Errorf("%d of %d examples were forgotten or rejected meanwhile: %w",
			int64(len(examples))-n, len(examples), db.ErrConflict)
	}
	return err
}

const datasetColumns = `id, tenant, alias, sha256, manifest, rows, object, created, tainted, aged`

func scanDataset(scan func(...any) error) (Dataset, error) {
	var d Dataset
	var manifest string
	var created, tainted, aged *int64
	err := scan(&d.ID, &d.Tenant, &d.Alias, &d.SHA256, &manifest, &d.Rows, &d.Object, &created, &tainted, &aged)
	if err == nil {
		err = json.Unmarshal([]byte(manifest), &d.Manifest)
	}
	d.Created, d.Tainted, d.Aged = db.TimeOf(created), db.TimeOf(tainted), db.TimeOf(aged)
	return d, err
}

// Dataset finds a tenant's dataset.
func (q *TuneQueries) Dataset(ctx context.Context, tenant, id string) (Dataset, error) {
	return db.Read(ctx, q.Tx, scanDataset, `SELECT `+datasetColumns+` FROM datasets WHERE tenant = $1
		AND id = $2`, tenant, id)
}

// HoldDataset locks a dataset that a tune is about to name, so that a conversation which is forgotten meanwhile marks
// the tune, too. It fails with db.ErrConflict where one was forgotten or deleted already, and must run in a transaction.
func HoldDataset(ctx context.Context, q *TuneQueries, tenant, id string) error {
	var tainted, aged *int64
	err := q.One(ctx, `SELECT tainted, aged FROM datasets WHERE tenant = $1 AND id = $2 {lock}`, []any{tenant, id}, &tainted, &aged)
	if err == nil && (tainted != nil || aged != nil) {
		err = fmt.Errorf("a conversation of %s was forgotten meanwhile: %w", id, db.ErrConflict)
	}
	return err
}

// Datasets lists a tenant's datasets.
func (q *TuneQueries) Datasets(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Dataset, bool, error) {
	n := db.Select(`SELECT `+datasetColumns+` FROM datasets WHERE tenant = $1`, tenant)
	n.By(`alias = ?`, f.Alias)
	n.Mentions(f.Text, `id`, `sha256`)
	return db.List(ctx, q.Tx, p, scanDataset, n.Query, n.Args...)
}

// DatasetExamples returns the ids of a dataset's examples after a given one, at
// most limit.
func (q *TuneQueries) DatasetExamples(ctx context.Context, dataset, after string, limit int) ([]string, error) {
	var ids []string
	err := q.Each(ctx, `SELECT example FROM dataset_examples WHERE dataset = $1 AND example > $2
		ORDER BY example LIMIT $3`, []any{dataset, after, int64(limit)}, func(r db.Rows) error {
		var id string
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
