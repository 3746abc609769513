package job

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamlab/store/db"
)

// Delivery is the input of a webhook.deliver job. It tells of the end of a job, to the job's own
// webhook, or of an event of the tenant's, to one that is registered. A job that is tried again
// afterwards makes another delivery when it ends anew.
type Delivery struct {
	Job    string `json:"job,omitempty"`
	Status State  `json:"status,omitempty"`

	Webhook string          `json:"webhook,omitempty"`
	Type    string          `json:"type,omitempty"` // budget.threshold, dream.succeeded …
	Data    json.RawMessage `json:"data,omitempty"`

	// Event and Made are the id and the time, in unix seconds, of a delivery that is sent again.
	// Defaults to the job's own.
	Event string `json:"event,omitempty"`
	Made  int64  `json:"made,omitempty"`
}

// NewDelivery is the job that makes a delivery.
func NewDelivery(tenant string, d Delivery) NewJob {
	return NewJob{
		Tenant: tenant, Kind: DeliveryKind, Lane: deliveryLane, MaxAttempts: deliveryAttempts, ExpiresIn: deliveryLife,
		Input: []byte(db.Encode(d)),
	}
}

// addDelivery inserts the jobs that tell of an end, in the transaction of that end: there is
// never one without the other.
func addDelivery(ctx context.Context, q *Queries, s stub, to State) ([]Moved, error) {
	moved, err := announceEnd(ctx, q, s, to)
	if err != nil || !s.Webhook {
		return moved, err
	}
	own, err := deliver(ctx, q, []NewJob{NewDelivery(s.Tenant, Delivery{Job: s.ID, Status: to})})
	return append(moved, own...), err
}

func deliver(ctx context.Context, q *Queries, jobs []NewJob) ([]Moved, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	rows, moved := make([]jobInsert, len(jobs)), make([]Moved, len(jobs))
	for i, j := range jobs {
		rows[i] = newInsert(j)
		moved[i] = Moved{ID: rows[i].ID, Lane: rows[i].Lane, State: StateQueued}
	}
	if _, err := q.insertJobs(ctx, rows, noCapacity); err != nil {
		return nil, fmt.Errorf("insert the webhook's delivery: %w", err)
	}
	return moved, nil
}

// subjects are the nouns whose ends are events of the tenant's, by how their ids begin.
var subjects = map[string]string{"drm_": "dream", "tun_": "tune"}

// announceEnd tells of the end of a dream or a tune.
func announceEnd(ctx context.Context, q *Queries, s stub, to State) ([]Moved, error) {
	noun := subjects[db.NounOf(s.Subject)]
	if s.Parent != "" || noun == "" {
		return nil, nil
	}
	return q.Announce(ctx, s.Tenant, noun+"."+string(to), map[string]any{
		"id": s.Subject, "object": noun, "job": s.ID, "status": to,
	})
}

// Announce has an event told to those of a tenant's webhooks that want it, in a transaction.
func (q *Queries) Announce(ctx context.Context, tenant, event string, data any) ([]Moved, error) {
	var jobs []NewJob
	err := q.Each(ctx, `SELECT id, events FROM webhooks WHERE tenant = $1 ORDER BY id`, []any{tenant}, func(r db.Rows) error {
		var id, events string
		err := r.Scan(&id, &events)
		if Wanted(strings.Fields(events), event) {
			jobs = append(jobs, NewDelivery(tenant, Delivery{Webhook: id, Type: event, Data: []byte(db.Encode(data))}))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for webhooks: %w", err)
	}
	return deliver(ctx, q, jobs)
}

// Wanted tells whether an event is among those that are named: by itself, or by its part before
// the dot. None named: all.
func Wanted(events []string, event string) bool {
	noun, _, _ := strings.Cut(event, ".")
	return len(events) == 0 || slices.Contains(events, event) || slices.Contains(events, noun)
}

// LastErrors returns why the last attempt at each of some jobs failed.
func (q *ReadQueries) LastErrors(ctx context.Context, jobs []string) (map[string]Error, error) {
	errs := map[string]Error{}
	err := q.Each(ctx, `SELECT a.job, a.code, a.message FROM attempts a WHERE a.job IN ({list $1}) AND a.code IS NOT NULL
		AND a.epoch = (SELECT max(b.epoch) FROM attempts b WHERE b.job = a.job)`, []any{db.Encode(jobs)}, func(r db.Rows) error {
		var id, code string
		var message *string
		err := r.Scan(&id, &code, &message)
		errs[id] = Error{Code: code, Message: db.Deref(message)}
		return err
	})
	return errs, err
}

const (
	// DeliveryKind is the kind of the jobs that deliver to webhooks, the only kind that
	// this package makes itself.
	DeliveryKind = "webhook.deliver"
	deliveryLane = "system"
	// deliveryAttempts spread over about a day, by the pauses of the delivering handler.
	deliveryAttempts = 12
	// deliveryLife bounds how long a delivery may be queued or retried.
	deliveryLife = 48 * time.Hour
)
