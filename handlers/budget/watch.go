// Package budget is the room that watches what tenants spend: where a budget's day or month has
// passed a share of it, the tenant's webhooks are told, once. It keeps the tenants' days in their
// zones, too, when clocks change.
//
// It refuses nothing: the calls' reservations do.
package budget

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/money"
)

// Watcher looks at the budgets by a clock. Any number may run. Store is required.
type Watcher struct {
	Store *store.Store
	// Every is the pause between rounds. Defaults to 10 s.
	Every time.Duration
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	Log zerolog.Logger
}

const (
	usualPause = 10 * time.Second
	maxRound   = time.Minute
	// atOnce is how many tenants are read at once.
	atOnce = 200
)

// thresholds are the shares of a budget, in per cent, whose passing is told.
func thresholds() []int64 { return []int64{50, 80, 95} }

// Run makes rounds until ctx ends. Failures are logged, and tried again by the next round.
func (w *Watcher) Run(ctx context.Context) error {
	every := w.Every
	if every <= 0 {
		every = usualPause
	}
	return handlers.Repeat(ctx, every, maxRound, func(ctx context.Context) {
		if err := w.Look(ctx); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			w.Log.Warn().Err(err).Msg("could not look at all budgets; the next round tries again")
		}
	})
}

// Look looks at the budgets of all tenants once.
func (w *Watcher) Look(ctx context.Context) error {
	now := time.Now()
	if w.Now != nil {
		now = w.Now()
	}
	var faults []error
	for after := ""; ; {
		tenants, err := w.Store.BudgetTenants(ctx, after, atOnce)
		if err != nil {
			return errors.Join(append(faults, err)...)
		}
		for _, tenant := range tenants {
			if err := w.look(ctx, tenant, now); err != nil {
				faults = append(faults, fmt.Errorf("look at the budgets of %s: %w", tenant, err))
			}
			after = tenant
		}
		if len(tenants) < atOnce {
			return errors.Join(faults...)
		}
	}
}

// look tells of the thresholds that a tenant's budgets have passed.
func (w *Watcher) look(ctx context.Context, tenant string, now time.Time) error {
	budgets, zone, err := w.Store.Budgets(ctx, tenant)
	if err != nil {
		return err
	}
	if err := w.Store.KeepShift(ctx, tenant, zone, now); err != nil {
		return err
	}
	there := now.In(zone)
	asked := make([]book.Commitment, len(budgets))
	for i, b := range budgets {
		asked[i] = b.Commitment(tenant, there)
	}
	used, err := w.Store.CommittedOf(ctx, asked)
	if err != nil {
		return err
	}
	var faults []error
	for i, b := range budgets {
		for _, threshold := range thresholds() {
			if used[i] > 0 && used[i] >= share(b.Nano, threshold) {
				faults = append(faults, w.tell(ctx, b, there, threshold, used[i]))
			}
		}
	}
	return errors.Join(faults...)
}

// share is so many per cent of an amount.
func share(nano, percent int64) int64 { return nano/100*percent + nano%100*percent/100 }

// passed is the data of the event.
type passed struct {
	ID        string    `json:"id"`
	Object    string    `json:"object"`
	Threshold int64     `json:"threshold"` // per cent
	Key       string    `json:"key,omitempty"`
	Purpose   string    `json:"purpose,omitempty"`
	Provider  string    `json:"provider,omitempty"`
	USD       money.USD `json:"usd"`
	Used      money.USD `json:"used_usd"`
	Per       string    `json:"per"`
	Hard      bool      `json:"hard"`
	ResetsAt  int64     `json:"resets_at"`
}

// tell has the webhooks told, in the transaction that notes it: never twice, and never not.
func (w *Watcher) tell(ctx context.Context, b book.Budget, there time.Time, threshold, used int64) error {
	return w.Store.Tx(ctx, db.Synced, func(q *store.Queries) error {
		fresh, err := q.Alert(ctx, b.ID, b.Since(there), int(threshold))
		if err != nil || !fresh {
			return err
		}
		_, err = q.Announce(ctx, b.Tenant, "budget.threshold", passed{
			ID: b.ID, Object: "budget", Threshold: threshold, Key: b.Key, Purpose: b.Purpose, Provider: b.Provider,
			USD: money.USD(b.Nano), Used: money.USD(used), Per: b.Per(), Hard: b.Hard, ResetsAt: b.Until(there).Unix(),
		})
		return err
	})
}
