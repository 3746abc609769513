package store

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"dreamlab/store/db"
)

// Webhook is where a tenant's events are told that are of no single job: ends of dreams and
// tunes, budgets, promotions.
type Webhook struct {
	ID      string
	Tenant  string
	URL     string
	Events  []string // as job.Wanted reads them. None: all.
	Created time.Time
}

// ErrManyWebhooks says that a tenant has as many webhooks as it may have.
var ErrManyWebhooks = errors.New("the tenant has as many webhooks as it may have")

// AddWebhook stores a webhook with the secret that signs what it is told. It fails with
// ErrManyWebhooks where the tenant has that many already.
func (q *Queries) AddWebhook(ctx context.Context, w Webhook, most int, secret []byte) (Webhook, error) {
	w.ID = db.NewID("whk_")
	var created *int64
	err := q.One(ctx, `INSERT INTO webhooks (id, tenant, url, events, secret, created)
		SELECT $1, $2, $3, $4, $5, {now} WHERE (SELECT count(*) FROM webhooks WHERE tenant = $2) < $6 RETURNING created`,
		[]any{w.ID, w.Tenant, w.URL, strings.Join(w.Events, " "), hex.EncodeToString(secret), int64(most)}, &created)
	if errors.Is(err, db.ErrNotFound) {
		err = ErrManyWebhooks
	}
	w.Created = db.TimeOf(created)
	return w, err
}

func scanWebhook(scan func(...any) error) (Webhook, error) {
	var w Webhook
	var events string
	var created *int64
	err := scan(&w.ID, &w.Tenant, &w.URL, &events, &created)
	w.Events, w.Created = strings.Fields(events), db.TimeOf(created)
	return w, err
}

const webhookColumns = `id, tenant, url, events, created`

// Webhook returns one of a tenant's.
func (q *Queries) Webhook(ctx context.Context, tenant, id string) (Webhook, error) {
	return db.Read(ctx, q.Tx, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE id = $1 AND tenant = $2`, id, tenant)
}

// Webhooks lists a tenant's.
func (q *Queries) Webhooks(ctx context.Context, tenant string, p db.Page) ([]Webhook, bool, error) {
	return db.List(ctx, q.Tx, p, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE tenant = $1`, tenant)
}

// WebhookSigns returns the secrets that sign what a webhook is told, the newest first.
func (q *Queries) WebhookSigns(ctx context.Context, id string) ([][]byte, error) {
	return q.secrets(ctx, `SELECT secret, CASE WHEN old_until > {now} THEN old_secret END FROM webhooks WHERE id = $1`, id)
}

// RotateWebhook gives a webhook another secret. The one before signs beside it for so long.
func (q *Queries) RotateWebhook(ctx context.Context, tenant, id string, secret []byte, grace time.Duration) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE webhooks SET old_secret = secret, old_until = {now} + $4, secret = $3
		WHERE id = $1 AND tenant = $2`, id, tenant, hex.EncodeToString(secret), grace.Microseconds())
}

// DropWebhook deletes a webhook. What is under way to it ends.
func (q *Queries) DropWebhook(ctx context.Context, tenant, id string) error {
	return q.Must(ctx, db.ErrNotFound, `DELETE FROM webhooks WHERE id = $1 AND tenant = $2`, id, tenant)
}
