package learn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dreamlab/store/db"
)

// citing are those who name an experience of a conversation ($2) of a tenant ($1).
const citing = `SELECT c.cites FROM experiences e JOIN citations c ON c.tenant = $1 AND c.source = e.id
	WHERE e.tenant = $1 AND e.conversation = $2`

// Traces are where a conversation is found beside its own rows: what has to be
// rewritten in the bucket when it is forgotten.
type Traces struct {
	Conversation string
	Experiences  []string
	Dreams       []string          // that took it in
	Memories     []Memory          // versions with lessons that rest on it
	Datasets     []Dataset         // with rows of it
	Rows         []json.RawMessage // the messages of these rows
}

// Traces finds a conversation, by our id or the client's, and where it left
// something. It fails with ErrNotFound where there is no such conversation.
func (q *ExperienceQueries) Traces(ctx context.Context, tenant, id string) (Traces, error) {
	var t Traces
	err := q.One(ctx, `SELECT id FROM conversations WHERE tenant = $1 AND (id = $2 OR external = $2)`,
		[]any{tenant, id}, &t.Conversation)
	if err != nil {
		return t, err
	}
	for _, find := range []func(context.Context, string, *Traces) error{
		q.traceExperiences, q.traceDreams, q.traceMemories, q.traceDatasets, q.traceRows,
	} {
		if err := find(ctx, tenant, &t); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (q *ExperienceQueries) traceExperiences(ctx context.Context, tenant string, t *Traces) error {
	return q.Words(ctx, &t.Experiences, `SELECT id FROM experiences WHERE tenant = $1 AND conversation = $2
		ORDER BY id`, tenant, t.Conversation)
}

// traceDreams finds those that were cancelled or undone, too: their objects
// hold what later dreams took up again.
func (q *ExperienceQueries) traceDreams(ctx context.Context, tenant string, t *Traces) error {
	return q.Words(ctx, &t.Dreams, `SELECT dream FROM experiences WHERE tenant = $1 AND conversation = $2
		AND dream IS NOT NULL UNION SELECT d.id FROM jobs j JOIN dreams d ON d.id = j.subject
			WHERE j.id IN (`+citing+`)`, tenant, t.Conversation)
}

func (q *ExperienceQueries) traceMemories(ctx context.Context, tenant string, t *Traces) error {
	keep := func(m Memory) error {
		t.Memories = append(t.Memories, m)
		return nil
	}
	return db.Stream(ctx, q.Tx, scanMemory, keep, `SELECT id, tenant, dream, lessons, object, withdrawn, created
		FROM memories WHERE tenant = $1 AND id IN (`+citing+`)`, tenant, t.Conversation)
}

func (q *ExperienceQueries) traceDatasets(ctx context.Context, tenant string, t *Traces) error {
	keep := func(d Dataset) error {
		t.Datasets = append(t.Datasets, d)
		return nil
	}
	return db.Stream(ctx, q.Tx, scanDataset, keep, `SELECT `+datasetColumns+` FROM datasets WHERE tenant = $1
		AND id IN (SELECT x.dataset FROM dataset_examples x JOIN examples m ON m.id = x.example
			JOIN experiences e ON e.id = m.experience WHERE e.conversation = $2)`, tenant, t.Conversation)
}

func (q *ExperienceQueries) traceRows(ctx context.Context, tenant string, t *Traces) error {
	var rows []string
	err := q.Words(ctx, &rows, `SELECT m.messages FROM examples m JOIN experiences e ON e.id = m.experience
		WHERE m.tenant = $1 AND e.conversation = $2`, tenant, t.Conversation)
	for _, row := range rows {
		t.Rows = append(t.Rows, json.RawMessage(row))
	}
	return err
}

// forgetting removes a conversation ($2) of a tenant ($1), and what was learned
// from it: first what is found through its experiences, then these.
var forgetting = []string{
	`DELETE FROM examples WHERE tenant = $1
		AND experience IN (SELECT id FROM experiences WHERE conversation = $2)`,
	`DELETE FROM reflections WHERE tenant = $1 AND id IN (` + citing + `)`,
	// What was said stands in the chats' jobs, what was made of it in the dreams' and evaluations'.
	`DELETE FROM effects WHERE job IN (SELECT j.id FROM jobs j JOIN experiences e ON e.job = j.id
		WHERE j.tenant = $1 AND e.conversation = $2 AND j.kind = 'chat.run')`,
	`UPDATE jobs SET input = '{}', result = NULL WHERE tenant = $1 AND kind = 'chat.run'
		AND id IN (SELECT job FROM experiences WHERE conversation = $2)`,
	`DELETE FROM effects WHERE job IN (` + citing + `) AND EXISTS (SELECT 1 FROM experiences e
		WHERE e.conversation = $2 AND effects.step >= e.id || '/' AND effects.step < e.id || '0')`,
	`DELETE FROM effects WHERE job IN (SELECT j.id FROM jobs j JOIN dreams d ON d.id = j.subject
		JOIN experiences e ON e.dream = d.id WHERE j.tenant = $1 AND e.conversation = $2
		AND j.kind = 'dream.reflect' AND d.finished IS NOT NULL)`,
	`UPDATE jobs SET result = NULL WHERE tenant = $1 AND kind = 'dream.slice' AND id IN (` + citing + `)
		AND subject IN (SELECT id FROM dreams WHERE tenant = $1 AND finished IS NOT NULL)`,
	// What a reflection named that is gone, of other conversations too; then these.
	`DELETE FROM citations WHERE cites IN (` + citing + `) AND cites >= 'rfl_' AND cites < 'rfm'`,
	`DELETE FROM citations WHERE tenant = $1 AND source IN (SELECT id FROM experiences WHERE conversation = $2)`,
	`DELETE FROM experiences WHERE tenant = $1 AND conversation = $2`,
	`DELETE FROM conversations WHERE tenant = $1 AND id = $2`,
}

// DeleteConversation forgets a conversation and what was learned from it:
// experiences, examples, the lessons that cite it, and what jobs said of it.
// The spend stays. The traces bring memories and datasets as they are to be
// from now on. It fails with db.ErrConflict where something was learned from it since
// they were read: read them again.
func (q *ExperienceQueries) DeleteConversation(ctx context.Context, tenant string, t Traces) error {
	if err := q.holdConversation(ctx, tenant, t); err != nil {
		return err
	}
	for _, m := range t.Memories {
		err := q.Must(ctx, db.ErrNotFound, `UPDATE memories SET lessons = $3 WHERE tenant = $1 AND id = $2`,
			tenant, m.ID, db.Encode(m.Lessons))
		if err != nil {
			return err
		}
	}
	for _, d := range t.Datasets {
		if err := q.moveDataset(ctx, d); err != nil {
			return err
		}
	}
	for _, statement := range forgetting {
		if _, err := q.Exec(ctx, statement, tenant, t.Conversation); err != nil {
			return err
		}
	}
	return nil
}

// holdConversation waits for those who are learning from the conversation, and has
// those who come later find it gone.
func (q *ExperienceQueries) holdConversation(ctx context.Context, tenant string, t Traces) error {
	for _, lock := range []string{
		`SELECT id FROM experiences WHERE tenant = $1 AND conversation = $2 ORDER BY id {lock}`,
		`SELECT m.id FROM experiences e JOIN examples m ON m.experience = e.id
			WHERE e.tenant = $1 AND e.conversation = $2 ORDER BY m.id {lock m}`,
	} {
		if err := q.Words(ctx, new([]string), lock, tenant, t.Conversation); err != nil {
			return err
		}
	}
	now := Traces{Conversation: t.Conversation}
	if err := errors.Join(q.traceMemories(ctx, tenant, &now), q.traceDatasets(ctx, tenant, &now)); err != nil {
		return err
	}
	if len(now.Memories) != len(t.Memories) || len(now.Datasets) != len(t.Datasets) {
		return fmt.Errorf("something was learned from conversation %s meanwhile: %w", t.Conversation, db.ErrConflict)
	}
	return nil
}

// moveDataset points a dataset, and the tunes under way, to another object.
func (q *ExperienceQueries) moveDataset(ctx context.Context, d Dataset) error {
	var old string
	err := q.One(ctx, `SELECT object FROM datasets WHERE id = $1`, []any{d.ID}, &old)
	if err != nil || old == d.Object {
		return err
	}
	_, err = q.Exec(ctx, `UPDATE datasets SET object = $2, rows = $3, manifest = $4 WHERE id = $1`,
		d.ID, d.Object, d.Rows, db.Encode(d.Manifest))
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`UPDATE tunes SET state = replace(state, $2, $3) WHERE tenant = $1 AND finished IS NULL`,
		`UPDATE trainings SET spec = replace(spec, $2, $3) WHERE tenant = $1 AND finished IS NULL`,
	} {
		if _, err := q.Exec(ctx, statement, d.Tenant, old, d.Object); err != nil {
			return err
		}
	}
	return nil
}

// DatasetObjectUsed tells whether a dataset of any tenant is kept in an object.
func (q *ExperienceQueries) DatasetObjectUsed(ctx context.Context, object string) (bool, error) {
	var n int64
	err := q.One(ctx, `SELECT COUNT(*) FROM datasets WHERE object = $1`, []any{object}, &n)
	return n > 0, err
}
