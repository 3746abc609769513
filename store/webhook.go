package store

import (
	"context"
	"encoding/hex"
	"fmt"
)

// Delivery is the input of a webhook.deliver job: which job ended, and how. A
// job that is tried again afterwards makes another delivery when it ends anew.
type Delivery struct {
	Job    string   `json:"job"`
	Status JobState `json:"status"`
}

// addDelivery makes the job that tells a webhook of an end, in the transaction
// of that end: neither is ever there without the other.
func (q *Queries) addDelivery(ctx context.Context, s stub, to JobState) ([]Moved, error) {
	if !s.Webhook {
		return nil, nil
	}
	row := newInsert(NewJob{
		Tenant: s.Tenant, Kind: DeliveryKind, Lane: deliveryLane, MaxAttempts: deliveryAttempts,
		Input: []byte(encode(Delivery{Job: s.ID, Status: to})),
	})
	if _, err := q.insertJobs(ctx, []jobInsert{row}, nowhere); err != nil {
		return nil, fmt.Errorf("insert the webhook's delivery: %w", err)
	}
	return []Moved{{ID: row.ID, Lane: row.Lane, State: JobQueued}}, nil
}

const (
	// DeliveryKind is the kind of the jobs that tell webhooks of an end: the one
	// kind that the store makes by itself.
	DeliveryKind = "webhook.deliver"
	deliveryLane = "system"
	// deliveryAttempts spread over about a day, by the pauses of who delivers.
	deliveryAttempts = 12
)

// WebhookSecret returns what the webhooks of a key's jobs are signed with: the
// SHA-256 of the key, which its owner can work out and nobody else. A key that
// was revoked since has one still.
func (q *Queries) WebhookSecret(ctx context.Context, key string) ([]byte, error) {
	var hash string
	if err := q.one(ctx, `SELECT hash FROM keys WHERE id = $1`, []any{key}, &hash); err != nil {
		return nil, fmt.Errorf("read key %s: %w", key, err)
	}
	secret, err := hex.DecodeString(hash)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", key, err)
	}
	return secret, nil
}
