package store

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
)

// knownContent tells whether x.tenant has an experience of x.content. Its index
// holds the tenant as this expression, which no other index serves: a plan that
// was made while the table was small, and kept on the connection, took of two
// indexes that looked alike the one by tenant, and read all that the tenant had.
const knownContent = `(SELECT 1 FROM experiences e
	WHERE e.content = x.content AND e.tenant || '' = x.tenant LIMIT 1) IS NOT NULL`

const namedConversation = `INSERT INTO conversations (id, tenant, external, held_out, created)
	VALUES ($1, $2, $3, $4, {now}) ON CONFLICT (tenant, external) DO NOTHING`

const ownConversation = `INSERT INTO conversations (id, tenant, external, held_out, created)
	SELECT x.id, x.tenant, x.id, x.held_out, {now}
	FROM (SELECT $1 AS id, $2 AS tenant, CAST($3 AS BOOLEAN) AS held_out, $4 AS content) AS x
	WHERE NOT ` + knownContent

const newExperience = `INSERT INTO experiences (id, tenant, conversation, held_out, alias, origin, job,
	provider, model, prompt, answer, finish, reference, rating, comment, correction, metadata, content, identity,
	created)
	SELECT $1, $2, c.id, c.held_out, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, {now}
	FROM conversations c WHERE c.tenant = $2 AND c.external = $3
	ON CONFLICT (tenant, identity) DO NOTHING`

// AddExperience keeps an experience with its conversation, unless it is known
// (see Seal). The conversation that the client calls by the experience's
// External is made where there is none. Without one the experience gets a
// conversation of its own, held out by the hash of its content, so that the same
// text falls on the same side again. Nothing is read back: the second statement
// finds the conversation by itself, and none where the first made none of what
// is known. It belongs in a Tx.
func (q *Queries) AddExperience(ctx context.Context, e Experience) error {
	e, c := prepared(e)
	var err error
	if e.External == "" {
		err = q.later(ctx, ownConversation, c.ID, c.Tenant, c.HeldOut, e.Content)
	} else {
		err = q.later(ctx, namedConversation, c.ID, c.Tenant, c.External, c.HeldOut)
	}
	if err != nil {
		return fmt.Errorf("add a conversation: %w", err)
	}
	return q.later(ctx, newExperience, e.ID, e.Tenant, c.External, e.Alias, e.Origin, text(e.Job),
		text(e.Provider), text(e.Model), string(e.Prompt), string(e.Answer), text(e.Finish), text(e.Reference),
		e.Rating, text(e.Comment), text(e.Correction), text(string(e.Metadata)), e.Content, e.Identity)
}

// conversation is a row of the table: the turns that belong together. Its place
// in a list is what a query knows it by.
type conversation struct {
	At       int    `json:"at"`
	ID       string `json:"-"`
	Tenant   string `json:"tenant"`
	External string `json:"external"` // the client's own id; ours where it gave none
	HeldOut  bool   `json:"-"`
}

// prepared gives an experience its id, and the conversation that it is in where
// there is none of that name.
func prepared(e Experience) (Experience, conversation) {
	if e.ID == "" {
		e.ID = NewID("exp_")
	}
	c := conversation{ID: NewID("conv_"), Tenant: e.Tenant, External: e.External, HeldOut: HeldOut(e.External)}
	if e.External == "" {
		c.External, c.HeldOut = c.ID, HeldOut(e.Content)
	}
	return e, c
}

// arrival is an experience of a batch on its way into the table.
type arrival struct {
	Experience
	at   int           // its place in the batch
	talk *conversation // shared by those of one conversation
}

// AddExperiences is AddExperience for many, under ids of its own, and tells of
// each whether it is new. Of those that are the same the first counts. It takes a
// handful of statements however many there are, and only works inside a Tx.
func (q *Queries) AddExperiences(ctx context.Context, batch []Experience) ([]bool, error) {
	added := make([]bool, len(batch))
	rows, err := q.unknown(ctx, distinct(batch))
	if err != nil {
		return nil, fmt.Errorf("look for what is known: %w", err)
	}
	if len(rows) == 0 {
		return added, nil
	}
	now, err := q.Now(ctx) // COPY takes values alone
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
	}
	return added, nil
}

// distinct leaves out what an earlier one of the batch makes a duplicate.
func distinct(batch []Experience) []arrival {
	type hash struct{ tenant, sum string }
	seen := make(map[hash]bool, 2*len(batch))
	rows := make([]arrival, 0, len(batch))
	for i, e := range batch {
		// Where no conversation is named the identity is the content, which may
		// have come in a named one.
		if seen[hash{e.Tenant, e.Identity}] {
			continue
		}
		seen[hash{e.Tenant, e.Identity}], seen[hash{e.Tenant, e.Content}] = true, true
		e.ID = "" // a fresh one will tell whether the row is in the table
		rows = append(rows, arrival{Experience: e, at: i})
	}
	return rows
}

// unknown leaves out those of no named conversation whose content is known. The
// others are told by their identity when they are inserted.
func (q *Queries) unknown(ctx context.Context, rows []arrival) ([]arrival, error) {
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
	err := q.each(ctx, knownRows, []any{encode(unnamed)}, func(r Rows) error {
		var at int64
		err := r.Scan(&at)
		known[int(at)] = true
		return err
	})
	return slices.DeleteFunc(rows, func(r arrival) bool { return known[r.at] }), err
}

// Each row is looked up by itself: a join would be planned by how large the
// table was.
const knownRows = `SELECT x.at FROM {rows $1: at bigint, tenant text, content text} WHERE ` + knownContent

var conversationColumns = []string{"id", "tenant", "external", "held_out", "created"}

// ensureConversations gives each row its conversation, made where there is none.
func (q *Queries) ensureConversations(ctx context.Context, rows []arrival, now int64) error {
	list := conversationsOf(rows)
	made, err := q.copyNew(ctx, "conversations", conversationColumns, func(yield func([]any, error) bool) {
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
func conversationsOf(rows []arrival) []*conversation {
	type key struct{ tenant, external string }
	all := make(map[key]*conversation, len(rows))
	list := make([]*conversation, 0, len(rows))
	for i := range rows {
		var c conversation
		rows[i].Experience, c = prepared(rows[i].Experience)
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

// findConversations reads which conversations are there under the names.
func (q *Queries) findConversations(ctx context.Context, list []*conversation) error {
	for i, c := range list {
		c.At = i
	}
	return q.each(ctx, `SELECT x.at,
		(SELECT c.id FROM conversations c WHERE c.tenant = x.tenant AND c.external = x.external),
		(SELECT c.held_out FROM conversations c WHERE c.tenant = x.tenant AND c.external = x.external)
		FROM {rows $1: at bigint, tenant text, external text}`, []any{encode(list)}, func(r Rows) error {
		var at int64
		var id *string
		var heldOut *bool
		if err := r.Scan(&at, &id, &heldOut); err != nil {
			return err
		}
		if id == nil {
			return fmt.Errorf("a conversation was deleted meanwhile: %w", ErrConflict)
		}
		list[at].ID, list[at].HeldOut = *id, deref(heldOut)
		return nil
	})
}

var newColumns = []string{
	"id", "tenant", "conversation", "held_out", "alias", "origin", "job", "provider", "model", "prompt",
	"answer", "finish", "reference", "rating", "comment", "correction", "metadata", "content", "identity", "created",
}

// copyExperiences inserts the rows and returns those that were new.
func (q *Queries) copyExperiences(ctx context.Context, rows []arrival, now int64) ([]arrival, error) {
	slices.SortFunc(rows, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Identity, b.Identity))
	})
	made, err := q.copyNew(ctx, "experiences", newColumns, experienceRows(rows, now))
	if err != nil || made == int64(len(rows)) {
		return rows, err
	}
	kept, err := q.keptOf(ctx, rows)
	if err != nil {
		return nil, fmt.Errorf("look for what is new: %w", err)
	}
	// Another transaction brought the same text: its conversation is the one.
	var empty []string
	for _, r := range rows {
		if r.External == "" && !kept[r.ID] {
			empty = append(empty, r.Conversation)
		}
	}
	if len(empty) > 0 {
		_, err = q.exec(ctx, `DELETE FROM conversations WHERE id IN ({list $1})`, encode(empty))
	}
	return slices.DeleteFunc(rows, func(r arrival) bool { return !kept[r.ID] }), err
}

func experienceRows(rows []arrival, now int64) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, e := range rows {
			row := []any{
				e.ID, e.Tenant, e.Conversation, e.HeldOut, e.Alias, e.Origin, text(e.Job), text(e.Provider),
				text(e.Model), string(e.Prompt), string(e.Answer), text(e.Finish), text(e.Reference), e.Rating,
				text(e.Comment), text(e.Correction), text(string(e.Metadata)), e.Content, e.Identity, now,
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// keptOf returns which of the rows are in the table, by id.
func (q *Queries) keptOf(ctx context.Context, rows []arrival) (map[string]bool, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	var found []string
	err := q.words(ctx, &found, `SELECT l.value FROM ({list $1}) AS l
		WHERE (SELECT 1 FROM experiences e WHERE e.id = l.value) IS NOT NULL`, encode(ids))
	kept := make(map[string]bool, len(found))
	for _, id := range found {
		kept[id] = true
	}
	return kept, err
}
