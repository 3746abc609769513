package learn

import (
	"context"
	"errors"
	"slices"

	"dreamlab/store/db"
)

// Traces are where a conversation left something beside its own row: ids alone, so
// that they can be kept while it is being forgotten.
type Traces struct {
	Conversation string   `json:"conversation"`
	Experiences  []string `json:"experiences"`
	Chats        []string `json:"chats"`   // jobs whose input and answer said it
	Imports      []string `json:"imports"` // jobs that brought it in
	Examples     []string `json:"examples"`
	Reflections  []string `json:"reflections"`
	Dreams       []string `json:"dreams"` // that took it in; one under way may have read what it taught, too
	Memories     []string `json:"memories"`
	Datasets     []string `json:"datasets"`
	Models       []string `json:"models"` // tuned on these datasets
}

// Kinds are the kinds of the jobs in which a conversation leaves what was said.
type Kinds struct{ Chat, Import, Slice, Reflect string }

// ofConversation are the experiences of a conversation ($2) of a tenant ($1), and
// citing are those who name one of them.
const (
	ofConversation = `SELECT id FROM experiences WHERE tenant = $1 AND conversation = $2`
	citing         = `SELECT cites FROM citations WHERE tenant = $1 AND source IN (` + ofConversation + `)`
	frozen         = `SELECT x.dataset FROM dataset_examples x JOIN examples m ON m.id = x.example
		WHERE m.tenant = $1 AND m.experience IN (` + ofConversation + `)`
)

// Traces finds a conversation, by our id or the client's, and where it left
// something. It fails with ErrNotFound where there is no such conversation.
func (q *ExperienceQueries) Traces(ctx context.Context, tenant, id string, kinds Kinds) (Traces, error) {
	var t Traces
	external, err := q.findConversation(ctx, tenant, id, &t)
	if err != nil {
		return t, err
	}
	if err := q.traceJobs(ctx, tenant, external, kinds, &t); err != nil {
		return t, err
	}
	for _, find := range []struct {
		into  *[]string
		query string
	}{
		{&t.Experiences, ofConversation},
		{&t.Examples, `SELECT id FROM examples WHERE tenant = $1 AND experience IN (` + ofConversation + `)`},
		{&t.Reflections, `SELECT id FROM reflections WHERE tenant = $1 AND id IN (` + citing + `)`},
		// Dreams that were cancelled or undone, too: their objects hold what later ones took up again.
		{&t.Dreams, `SELECT dream FROM experiences WHERE tenant = $1 AND conversation = $2 AND dream IS NOT NULL
			UNION SELECT d.id FROM jobs j JOIN dreams d ON d.id = j.subject WHERE j.id IN (` + citing + `)
			UNION SELECT id FROM dreams WHERE tenant = $1 AND finished IS NULL`},
		{&t.Memories, `SELECT id FROM memories WHERE tenant = $1 AND id IN (` + citing + `)`},
		{&t.Datasets, `SELECT id FROM datasets WHERE tenant = $1 AND id IN (` + frozen + `)`},
		{&t.Models, `SELECT m.name FROM models m JOIN tunes t ON t.id = m.tune
			WHERE m.tenant = $1 AND t.dataset IN (` + frozen + `)`},
	} {
		if err := q.Words(ctx, find.into, find.query+` ORDER BY 1`, tenant, t.Conversation); err != nil {
			return t, err
		}
	}
	return t, nil
}

// findConversation finds its ids, ours and the client's. One whose chats all left no
// experience has no row, and is known by the client's id alone.
func (q *ExperienceQueries) findConversation(ctx context.Context, tenant, id string, t *Traces,
) (external string, err error) {
	err = q.One(ctx, `SELECT id, external FROM conversations WHERE tenant = $1 AND (id = $2 OR external = $2)`,
		[]any{tenant, id}, &t.Conversation, &external)
	if errors.Is(err, db.ErrNotFound) {
		err = q.One(ctx, `SELECT conversation, conversation FROM jobs
			WHERE tenant = $1 AND conversation = $2 AND finished IS NOT NULL LIMIT 1`,
			[]any{tenant, id}, &t.Conversation, &external)
	}
	return external, err
}

// traceJobs finds the imports that brought it in, and its chats that have ended: by
// the experiences that they left, and by its name, which those have, too, that left
// none, as refusals, answers without text and failed chats.
func (q *ExperienceQueries) traceJobs(ctx context.Context, tenant, external string, kinds Kinds, t *Traces) error {
	const left = `SELECT id FROM jobs WHERE tenant = $1 AND kind = $3
		AND id IN (SELECT job FROM experiences WHERE tenant = $1 AND conversation = $2)`
	if err := q.Words(ctx, &t.Imports, left+` ORDER BY 1`, tenant, t.Conversation, kinds.Import); err != nil {
		return err
	}
	return q.Words(ctx, &t.Chats, left+` UNION SELECT id FROM jobs
		WHERE tenant = $1 AND conversation = $4 AND finished IS NOT NULL ORDER BY 1`,
		tenant, t.Conversation, kinds.Chat, external)
}

// HoldConversation waits for those who are learning from a conversation, by our id,
// and has those who come later find it gone. It must run in a transaction.
func (q *ExperienceQueries) HoldConversation(ctx context.Context, tenant, id string) error {
	for _, lock := range []string{
		`SELECT id FROM conversations WHERE tenant = $1 AND id = $2 {lock}`,
		ofConversation + ` ORDER BY id {lock}`,
		`SELECT m.id FROM examples m WHERE m.tenant = $1 AND m.experience IN (` + ofConversation + `)
			ORDER BY m.id {lock m}`,
	} {
		if err := q.Words(ctx, new([]string), lock, tenant, id); err != nil {
			return err
		}
	}
	return nil
}

// StillThere tells which of the experiences have not been forgotten, and keeps them
// from being so until the transaction ends.
func (q *ExperienceQueries) StillThere(ctx context.Context, tenant string, ids []string) (map[string]bool, error) {
	var found []string
	err := q.Words(ctx, &found, `SELECT id FROM experiences WHERE tenant = $1 AND id IN ({list $2}) ORDER BY id {lock}`,
		tenant, encodeList(ids))
	return setOf(found), err
}

// encodeList writes a list for {list …}; none is an empty one.
func encodeList(ids []string) string { return db.Encode(append([]string{}, ids...)) }

// cited are those who name one of the experiences ($2) of a tenant ($1), which may
// be gone.
const cited = `SELECT cites FROM citations WHERE tenant = $1 AND source IN ({list $2})`

// Forget removes what a conversation left in the database, and what was learned
// from it: experiences, examples, the lessons that rest on it, and what jobs said
// of it. The spend stays. It can be repeated, which removes what was under way the
// time before. It must run in a transaction.
func (q *ExperienceQueries) Forget(ctx context.Context, tenant string, t Traces, kinds Kinds) error {
	if err := q.forgetLessons(ctx, tenant, t); err != nil {
		return err
	}
	said, chats, dreams := encodeList(t.Experiences), encodeList(t.Chats), encodeList(t.Dreams)
	for _, s := range []struct {
		query string
		args  []any
	}{
		{`DELETE FROM examples WHERE tenant = $1 AND experience IN ({list $2})`, []any{tenant, said}},
		{`DELETE FROM reflections WHERE tenant = $1 AND id IN (` + cited + `)`, []any{tenant, said}},
		// What was said stands in the chats' jobs, what was made of it in the dreams' and evaluations'.
		{`DELETE FROM effects WHERE job IN ({list $1})`, []any{chats}},
		{`UPDATE jobs SET input = '{}', result = NULL, conversation = NULL, error_message = CASE
			WHEN error_code IS NOT NULL THEN 'deleted with the conversation' END
			WHERE tenant = $1 AND id IN ({list $2})`, []any{tenant, chats}},
		{`UPDATE attempts SET message = NULL WHERE job IN ({list $1})`, []any{chats}},
		{`DELETE FROM effects WHERE job IN (` + cited + `) AND EXISTS (SELECT 1 FROM ({list $2}) AS x
			WHERE effects.step >= x.value || '/' AND effects.step < x.value || '0')`, []any{tenant, said}},
		{`DELETE FROM effects WHERE job IN (SELECT j.id FROM jobs j JOIN dreams d ON d.id = j.subject
			WHERE j.tenant = $1 AND j.kind = $3 AND d.finished IS NOT NULL AND d.id IN ({list $2}))`,
			[]any{tenant, dreams, kinds.Reflect}},
		{`UPDATE jobs SET result = NULL WHERE tenant = $1 AND kind = $3 AND id IN (` + cited + `)
			AND subject IN (SELECT id FROM dreams WHERE tenant = $1 AND finished IS NOT NULL)`,
			[]any{tenant, said, kinds.Slice}},
		{`DELETE FROM experiences WHERE tenant = $1 AND conversation = $2`, []any{tenant, t.Conversation}},
		{`DELETE FROM conversations WHERE tenant = $1 AND id = $2`, []any{tenant, t.Conversation}},
	} {
		if _, err := q.Exec(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// forgetLessons takes the lessons that rest on a conversation out of the memories.
func (q *ExperienceQueries) forgetLessons(ctx context.Context, tenant string, t Traces) error {
	memories, err := q.MemoriesOf(ctx, tenant, t)
	if err != nil {
		return err
	}
	for _, m := range memories {
		left := m.lessonsWithout(t.Experiences)
		if len(left) == len(m.Lessons) {
			continue
		}
		if _, err := q.Exec(ctx, `UPDATE memories SET lessons = $2 WHERE id = $1`, m.ID, db.Encode(left)); err != nil {
			return err
		}
	}
	return nil
}

// lessonsWithout leaves out the lessons that rest on one of the experiences.
func (m Memory) lessonsWithout(gone []string) []Lesson {
	rests := func(l Lesson) bool {
		return slices.ContainsFunc(l.Sources, func(id string) bool { return slices.Contains(gone, id) })
	}
	return slices.DeleteFunc(slices.Clone(m.Lessons), rests)
}

// MemoriesOf finds the versions of the memory that the conversation has, or had, a
// part in.
func (q *ExperienceQueries) MemoriesOf(ctx context.Context, tenant string, t Traces) ([]Memory, error) {
	var all []Memory
	keep := func(m Memory) error {
		all = append(all, m)
		return nil
	}
	err := db.Stream(ctx, q.Tx, scanMemory, keep, `SELECT id, tenant, dream, lessons, object, withdrawn, created
		FROM memories WHERE tenant = $1 AND (id IN (`+cited+`) OR id IN ({list $3}) OR dream IN ({list $4})) ORDER BY id`,
		tenant, encodeList(t.Experiences), encodeList(t.Memories), encodeList(t.Dreams))
	return all, err
}

// StillLearning tells whether work is under way that may have read the conversation
// before it was forgotten: what it writes has to be looked at once more.
func (q *ExperienceQueries) StillLearning(ctx context.Context, tenant string, t Traces) (bool, error) {
	var busy []string
	err := q.Words(ctx, &busy, `SELECT id FROM dreams WHERE tenant = $1 AND finished IS NULL AND id IN ({list $3})
		UNION SELECT id FROM jobs WHERE finished IS NULL AND id IN (`+cited+` UNION SELECT value FROM ({list $4}) AS x)`,
		tenant, encodeList(t.Experiences), encodeList(t.Dreams), encodeList(t.Imports))
	return len(busy) > 0, err
}

// ForgetCitations removes who named a conversation, once nobody is at work who may
// name it again.
func (q *ExperienceQueries) ForgetCitations(ctx context.Context, tenant string, t Traces) error {
	for _, query := range []string{
		// What a reflection named that is gone, of other conversations too; then these.
		`DELETE FROM citations WHERE cites IN (` + cited + `) AND cites >= 'rfl_' AND cites < 'rfm'`,
		`DELETE FROM citations WHERE tenant = $1 AND source IN ({list $2})`,
	} {
		if _, err := q.Exec(ctx, query, tenant, encodeList(t.Experiences)); err != nil {
			return err
		}
	}
	return nil
}

// MoveDataset points a dataset, and the tunes under way, to another object.
func (q *ExperienceQueries) MoveDataset(ctx context.Context, d Dataset) error {
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

// DatasetObjectsUsed tells which of the objects are a dataset's rows or manifest, of
// any tenant.
func (q *ExperienceQueries) DatasetObjectsUsed(ctx context.Context, objects []string) (map[string]bool, error) {
	var used []string
	err := q.Words(ctx, &used, `SELECT object FROM datasets WHERE object IN ({list $1}) UNION
		SELECT x.value FROM ({list $1}) AS x JOIN datasets d ON x.value = 'datasets/' || d.sha256 || '/manifest.json'`,
		encodeList(objects))
	return setOf(used), err
}

func setOf(words []string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, word := range words {
		set[word] = true
	}
	return set
}
