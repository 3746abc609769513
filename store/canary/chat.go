package canary

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Head is the first chat of a conversation since a time: what decides who answers it.
type Head struct {
	Job          string
	Conversation string // the client's id; "" where the chat stands alone
	Created      time.Time
}

// Sticky returns what a conversation's target is chosen by.
func (h Head) Sticky() string {
	if h.Conversation == "" {
		return h.Job
	}
	return h.Conversation
}

// Window selects conversations by their first chats.
type Window struct {
	After string    // the job behind which they are looked for
	First time.Time // from when on a conversation's first chat is its first
	Since time.Time // it was asked then or later
	Until time.Time // it was asked before
	Limit int
}

// Heads returns the first chats that conversations had with a canary's alias in a window, in their
// order: a conversation counts once.
func (q *Queries) Heads(ctx context.Context, c Canary, w Window) ([]Head, error) {
	var heads []Head
	err := q.Each(ctx, `SELECT h.id, h.conversation, h.created FROM jobs h WHERE h.tenant = $1 AND h.alias = $2 AND h.id > $3
		AND h.finished IS NOT NULL AND h.parent IS NULL AND h.kind = 'chat.run' AND h.created >= $4 AND h.created < $5
		AND NOT EXISTS (SELECT 1 FROM jobs f WHERE f.tenant = h.tenant AND f.conversation = h.conversation
			AND f.alias = h.alias AND f.id < h.id AND f.created >= $6 AND f.kind = 'chat.run')
		ORDER BY h.id LIMIT $7`,
		[]any{c.Tenant, c.Alias, w.After, w.Since.UnixMicro(), w.Until.UnixMicro(), w.First.UnixMicro(), int64(w.Limit)},
		func(r db.Rows) error {
			var h Head
			var conversation *string
			var created *int64
			err := r.Scan(&h.Job, &conversation, &created)
			h.Conversation, h.Created = db.Deref(conversation), db.TimeOf(created)
			heads = append(heads, h)
			return err
		})
	return heads, err
}

// Chat is a chat as it ended. What was said is known where the chat was kept.
type Chat struct {
	State    job.State
	Tried    int64         // calls of vendors
	Answered bool          // by the model that is asked about
	Took     time.Duration // its call
	Rating   int64
	Objected bool // the user gave a correction
	Finish   string
	Answer   json.RawMessage // the message
	Input    json.RawMessage
}

// Chats returns what came of a conversation, from its first chat to a time, where a model was to
// answer it.
func (q *Queries) Chats(ctx context.Context, c Canary, h Head, until time.Time, model string) ([]Chat, error) {
	which, value := `j.id = $5`, h.Job
	if h.Conversation != "" {
		which, value = `j.conversation = $5 AND j.id >= $6`, h.Conversation
	}
	args := []any{c.Tenant, c.Alias, model, until.UnixMicro(), value}
	if h.Conversation != "" {
		args = append(args, h.Job)
	}
	var chats []Chat
	err := q.Each(ctx, `SELECT j.id, COALESCE(x.id, ''), j.state, j.input, x.rating, x.correction IS NOT NULL, x.finish, x.answer,
		(SELECT COUNT(*) FROM entries n WHERE n.job = j.id),
		(SELECT MAX(n.ended - n.created) FROM entries n WHERE n.job = j.id AND n.state = 'settled'
			AND n.provider || '/' || n.model = $3)
		FROM jobs j LEFT JOIN experiences x ON x.job = j.id AND x.tenant = j.tenant
		WHERE j.tenant = $1 AND j.alias = $2 AND j.parent IS NULL AND j.kind = 'chat.run' AND j.finished IS NOT NULL
		AND j.created < $4 AND `+which+` ORDER BY j.id LIMIT 50`, args, func(r db.Rows) error {
		chat, err := scanChat(r.Scan)
		chats = append(chats, chat)
		return err
	})
	return chats, err
}

func scanChat(scan func(...any) error) (Chat, error) {
	var chat Chat
	var own, experience, input string
	var rating, took *int64
	var finish, answer *string
	err := scan(&own, &experience, &chat.State, db.Opened(&input, &own), &rating, &chat.Objected, &finish,
		db.Opened(&answer, &experience), &chat.Tried, &took)
	chat.Input, chat.Answer = json.RawMessage(input), json.RawMessage(db.Deref(answer))
	chat.Rating, chat.Finish = db.Deref(rating), db.Deref(finish)
	chat.Answered, chat.Took = took != nil, time.Duration(db.Deref(took))*time.Microsecond
	return chat, err
}
