package learn

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"dreamlab/store/db"
)

// A tombstone is the hash of what was forgotten: of the client's id of a conversation, or of
// what was said. What has one is not stored again. A hash tells nobody what it stands for.

// buried tells whether x.tenant has a tombstone of x.content or x.named. Whether there is any
// tombstone at all is looked up once a statement, since most installations have none.
const buried = `((SELECT EXISTS (SELECT 1 FROM tombstones)) AND EXISTS (SELECT 1 FROM tombstones z
	WHERE z.tenant = x.tenant AND z.sum IN (x.content, x.named)))`

// nameSum is the hash of a conversation's id as the client calls it, "" for none.
func nameSum(external string) string {
	if external == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("conversation\n" + external))
	return hex.EncodeToString(sum[:])
}

// bury leaves the tombstones of a conversation that is about to be deleted.
func (q *ExperienceQueries) bury(ctx context.Context, tenant, conversation string) error {
	name := conversation
	err := q.One(ctx, `SELECT external FROM conversations WHERE tenant = $1 AND id = $2`,
		[]any{tenant, conversation}, &name)
	if err != nil && !errors.Is(err, db.ErrNotFound) { // it has no row where no answer was kept
		return err
	}
	if _, err := q.Exec(ctx, `INSERT INTO tombstones (tenant, sum, created) VALUES ($1, $2, {now})
		ON CONFLICT (tenant, sum) DO NOTHING`, tenant, nameSum(name)); err != nil {
		return err
	}
	_, err = q.Exec(ctx, `INSERT INTO tombstones (tenant, sum, created)
		SELECT DISTINCT tenant, content, {now} FROM experiences WHERE tenant = $1 AND conversation = $2
		ON CONFLICT (tenant, sum) DO NOTHING`, tenant, conversation)
	return err
}

// unburied leaves out the rows that have a tombstone.
func (q *ExperienceQueries) unburied(ctx context.Context, rows []arrival) ([]arrival, error) {
	type sought struct {
		At      int    `json:"at"`
		Tenant  string `json:"tenant"`
		Content string `json:"content"`
		Named   string `json:"named"`
	}
	list := make([]sought, len(rows))
	for i, r := range rows {
		list[i] = sought{r.at, r.Tenant, r.Content, nameSum(cmp.Or(r.External, r.Thread, ThreadID(r.Experience)))}
	}
	gone := map[int]bool{}
	err := q.Each(ctx, `SELECT x.at FROM {rows $1: at bigint, tenant text, content text, named text} WHERE `+buried,
		[]any{db.Encode(list)}, func(r db.Rows) error {
			var at int64
			err := r.Scan(&at)
			gone[int(at)] = true
			return err
		})
	return slices.DeleteFunc(rows, func(r arrival) bool { return gone[r.at] }), err
}

// TaintedError means that a model may not be given traffic: a conversation that it learned from
// was forgotten.
type TaintedError struct{ Model string }

// Error says what to do.
func (e *TaintedError) Error() string {
	return fmt.Sprintf("%s learned from a conversation that was forgotten: tune again without it", e.Model)
}

// taint marks what learned from a conversation that is being forgotten.
func (q *ExperienceQueries) taint(ctx context.Context, tenant string, t Traces) error {
	for _, s := range []struct {
		query string
		ids   []string
	}{
		{`UPDATE datasets SET tainted = {now} WHERE tenant = $1 AND tainted IS NULL AND id IN ({list $2})`, t.Datasets},
		{`UPDATE tunes SET tainted = {now} WHERE tenant = $1 AND tainted IS NULL AND dataset IN ({list $2})`, t.Datasets},
		{`UPDATE models SET tainted = {now} WHERE tenant = $1 AND tainted IS NULL
			AND tune IN (SELECT id FROM tunes WHERE dataset IN ({list $2}))`, t.Datasets},
	} {
		if _, err := q.Exec(ctx, s.query, tenant, encodeList(s.ids)); err != nil {
			return err
		}
	}
	return nil
}

// refuseTainted refuses a route that brings in a model which learned from what was forgotten.
// One that serves already goes on, until its alias is tuned again.
func (q *TuneQueries) refuseTainted(ctx context.Context, r Route) error {
	var tainted []string
	err := q.Words(ctx, &tainted, `SELECT name FROM models WHERE tainted IS NOT NULL AND name IN ({list $1}) ORDER BY name`,
		encodeList(r.models()))
	if err != nil || len(tainted) == 0 {
		return err
	}
	present, err := q.Route(ctx, r.Tenant, r.Alias)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	for _, name := range tainted {
		if !present.Names(name) {
			return &TaintedError{Model: name}
		}
	}
	return nil
}

// ModelsOfDream returns the tuned models that learned from a dream's rows, and which of them serve.
func (q *TuneQueries) ModelsOfDream(ctx context.Context, tenant, dream string) (models, serving []string, err error) {
	return modelsOfDream(ctx, q.Tx, tenant, dream)
}

func modelsOfDream(ctx context.Context, tx *db.Tx, tenant, dream string) (models, serving []string, err error) {
	models, serving = []string{}, []string{}
	const learned = `SELECT m.name FROM models m JOIN tunes t ON t.id = m.tune WHERE m.tenant = $1 AND m.withdrawn IS NULL
		AND t.dataset IN (SELECT x.dataset FROM dataset_examples x JOIN examples e ON e.id = x.example WHERE e.dream = $2)`
	if err := tx.Words(ctx, &models, learned+` ORDER BY 1`, tenant, dream); err != nil {
		return nil, nil, err
	}
	err = tx.Words(ctx, &serving, learned+` AND m.state = 'serving' ORDER BY 1`, tenant, dream)
	return models, serving, err
}

// TaintedTrainings returns trainings that have ended, whose files at their vendors hold what was
// forgotten or deleted for its age, at most limit.
func (q *TuneQueries) TaintedTrainings(ctx context.Context, limit int) ([]Training, error) {
	var left []Training
	err := db.Stream(ctx, q.Tx, scanTraining, func(t Training) error {
		left = append(left, t)
		return nil
	}, trainingSelect+`WHERE t.status IN ('succeeded', 'failed', 'cancelled') AND t.spec LIKE '%"file_id":"%'
		AND t.tune IN (SELECT id FROM tunes WHERE tainted IS NOT NULL OR aged IS NOT NULL) ORDER BY t.id LIMIT $1`, int64(limit))
	return left, err
}
