package job

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store/db"
)

// Delivery is the input of a webhook.deliver job: which job ended, and how. A
// job that is tried again afterwards makes another delivery when it ends anew.
type Delivery struct {
	Job    string `json:"job"`
	Status State  `json:"status"`
}

// addDelivery inserts the job that delivers an end to a webhook, in the transaction of that
// end: there is never one without the other.
func (q *Queries) addDelivery(ctx context.Context, s stub, to State) ([]Moved, error) {
	if !s.Webhook {
		return nil, nil
	}
	row := newInsert(NewJob{
		Tenant: s.Tenant, Kind: DeliveryKind, Lane: deliveryLane, MaxAttempts: deliveryAttempts, ExpiresIn: deliveryLife,
		Input: []byte(db.Encode(Delivery{Job: s.ID, Status: to})),
	})
	if _, err := q.insertJobs(ctx, []jobInsert{row}, noCapacity); err != nil {
		return nil, fmt.Errorf("insert the webhook's delivery: %w", err)
	}
	return []Moved{{ID: row.ID, Lane: row.Lane, State: StateQueued}}, nil
}

const (
	// DeliveryKind is the kind of the jobs that deliver ends to webhooks, the only kind that
	// this package makes itself.
	DeliveryKind = "webhook.deliver"
	deliveryLane = "system"
	// deliveryAttempts spread over about a day, by the pauses of the delivering handler.
	deliveryAttempts = 12
	// deliveryLife bounds how long a delivery may be queued or retried.
	deliveryLife = 48 * time.Hour
)
