package learn

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"dreamlab/store/db"
)

// knownContent tells whether x.tenant has an experience of x.content. The tenant is written as
// the expression of the index on content, which no other index matches: PostgreSQL had made a
// plan while the table was small, kept it on the connection, and by it chose the index on the
// tenant alone, which reads all experiences of the tenant.
const knownContent = `(SELECT 1 FROM experiences e
	WHERE e.content = x.content AND e.tenant || '' = x.tenant LIMIT 1) IS NOT NULL`

// newConversation inserts the named conversations that are new, and one for each unnamed row
// whose content is new. All statements that do so lock the names in one order, so that two of
// them cannot deadlock.
var newConversation = db.Bulk{Query: `INSERT INTO conversations (id, tenant, external, held_out, created)
	SELECT x.id, x.tenant, x.external, x.held_out, {now}
	FROM {rows $1: id text, tenant text, external text, held_out boolean, content text, named text}
	WHERE (x.external <> x.id OR NOT ` + knownContent + `) AND NOT ` + buried + `
	ORDER BY x.tenant, x.external
	ON CONFLICT DO NOTHING`}

// itsConversation selects the conversation of x: whether it is held out, in one character, and its
// id. It is looked up for each row: of a join PostgreSQL made, while the tables were small, a plan
// that reads all conversations. It stands behind a LIMIT, or PostgreSQL would look up anew wherever
// a column of it is named.
const itsConversation = `(SELECT CASE WHEN c.held_out THEN '+' ELSE '-' END || c.id FROM conversations c
	WHERE c.tenant = x.tenant AND c.external = x.external)`

// newExperience inserts the experiences that are new, each into its conversation, which stands
// before it.
var newExperience = db.Bulk{Query: `INSERT INTO experiences (id, tenant, conversation, held_out, alias, origin,
	job, provider, model, prompt, answer, finish, reference, rating, comment, correction, metadata, content,
	identity, created)
	SELECT x.id, x.tenant, substr(x.found, 2), x.found LIKE '+%', x.alias, x.origin, x.job, x.provider, x.model, x.prompt,
		x.answer, x.finish, x.reference, x.rating, x.comment, x.correction, x.metadata, x.content, x.identity, {now}
	FROM (SELECT x.*, ` + itsConversation + ` AS found
		FROM {rows $1: id text, tenant text, external text, alias text, origin text, job text, provider text,
			model text, prompt text, answer text, finish text, reference text, rating bigint, comment text,
			correction text, metadata text, content text, identity text, named text} LIMIT 1000000000) AS x
	WHERE x.found IS NOT NULL AND (x.external <> substr(x.found, 2) OR NOT ` + knownContent + `) AND NOT ` + buried + `
	ORDER BY x.tenant, x.identity
	ON CONFLICT (tenant, identity) DO NOTHING`}

// experienceRow is a row on its way into the table, as JSON.
type experienceRow struct {
	ID         string  `json:"id"`
	Tenant     string  `json:"tenant"`
	External   string  `json:"external"`
	Alias      string  `json:"alias"`
	Origin     string  `json:"origin"`
	Job        *string `json:"job"`
	Provider   *string `json:"provider"`
	Model      *string `json:"model"`
	Prompt     string  `json:"prompt"`
	Answer     string  `json:"answer"`
	Finish     *string `json:"finish"`
	Reference  *string `json:"reference"`
	Rating     *int64  `json:"rating"`
	Comment    *string `json:"comment"`
	Correction *string `json:"correction"`
	Metadata   *string `json:"metadata"`
	Content    string  `json:"content"`
	Identity   string  `json:"identity"`
	Named      string  `json:"named"`
}

func (q *ExperienceQueries) rowOf(e Experience, external string) experienceRow {
	return experienceRow{
		ID: e.ID, Tenant: e.Tenant, External: external, Alias: e.Alias, Origin: e.Origin, Job: db.Optional(e.Job),
		Provider: db.Optional(e.Provider), Model: db.Optional(e.Model), Prompt: q.Seal(string(e.Prompt), e.ID),
		Answer: q.Seal(string(e.Answer), e.ID),
		Finish: db.Optional(e.Finish), Reference: q.SealOptional(e.Reference, e.ID), Rating: e.Rating,
		Comment: q.SealOptional(e.Comment, e.ID), Correction: q.SealOptional(e.Correction, e.ID),
		Metadata: db.Optional(string(e.Metadata)),
		Content:  e.Content, Identity: e.Identity, Named: nameSum(external),
	}
}

// conversationRow is the same of a conversation.
type conversationRow struct {
	ID       string `json:"id"`
	Tenant   string `json:"tenant"`
	External string `json:"external"`
	HeldOut  bool   `json:"held_out"`
	Content  string `json:"content"`
	Named    string `json:"named"`
}

// AddExperience stores an experience with its conversation, unless it is a duplicate (see
// Seal) or was forgotten. The conversation whose client id is the experience's External is made
// where there is none, and held out or not by its first question (see HeldOut). An experience
// without an External belongs to the conversation that its beginning tells (see ThreadID), else to one of
// its own. Nothing is
// read back: the second statement finds the conversation itself, and finds none where the first
// statement found a duplicate. It belongs in a Tx.
func (q *ExperienceQueries) AddExperience(ctx context.Context, e Experience) error {
	secret, err := q.Secret(ctx, heldOutSecret)
	if err != nil {
		return err
	}
	e, c := prepared(e, secret)
	same := e.Tenant + "/" + e.Identity
	row := conversationRow{c.ID, c.Tenant, c.External, c.HeldOut, e.Content, nameSum(c.External)}
	if err := q.Add(ctx, newConversation, same, row); err != nil {
		return fmt.Errorf("add a conversation: %w", err)
	}
	if err := q.Add(ctx, newExperience, same, q.rowOf(e, c.External)); err != nil {
		return err
	}
	return q.addWords(ctx, e)
}

// conversation is a row of the table: the turns that belong together. Statements refer to it by
// its position in a list.
type conversation struct {
	At       int    `json:"at"`
	ID       string `json:"-"`
	Tenant   string `json:"tenant"`
	External string `json:"external"` // the client's own id; ours where it gave none
	HeldOut  bool   `json:"-"`
}

// prepared gives an experience its id, and a new conversation to use where none of that name
// exists.
func prepared(e Experience, secret string) (Experience, conversation) {
	said := spokenOf(e.Prompt)
	if e.ID == "" {
		e.ID = db.NewID("exp_")
	}
	c := conversation{Tenant: e.Tenant, External: e.External, HeldOut: heldOut(secret, e, said)}
	if e.External != "" {
		c.ID = db.NewID("conv_")
		return e, c
	}
	c.ID = cmp.Or(e.Thread, threadID(e, said), db.NewID("conv_"))
	c.External = c.ID
	return e, c
}

// arrival is an experience of a batch on its way into the table.
type arrival struct {
	Experience
	at   int           // its position in the batch
	talk *conversation // shared by those of one conversation
}

// AddExperiences is AddExperience for many, under new ids, and tells for each whether it is
// new. Of duplicates in the batch the first is stored. It takes a handful of statements
// whatever the number, and works only inside a Tx.
func (q *ExperienceQueries) AddExperiences(ctx context.Context, batch []Experience) ([]bool, error) {
	added := make([]bool, len(batch))
	rows, err := q.unknown(ctx, distinct(batch))
	if err != nil {
		return nil, fmt.Errorf("look for what is known: %w", err)
	}
	if rows, err = q.unburied(ctx, rows); err != nil {
		return nil, fmt.Errorf("look for what was forgotten: %w", err)
	}
	if len(rows) == 0 {
		return added, nil
	}
	now, err := q.Now(ctx) // COPY takes values, not expressions
	if err != nil {
		return nil, err
	}
	if err := q.ensureConversations(ctx, rows, now.UnixMicro()); err != nil {
		return nil, err
	}
	if rows, err = q.copyExperiences(ctx, rows, now.UnixMicro()); err != nil {
		return nil, err
	}
	for _, row := range rows {
		added[row.at] = true
		if err := q.addWords(ctx, row.Experience); err != nil {
			return nil, err
		}
	}
	return added, nil
}

// distinct leaves out the duplicates of earlier rows of the batch.
func distinct(batch []Experience) []arrival {
	type hash struct{ tenant, sum string }
	seen := make(map[hash]bool, 2*len(batch))
	rows := make([]arrival, 0, len(batch))
	for i, e := range batch {
		// A row without a named conversation is identified by its content, which may
		// also stand in a named one.
		if seen[hash{e.Tenant, e.Identity}] {
			continue
		}
		seen[hash{e.Tenant, e.Identity}], seen[hash{e.Tenant, e.Content}] = true, true
		e.ID = "" // a fresh one, by which the row is looked for afterwards
		rows = append(rows, arrival{Experience: e, at: i})
	}
	return rows
}

// unknown leaves out the rows without a named conversation whose content is stored already.
// Duplicates in named conversations are found by their identity when they are inserted.
func (q *ExperienceQueries) unknown(ctx context.Context, rows []arrival) ([]arrival, error) {
	type sought struct {
		At      int    `json:"at"`
		Tenant  string `json:"tenant"`
		Content string `json:"content"`
	}
	var unnamed []sought
	for _, r := range rows {
		if r.External == "" {
			unnamed = append(unnamed, sought{r.at, r.Tenant, r.Content})
		}
	}
	if len(unnamed) == 0 {
		return rows, nil
	}
	known := map[int]bool{}
	err := q.Each(ctx, knownRows, []any{db.Encode(unnamed)}, func(r db.Rows) error {
		var at int64
		err := r.Scan(&at)
		known[int(at)] = true
		return err
	})
	return slices.DeleteFunc(rows, func(r arrival) bool { return known[r.at] }), err
}

// Each row is looked up by itself: PostgreSQL would plan a join by the size that the table had
// earlier.
const knownRows = `SELECT x.at FROM {rows $1: at bigint, tenant text, content text} WHERE ` + knownContent

var conversationColumns = []string{"id", "tenant", "external", "held_out", "created"}

// ensureConversations gives each row its conversation, which is made where there is none.
func (q *ExperienceQueries) ensureConversations(ctx context.Context, rows []arrival, now int64) error {
	secret, err := q.Secret(ctx, heldOutSecret)
	if err != nil {
		return err
	}
	list := conversationsOf(secret, rows)
	made, err := q.CopyNew(ctx, "conversations", conversationColumns, func(yield func([]any, error) bool) {
		for _, c := range list {
			if !yield([]any{c.ID, c.Tenant, c.External, c.HeldOut, now}, nil) {
				return
			}
		}
	})
	if err == nil && made < int64(len(list)) {
		err = q.findConversations(ctx, list)
	}
	for i, r := range rows {
		rows[i].Conversation, rows[i].HeldOut = r.talk.ID, r.talk.HeldOut
	}
	return err
}

// conversationsOf prepares the rows and their conversations, and returns these
// in the order of their key.
func conversationsOf(secret string, rows []arrival) []*conversation {
	type key struct{ tenant, external string }
	all := make(map[key]*conversation, len(rows))
	list := make([]*conversation, 0, len(rows))
	for i := range rows {
		var c conversation
		rows[i].Experience, c = prepared(rows[i].Experience, secret)
		name := key{c.Tenant, c.External}
		if all[name] == nil {
			all[name] = &c
			list = append(list, &c)
		}
		rows[i].talk = all[name]
	}
	slices.SortFunc(list, func(a, b *conversation) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.External, b.External))
	})
	return list
}

// findConversations reads which of the named conversations exist.
func (q *ExperienceQueries) findConversations(ctx context.Context, list []*conversation) error {
	for i, c := range list {
		c.At = i
	}
	return q.Each(ctx, `SELECT x.at,
		(SELECT c.id FROM conversations c WHERE c.tenant = x.tenant AND c.external = x.external),
		(SELECT c.held_out FROM conversations c WHERE c.tenant = x.tenant AND c.external = x.external)
		FROM {rows $1: at bigint, tenant text, external text}`, []any{db.Encode(list)}, func(r db.Rows) error {
		var at int64
		var id *string
		var heldOut *bool
		if err := r.Scan(&at, &id, &heldOut); err != nil {
			return err
		}
		if id == nil {
			return fmt.Errorf("a conversation was deleted meanwhile: %w", db.ErrConflict)
		}
		list[at].ID, list[at].HeldOut = *id, db.Deref(heldOut)
		return nil
	})
}

var newColumns = []string{
	"id", "tenant", "conversation", "held_out", "alias", "origin", "job", "provider", "model", "prompt",
	"answer", "finish", "reference", "rating", "comment", "correction", "metadata", "content", "identity", "created",
}

// copyExperiences inserts the rows and returns the new ones.
func (q *ExperienceQueries) copyExperiences(ctx context.Context, rows []arrival, now int64) ([]arrival, error) {
	slices.SortFunc(rows, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Identity, b.Identity))
	})
	made, err := q.CopyNew(ctx, "experiences", newColumns, q.experienceRows(rows, now))
	if err != nil || made == int64(len(rows)) {
		return rows, err
	}
	kept, err := q.keptOf(ctx, rows)
	if err != nil {
		return nil, fmt.Errorf("look for what is new: %w", err)
	}
	// Another transaction inserted the same text first: use its conversation.
	var empty []string
	for _, r := range rows {
		if r.External == "" && !kept[r.ID] {
			empty = append(empty, r.Conversation)
		}
	}
	if len(empty) > 0 {
		_, err = q.Exec(ctx, `DELETE FROM conversations WHERE id IN ({list $1}) AND NOT EXISTS (
			SELECT 1 FROM experiences e WHERE e.conversation = conversations.id)`, db.Encode(empty))
	}
	return slices.DeleteFunc(rows, func(r arrival) bool { return !kept[r.ID] }), err
}

func (q *ExperienceQueries) experienceRows(rows []arrival, now int64) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, e := range rows {
			row := []any{
				e.ID, e.Tenant, e.Conversation, e.HeldOut, e.Alias, e.Origin, db.Text(e.Job), db.Text(e.Provider),
				db.Text(e.Model), q.Seal(string(e.Prompt), e.ID), q.Seal(string(e.Answer), e.ID), db.Text(e.Finish),
				q.SealOptional(e.Reference, e.ID), e.Rating, q.SealOptional(e.Comment, e.ID), q.SealOptional(e.Correction, e.ID),
				db.Text(string(e.Metadata)), e.Content, e.Identity, now,
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// keptOf returns which of the rows are in the table, by id.
func (q *ExperienceQueries) keptOf(ctx context.Context, rows []arrival) (map[string]bool, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	var found []string
	err := q.Words(ctx, &found, `SELECT l.value FROM ({list $1}) AS l
		WHERE (SELECT 1 FROM experiences e WHERE e.id = l.value) IS NOT NULL`, db.Encode(ids))
	kept := make(map[string]bool, len(found))
	for _, id := range found {
		kept[id] = true
	}
	return kept, err
}

type wordRow struct {
	Tenant string `json:"x_tenant"`
	Word   string `json:"x_word"`
	ID     string `json:"x_id"`
}

// newWord adds a word of an experience, unless that was a duplicate.
var newWord = db.Bulk{Query: `INSERT INTO words (tenant, word, id)
	SELECT x_tenant, x_word, x_id FROM {rows $1: x_tenant text, x_word text, x_id text}
	JOIN experiences e ON e.id = x_id WHERE TRUE ON CONFLICT (tenant, word, id) DO NOTHING`}

// addWords makes an experience found by the words of its metadata.
func (q *ExperienceQueries) addWords(ctx context.Context, e Experience) error {
	for _, word := range db.WordsOf(string(e.Metadata)) {
		if err := q.Add(ctx, newWord, "", wordRow{e.Tenant, word, e.ID}); err != nil {
			return err
		}
	}
	return nil
}
