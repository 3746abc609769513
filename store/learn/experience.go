package learn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Experience is one prompt with its answer, and the feedback on it.
type Experience struct {
	ID           string
	Tenant       string
	Conversation string // conv_…
	External     string // the conversation's id as the client calls it
	Thread       string // conv_… where the client gave none. Defaults to what its beginning tells, see ThreadID.
	HeldOut      bool   // its conversation is used for evaluation and never for training
	Alias        string // the alias that the chat asked for
	Origin       string // live, import, memory, cache, dream
	Job          string
	Provider     string
	Model        string
	Prompt       json.RawMessage // messages before the answer
	Answer       json.RawMessage // the answer's message
	Finish       string
	Reference    string // the right answer, where it is known
	Rating       *int64 // -1, 0 or 1
	Comment      string
	Correction   string // the answer that the user would have wanted
	Metadata     json.RawMessage
	Content      string    // sha256 of the messages
	Identity     string    // sha256 that tells duplicates
	Dream        string    // the dream whose batch it is sealed in
	Reopened     time.Time // when feedback gave it to another dream
	Created      time.Time
}

// The origins of an experience.
const (
	OriginLive   = "live"
	OriginImport = "import"
	OriginMemory = "memory" // answered with memory in the prompt
	OriginCache  = "cache"
	OriginDream  = "dream"
)

// DefaultAlias is the alias of experiences that name none.
const DefaultAlias = "assistant"

// Seal fills an experience's hashes. Two experiences are the same where the conversation id and
// the messages are; without an id of the client's, where the messages are.
func (e *Experience) Seal() {
	sum := sha256.New()
	sum.Write(e.Prompt)
	sum.Write([]byte{'\n'})
	sum.Write(e.Answer)
	e.Content = hex.EncodeToString(sum.Sum(nil))
	e.Identity = e.Content
	if e.External != "" {
		named := sha256.Sum256([]byte(e.External + "\n" + e.Content))
		e.Identity = hex.EncodeToString(named[:])
	}
}

const experienceColumns = `e.id, e.tenant, e.conversation, c.external, e.held_out, e.alias, e.origin,
	e.job, e.provider,
	e.model, e.prompt, e.answer, e.finish, e.reference, e.rating, e.comment, e.correction, e.metadata,
	e.content, e.identity, e.dream, e.reopened, e.created`

const experienceTables = ` FROM experiences e JOIN conversations c ON c.id = e.conversation `

func scanExperience(scan func(...any) error) (Experience, error) {
	var e Experience
	var own, provider, model, finish, reference, comment, correction, metadata, dream *string
	var prompt, answer string
	var reopened, created *int64
	err := scan(&e.ID, &e.Tenant, &e.Conversation, &e.External, &e.HeldOut, &e.Alias, &e.Origin, &own,
		&provider,
		&model, db.Opened(&prompt, &e.ID), db.Opened(&answer, &e.ID), &finish, db.Opened(&reference, &e.ID),
		&e.Rating, db.Opened(&comment, &e.ID), db.Opened(&correction, &e.ID), &metadata,
		&e.Content, &e.Identity, &dream, &reopened, &created)
	e.Job, e.Provider, e.Model, e.Finish = db.Deref(own), db.Deref(provider), db.Deref(model), db.Deref(finish)
	e.Reference, e.Comment, e.Correction = db.Deref(reference), db.Deref(comment), db.Deref(correction)
	e.Prompt, e.Answer = json.RawMessage(prompt), json.RawMessage(answer)
	e.Metadata = json.RawMessage(db.Deref(metadata))
	e.Dream, e.Reopened, e.Created = db.Deref(dream), db.TimeOf(reopened), db.TimeOf(created)
	return e, err
}

// Wrong tells whether a user found the answer wrong, or feedback reopened it.
func (e Experience) Wrong() bool {
	return e.Correction != "" || e.Rating != nil && *e.Rating < 0 || !e.Reopened.IsZero()
}

// Experience finds a tenant's experience.
func (q *ExperienceQueries) Experience(ctx context.Context, tenant, id string) (Experience, error) {
	return db.Read(ctx, q.Tx, scanExperience, `SELECT `+experienceColumns+experienceTables+
		`WHERE e.tenant = $1 AND e.id = $2`, tenant, id)
}

// ExperienceFilter narrows a list; empty fields do not.
type ExperienceFilter struct {
	Conversation string // conv_… or the client's own id
	Origin       string
	Dream        string
	Job          string
	Alias        string
	Provider     string
	Model        string // the vendor's name of it. Only with Provider.
	Text         string // the beginning of an id, or words of its metadata
}

// Experiences lists a tenant's experiences.
func (q *ExperienceQueries) Experiences(ctx context.Context, tenant string, f ExperienceFilter, p db.Page,
) ([]Experience, bool, error) {
	n := db.Select(`SELECT `+experienceColumns+experienceTables+` WHERE e.tenant = $1`, tenant)
	n.By(`e.conversation IN (SELECT id FROM conversations WHERE tenant = $1 AND id = ?
		UNION ALL SELECT id FROM conversations WHERE tenant = $1 AND external = ?)`, f.Conversation)
	n.By(`e.dream = ?`, f.Dream)
	n.By(`e.job = ?`, f.Job)
	if db.NounOf(f.Text) == "exp_" {
		n.Begins("e.id", f.Text)
	} else if err := job.HasText(ctx, q.Tx, &n, "e.id", f.Text); err != nil {
		return nil, false, err
	}
	lead, err := f.lead(ctx, q.Tx, tenant)
	if err != nil {
		return nil, false, err
	}
	if lead.column == "" {
		return db.ListBy(ctx, q.Tx, p, "e.id", scanExperience, n.Query, n.Args...)
	}
	if lead.column != originColumn {
		n.By(originColumn+` = ?`, f.Origin)
	}
	if lead.column != aliasColumn {
		n.By(aliasColumn+` = ?`, f.Alias)
	}
	return q.experiencesBy(ctx, n, lead, p)
}

// The columns of the indexes that have what dreams have sealed.
const (
	aliasColumn  = `e.alias`
	originColumn = `e.origin`
	answeredBy   = `(e.provider || '/' || e.model)`
)

// lead is the filter by which a list is read.
type lead struct {
	column string            // whose index has the sealed experiences, "" where all are listed
	values []string          // of the column that are wanted
	fresh  map[string]string // the same of fresh experiences, in columns of their index
}

// lead returns the filter that is likely to leave the fewest.
func (f ExperienceFilter) lead(ctx context.Context, tx *db.Tx, tenant string) (lead, error) {
	switch {
	case f.Model != "":
		return lead{answeredBy, []string{f.Provider + "/" + f.Model},
			map[string]string{`e.provider`: f.Provider, `e.model`: f.Model}}, nil
	case f.Provider != "":
		models, err := sealedModels(ctx, tx, tenant, f.Provider)
		return lead{answeredBy, models, map[string]string{`e.provider`: f.Provider}}, err
	case f.Alias != "":
		return lead{aliasColumn, []string{f.Alias}, map[string]string{aliasColumn: f.Alias}}, nil
	case f.Origin != "":
		return lead{originColumn, []string{f.Origin}, map[string]string{originColumn: f.Origin}}, nil
	}
	return lead{}, nil
}

// sealedModels returns the models of a vendor whose answers dreams have sealed. It goes from one to the
// next on their index: a few steps over a million rows. The character behind the slash is the zero.
func sealedModels(ctx context.Context, tx *db.Tx, tenant, provider string) ([]string, error) {
	const next = `(SELECT MIN(` + answeredBy + `) FROM experiences e WHERE e.tenant = $1 AND e.dream IS NOT NULL AND ` +
		answeredBy + ` > %s AND ` + answeredBy + ` < $3)`
	var models []string
	err := tx.Words(ctx, &models, `WITH RECURSIVE found(model) AS (SELECT `+fmt.Sprintf(next, "$2")+` UNION ALL
		SELECT `+fmt.Sprintf(next, "found.model")+` FROM found WHERE found.model IS NOT NULL)
		SELECT model FROM found WHERE model IS NOT NULL`, tenant, provider+"/", provider+"0")
	return models, err
}

// experiencesBy reads a page of a list by the index of what dreams have sealed, for each value that is
// wanted. The fresh experiences, a night's at most, are read in their own order: their index tells which
// of them are wanted. Written as one condition with an OR, the whole list is read for a value that none has:
// 0.3 s over a million rows.
func (q *ExperienceQueries) experiencesBy(ctx context.Context, n db.Selection, by lead, p db.Page) ([]Experience, bool, error) {
	all := n.Query
	n.Where(`e.dream IS NULL`)
	for _, column := range slices.Sorted(maps.Keys(by.fresh)) {
		n.By(column+` = ?`, by.fresh[column])
	}
	parts := []string{n.Query}
	for _, value := range by.values {
		n.Query = all
		n.By(`e.dream IS NOT NULL AND `+by.column+` >= ? AND `+by.column+` <= ?`, value)
		parts = append(parts, n.Query)
	}
	bySealed, more := p.ClauseBy(len(n.Args), "e.id", by.column)
	byFresh, _ := p.Clause(len(n.Args), "e.id")
	whole, _ := p.Clause(len(n.Args), "id")
	_, order, _ := strings.Cut(whole, " ORDER BY ")
	for i, part := range parts {
		end := bySealed
		if i == 0 {
			end = byFresh
		}
		parts[i] = `SELECT * FROM (` + part + end + fmt.Sprintf(`) AS part%d`, i)
	}
	var rows []Experience
	err := q.Each(ctx, strings.Join(parts, " UNION ALL ")+` ORDER BY `+order, append(n.Args, more...), func(r db.Rows) error {
		row, err := scanExperience(r.Scan)
		rows = append(rows, row)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	rows, hasMore := db.Cut(rows, p)
	return rows, hasMore, nil
}

// sameAs is the condition for a duplicate: the same messages in the same conversation or, where
// it names none, in any.
func (q *ExperienceQueries) sameAs(ctx context.Context, e Experience) ([]string, error) {
	var known []string
	if e.External == "" {
		err := q.Words(ctx, &known, `SELECT id FROM experiences WHERE content = $1 AND tenant || '' = $2 ORDER BY id`,
			e.Content, e.Tenant)
		return known, err
	}
	err := q.Words(ctx, &known, `SELECT id FROM experiences WHERE tenant = $1 AND identity = $2`, e.Tenant, e.Identity)
	return known, err
}

// FreshCount counts a tenant's experiences that no dream has sealed, up to a bound.
func (q *ExperienceQueries) FreshCount(ctx context.Context, tenant string, bound int) (int, error) {
	var n int
	err := q.One(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM experiences {by experiences_fresh}
		WHERE tenant = $1 AND dream IS NULL LIMIT $2) AS fresh`, []any{tenant, int64(bound)}, &n)
	return n, err
}

// ExamPapers calls fn with a tenant's newest held-out experiences of an alias, at most limit:
// the inputs of an evaluation.
func (q *ExperienceQueries) ExamPapers(ctx context.Context, tenant, alias string, limit int,
	fn func(Experience) error,
) error {
	return db.Stream(ctx, q.Tx, scanExperience, fn, `SELECT `+experienceColumns+experienceTables+`WHERE e.tenant = $1
		AND e.alias = $2 AND e.held_out ORDER BY e.id DESC LIMIT $3`, tenant, alias, int64(limit))
}
