package learn

import (
	"context"
	"errors"
	"slices"

	"dreamlab/store/db"
)

// Traces lists the places beside its own row in which a conversation was stored: only ids, so
// that they can be kept while the conversation is being forgotten.
type Traces struct {
	Conversation string   `json:"conversation"`
	Experiences  []string `json:"experiences"`
	Chats        []string `json:"chats"`   // jobs with its messages in their input and answer
	Imports      []string `json:"imports"` // jobs that imported it
	Examples     []string `json:"examples"`
	Reflections  []string `json:"reflections"`
	Dreams       []string `json:"dreams"` // that sealed its experiences, and running ones that may have read its lessons
	Memories     []string `json:"memories"`
	Datasets     []string `json:"datasets"`
	Tunes        []string `json:"tunes"`     // of these datasets
	Trainings    []string `json:"trainings"` // whose files at vendors hold its rows
	Models       []string `json:"models"`    // tuned on these datasets
	Serving      []string `json:"serving"`   // of these, with traffic
}

// Kinds are the kinds of the jobs that hold a conversation's messages.
type Kinds struct{ Chat, Import, Slice, Reflect, Anticipate string }

// ofConversation selects the experiences of a conversation ($2) of a tenant ($1), and citing
// selects what cites one of them.
const (
	ofConversation = `SELECT id FROM experiences WHERE tenant = $1 AND conversation = $2`
	citing         = `SELECT cites FROM citations WHERE tenant = $1 AND source IN (` + ofConversation + `)`
	frozen         = `SELECT x.dataset FROM dataset_examples x JOIN examples m ON m.id = x.example
		WHERE m.tenant = $1 AND m.experience IN (` + ofConversation + `)`
	ofTunes  = `SELECT id FROM tunes WHERE tenant = $1 AND dataset IN (` + frozen + `)`
	ofModels = `SELECT name FROM models WHERE tenant = $1 AND tune IN (` + ofTunes + `)`
)

// Traces finds a conversation, by our id or the client's, and the places in which it was
// stored. It fails with ErrNotFound where there is no such conversation.
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
		// Cancelled and undone dreams count too, and those whose rows feedback has withdrawn: their objects hold
		// experiences that later dreams sealed again.
		{&t.Dreams, `SELECT dream FROM experiences WHERE tenant = $1 AND conversation = $2 AND dream IS NOT NULL
			UNION SELECT dream FROM examples WHERE tenant = $1 AND experience IN (` + ofConversation + `)
			UNION SELECT d.id FROM jobs j JOIN dreams d ON d.id = j.subject WHERE j.id IN (` + citing + `)
			UNION SELECT id FROM dreams WHERE tenant = $1 AND finished IS NULL`},
		{&t.Memories, `SELECT id FROM memories WHERE tenant = $1 AND id IN (` + citing + `)`},
		{&t.Datasets, `SELECT id FROM datasets WHERE tenant = $1 AND id IN (` + frozen + `)`},
		{&t.Tunes, ofTunes},
		{&t.Trainings, `SELECT id FROM trainings WHERE tenant = $1 AND tune IN (` + ofTunes + `)`},
		{&t.Models, ofModels},
		{&t.Serving, ofModels + ` AND state = 'serving'`},
	} {
		if err := q.Words(ctx, find.into, find.query+` ORDER BY 1`, tenant, t.Conversation); err != nil {
			return t, err
		}
	}
	return t, nil
}

// findConversation returns its ids, ours and the client's. A conversation whose chats left no
// experience has no row, and only the client's id.
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

// traceJobs finds the jobs that imported it, and its chats that have ended. It finds them by
// the experiences that they left, and by the conversation's name: chats that failed, were
// refused or had no text left no experience.
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

// HoldConversation waits for the transactions that are learning from a conversation, by our id;
// later ones find it gone. It must run in a transaction.
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

// StillThere returns the experiences that have not been forgotten, and locks them against it
// until the transaction ends.
func (q *ExperienceQueries) StillThere(ctx context.Context, tenant string, ids []string) (map[string]bool, error) {
	var found []string
	err := q.Words(ctx, &found, `SELECT id FROM experiences WHERE tenant = $1 AND id IN ({list $2}) ORDER BY id {lock}`,
		tenant, encodeList(ids))
	return setOf(found), err
}

// encodeList encodes a list for {list …}; no ids are an empty list.
func encodeList(ids []string) string { return db.Encode(append([]string{}, ids...)) }

// cited selects what cites one of the experiences ($2) of a tenant ($1). The experiences may be
// gone.
const cited = `SELECT cites FROM citations WHERE tenant = $1 AND source IN ({list $2})`

// Lines of batches ask about the experiences ($2): in batches that have ended, and in others.
const (
	askedLines = `job IN (` + cited + `) AND EXISTS (SELECT 1 FROM ({list $2}) AS x
		WHERE batch_lines.step >= x.value || '/' AND batch_lines.step < x.value || '0'
			OR batch_lines.parts LIKE '%"' || x.value || '/%')`
	endedLines = askedLines + andEnded
	andEnded   = ` AND EXISTS (SELECT 1 FROM batches b WHERE b.id = batch_lines.batch AND b.finished IS NOT NULL)`
)

// keptAtVendor selects what vendors still keep of the orders of dreams ($3). A vendor that fails again and again
// is not waited for: then its files go when it answers, or by themselves.
const keptAtVendor = `SELECT name FROM batch_files WHERE tries < 6 AND root IN
	(SELECT job FROM dreams WHERE tenant = $1 AND id IN ({list $3}))`

// Forget removes what a conversation left in the database and what was learned from it:
// experiences, examples, the lessons that rest on it, and the contents of its jobs. Entries are
// kept, and a tombstone, by which the same is not stored again. It can be repeated, which
// removes what running jobs wrote since the last time. It must
// run in a transaction.
func (q *ExperienceQueries) Forget(ctx context.Context, tenant string, t Traces, kinds Kinds) error {
	if err := q.forgetLessons(ctx, tenant, t); err != nil {
		return err
	}
	if err := q.taint(ctx, tenant, t); err != nil {
		return err
	}
	if err := q.bury(ctx, tenant, t.Conversation); err != nil {
		return err
	}
	said, chats, dreams := encodeList(t.Experiences), encodeList(t.Chats), encodeList(t.Dreams)
	for _, s := range []struct {
		query string
		args  []any
	}{
		{`DELETE FROM reviews WHERE tenant = $1 AND example IN
			(SELECT id FROM examples WHERE tenant = $1 AND experience IN ({list $2}))`, []any{tenant, said}},
		{`DELETE FROM examples WHERE tenant = $1 AND experience IN ({list $2})`, []any{tenant, said}},
		{`DELETE FROM reflections WHERE tenant = $1 AND id IN (` + cited + `)`, []any{tenant, said}},
		// The chats' jobs hold its messages; the dreams' and evaluations' jobs hold texts made from them.
		{`DELETE FROM effects WHERE job IN ({list $1})`, []any{chats}},
		{`UPDATE jobs SET input = '{}', result = NULL, metadata = NULL, conversation = NULL, error_message = CASE
			WHEN error_code IS NOT NULL THEN 'deleted with the conversation' END
			WHERE tenant = $1 AND id IN ({list $2})`, []any{tenant, chats}},
		{`UPDATE attempts SET message = NULL WHERE job IN ({list $1})`, []any{chats}},
		{`DELETE FROM effects WHERE job IN (` + cited + `) AND EXISTS (SELECT 1 FROM ({list $2}) AS x
			WHERE effects.step >= x.value || '/' AND effects.step < x.value || '0')`, []any{tenant, said}},
		{`DELETE FROM effects WHERE job IN (SELECT j.id FROM jobs j JOIN dreams d ON d.id = j.subject
			WHERE j.tenant = $1 AND j.kind IN ($3, $4) AND d.finished IS NOT NULL AND d.id IN ({list $2}))`,
			[]any{tenant, dreams, kinds.Reflect, kinds.Anticipate}},
		{`UPDATE jobs SET result = NULL WHERE tenant = $1 AND kind = $3 AND id IN (` + cited + `)
			AND subject IN (SELECT id FROM dreams WHERE tenant = $1 AND finished IS NOT NULL)`,
			[]any{tenant, said, kinds.Slice}},
		{`DELETE FROM batch_lines WHERE ` + endedLines, []any{tenant, said}},
		{`DELETE FROM batch_lines WHERE job IN (SELECT j.id FROM jobs j JOIN dreams d ON d.id = j.subject
			WHERE j.tenant = $1 AND d.finished IS NOT NULL AND d.id IN ({list $2}))` + andEnded, []any{tenant, dreams}},
		{`DELETE FROM lesson_uses WHERE tenant = $1 AND experience IN ({list $2})`, []any{tenant, said}},
		{`DELETE FROM words WHERE id IN ({list $1}) AND word >= 'text/' AND word < 'text0'`,
			[]any{encodeList(slices.Concat(t.Experiences, t.Chats))}},
		{`UPDATE comparisons SET said = NULL WHERE tenant = $1 AND experience IN ({list $2})`, []any{tenant, said}},
		{`DELETE FROM regression_papers WHERE tenant = $1 AND experience IN ({list $2})`, []any{tenant, said}},
		{`DELETE FROM experiences WHERE tenant = $1 AND conversation = $2`, []any{tenant, t.Conversation}},
		{`DELETE FROM conversations WHERE tenant = $1 AND id = $2`, []any{tenant, t.Conversation}},
	} {
		if _, err := q.Exec(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// forgetLessons removes the lessons that rest on a conversation from the memories.
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
		if _, err := q.Exec(ctx, `UPDATE memories SET lessons = $2 WHERE id = $1`, m.ID, q.Seal(db.Encode(left), m.ID)); err != nil {
			return err
		}
	}
	return nil
}

// lessonsWithout returns the lessons that rest on none of the experiences.
func (m Memory) lessonsWithout(gone []string) []Lesson {
	rests := func(l Lesson) bool {
		return slices.ContainsFunc(l.Sources, func(id string) bool { return slices.Contains(gone, id) })
	}
	return slices.DeleteFunc(slices.Clone(m.Lessons), rests)
}

// MemoriesOf returns the versions of the memory with a lesson that rests, or rested, on the
// conversation.
func (q *ExperienceQueries) MemoriesOf(ctx context.Context, tenant string, t Traces) ([]Memory, error) {
	var all []Memory
	keep := func(m Memory) error {
		all = append(all, m)
		return nil
	}
	err := db.Stream(ctx, q.Tx, scanMemory, keep, `SELECT `+memoryColumns+` FROM memories
		WHERE tenant = $1 AND (id IN (`+cited+`) OR id IN ({list $3}) OR dream IN ({list $4})) ORDER BY id`,
		tenant, encodeList(t.Experiences), encodeList(t.Memories), encodeList(t.Dreams))
	return all, err
}

// StillLearning tells whether a job is running that may have read the conversation before it
// was forgotten, whose results have to be looked at again, or whether a vendor keeps files of a dream that did.
func (q *ExperienceQueries) StillLearning(ctx context.Context, tenant string, t Traces) (bool, error) {
	var busy []string
	err := q.Words(ctx, &busy, `SELECT id FROM dreams WHERE tenant = $1 AND finished IS NULL AND id IN ({list $3})
		UNION SELECT batch FROM batch_lines WHERE `+askedLines+`
		UNION SELECT batch FROM batch_lines WHERE job IN (SELECT id FROM jobs WHERE tenant = $1 AND subject IN ({list $3}))
		UNION `+keptAtVendor+`
		UNION SELECT id FROM jobs WHERE finished IS NULL AND id IN (`+cited+` UNION SELECT value FROM ({list $4}) AS x)`,
		tenant, encodeList(t.Experiences), encodeList(t.Dreams), encodeList(t.Imports))
	return len(busy) > 0, err
}

// ForgetCitations removes the citations of a conversation, once no job is running that may cite
// it again.
func (q *ExperienceQueries) ForgetCitations(ctx context.Context, tenant string, t Traces) error {
	for _, query := range []string{
		// First the citations by reflections that are gone, of other conversations too; then the rest.
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

// DatasetObjectsUsed returns which of the objects are the rows or the manifest of a dataset, of
// any tenant. The rows of one of which some were deleted for their age are used no more.
func (q *ExperienceQueries) DatasetObjectsUsed(ctx context.Context, objects []string) (map[string]bool, error) {
	var used []string
	err := q.Words(ctx, &used, `SELECT object FROM datasets WHERE aged IS NULL AND object IN ({list $1}) UNION
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
