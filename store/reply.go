package store

import (
	"context"
	"errors"
	"time"

	"dreamlab/store/db"
)

// replyLife is how long an Idempotency-Key holds, as those of jobs do.
const replyLife = 24 * time.Hour

// replyTaken is how long a request may take before its process is held to have died: another one
// with the same key goes on with it then.
const replyTaken = time.Minute

// Reply is what a request with an Idempotency-Key was answered, where it made no job.
type Reply struct {
	Tenant  string
	IdemKey string
	Hash    string // of the request
	Made    string // what the ids of all that the request makes end in: the same when it is gone on with
	Status  int    // 0: it is not answered yet
	Kind    string // content type
	Body    []byte // sealed
}

// TakeReply begins a request, or returns false and what an earlier one with the same key was
// answered, or is to be.
func (q *Queries) TakeReply(ctx context.Context, r Reply) (Reply, bool, error) {
	if _, err := q.Exec(ctx, `DELETE FROM replies WHERE tenant = $1 AND idem_key = $2 AND created < {now} - $3`,
		r.Tenant, r.IdemKey, replyLife.Microseconds()); err != nil {
		return r, false, err
	}
	r.Made = db.NewID("")
	n, err := q.Exec(ctx, `INSERT INTO replies (tenant, idem_key, hash, made, taken, created)
		VALUES ($1, $2, $3, $4, {now}, {now}) ON CONFLICT DO NOTHING`, r.Tenant, r.IdemKey, r.Hash, r.Made)
	if err != nil || n == 1 {
		return r, err == nil, err
	}
	known, err := q.reply(ctx, r)
	if errors.Is(err, db.ErrNotFound) { // the other one was refused just now
		return q.TakeReply(ctx, r)
	}
	if err != nil || known.Status != 0 || known.Hash != r.Hash {
		return known, false, err
	}
	n, err = q.Exec(ctx, `UPDATE replies SET taken = {now} WHERE tenant = $1 AND idem_key = $2 AND status = 0
		AND taken < {now} - $3`, r.Tenant, r.IdemKey, replyTaken.Microseconds())
	return known, n == 1, err
}

func (q *Queries) reply(ctx context.Context, r Reply) (Reply, error) {
	var status int64
	var body string
	err := q.One(ctx, `SELECT hash, made, status, kind, body FROM replies WHERE tenant = $1 AND idem_key = $2`,
		[]any{r.Tenant, r.IdemKey}, &r.Hash, &r.Made, &status, &r.Kind, &body)
	r.Status, r.Body = int(status), []byte(body)
	return r, err
}

// EndReply keeps what a request was answered.
func (q *Queries) EndReply(ctx context.Context, r Reply) error {
	_, err := q.Exec(ctx, `UPDATE replies SET status = $4, kind = $5, body = $6
		WHERE tenant = $1 AND idem_key = $2 AND made = $3`, r.Tenant, r.IdemKey, r.Made, int64(r.Status), r.Kind, string(r.Body))
	return err
}

// DropReply forgets a request that was refused: it may be sent again.
func (q *Queries) DropReply(ctx context.Context, r Reply) error {
	_, err := q.Exec(ctx, `DELETE FROM replies WHERE tenant = $1 AND idem_key = $2 AND made = $3`, r.Tenant, r.IdemKey, r.Made)
	return err
}

// PruneReplies deletes some of those whose keys hold no more, and returns how many.
func (q *Queries) PruneReplies(ctx context.Context) (int64, error) {
	return q.Exec(ctx, `DELETE FROM replies WHERE (tenant, idem_key) IN (
		SELECT tenant, idem_key FROM replies WHERE created < {now} - $1 LIMIT 500)`, replyLife.Microseconds())
}
