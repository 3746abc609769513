package learn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/plainjson"
)

// Review is a person's verdict on an example.
type Review struct {
	Verdict  string // kept, rejected, edited; "" while nobody has looked
	Reviewer string // key_…
	Reason   string
	At       time.Time
}

// The verdicts of a review, and the word for none.
const (
	ReviewOpen     = "open"
	ReviewKept     = "kept"
	ReviewRejected = "rejected"
	ReviewEdited   = "edited"
	reviewUndone   = "undone"
)

// AuthorReviewer is the author of an answer that a reviewer wrote.
const AuthorReviewer = "reviewer"

// ErrWithdrawn means that an example was withdrawn: its dream was undone, or its experience is
// dreamt of again.
var ErrWithdrawn = errors.New("the example was withdrawn")

// original is what an edit replaces.
type original struct {
	Messages json.RawMessage `json:"messages"`
	Content  string          `json:"content"`
	Author   string          `json:"author"`
}

// ReviewExample stores a verdict. An answer becomes that of the row, and the verdict edited; each
// verdict speaks of the row as the dream made it. It belongs in a Tx.
func (q *DreamQueries) ReviewExample(ctx context.Context, tenant, id string, r Review, answer string) error {
	before, err := q.asMade(ctx, tenant, id)
	if err != nil {
		return err
	}
	row, kept := before, ""
	if answer != "" {
		r.Verdict, kept = ReviewEdited, db.Encode(before)
		if row, err = before.with(answer); err != nil {
			return err
		}
	}
	_, err = q.Exec(ctx, `UPDATE examples SET review = $3, reviewer = $4, reason = $5, reviewed = {now}, messages = $6,
		content = $7, author = $8, before = $9 WHERE tenant = $1 AND id = $2`,
		tenant, id, r.Verdict, r.Reviewer, db.Text(r.Reason), q.Seal(string(row.Messages), id), row.Content, row.Author,
		q.SealOptional(kept, id))
	if err != nil {
		return err
	}
	return q.noteReview(ctx, tenant, id, r)
}

// UndoReview takes the verdict on an example back, with the answer that it brought. It fails with
// db.ErrConflict where there is none. It belongs in a Tx.
func (q *DreamQueries) UndoReview(ctx context.Context, tenant, id, reviewer string) error {
	before, err := q.asMade(ctx, tenant, id)
	if err != nil {
		return err
	}
	err = q.Must(ctx, db.ErrConflict, `UPDATE examples SET review = NULL, reviewer = NULL, reason = NULL, reviewed = NULL,
		messages = $3, content = $4, author = $5, before = NULL WHERE tenant = $1 AND id = $2 AND review IS NOT NULL`,
		tenant, id, q.Seal(string(before.Messages), id), before.Content, before.Author)
	if err != nil {
		return err
	}
	return q.noteReview(ctx, tenant, id, Review{Verdict: reviewUndone, Reviewer: reviewer})
}

// asMade returns an example's row as the dream made it, and locks it until the transaction ends.
func (q *DreamQueries) asMade(ctx context.Context, tenant, id string) (o original, err error) {
	var messages string
	var before *string
	var withdrawn *int64
	err = q.One(ctx, `SELECT messages, content, author, before, withdrawn FROM examples WHERE tenant = $1 AND id = $2 {lock}`,
		[]any{tenant, id}, db.Opened(&messages, id), &o.Content, &o.Author, db.Opened(&before, id), &withdrawn)
	if err != nil {
		return o, err
	}
	if withdrawn != nil {
		return o, ErrWithdrawn
	}
	o.Messages = json.RawMessage(messages)
	if before != nil {
		err = json.Unmarshal([]byte(*before), &o)
	}
	return o, err
}

// with returns the row with another answer.
func (o original) with(answer string) (original, error) {
	var messages []json.RawMessage
	if err := json.Unmarshal(o.Messages, &messages); err != nil {
		return o, err
	}
	turn := plainjson.Of(struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}{"assistant", answer})
	row := plainjson.Of(append(messages[:max(0, len(messages)-1)], turn))
	sum := sha256.Sum256(row)
	return original{row, hex.EncodeToString(sum[:]), AuthorReviewer}, nil
}

func (q *DreamQueries) noteReview(ctx context.Context, tenant, example string, r Review) error {
	_, err := q.Exec(ctx, `INSERT INTO reviews (id, tenant, example, verdict, reviewer, reason, created)
		VALUES ($1, $2, $3, $4, $5, $6, {now})`, db.NewID("rev_"), tenant, example, r.Verdict, r.Reviewer, db.Text(r.Reason))
	return err
}
