// Package operate holds the routes for those who run Dream Lab: keys, limits, budgets, usage,
// webhooks, calls of vendors, and who changed what.
package operate

import (
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/tasks"
)

// Nouns are what the routes are about.
type Nouns struct {
	Keys    Keys
	Audits  Audits
	Calls   Calls
	Limits  Limits
	Budgets Budgets
	Usage   Usage
	Bulk    Bulk

	Webhooks   Webhooks
	Deliveries Deliveries
}

// Options set up the nouns. Those without a default are required.
type Options struct {
	Store *store.Store
	Gate  *gate.Gate
	// Accepted answers with a job that was accepted.
	Accepted Accepted
	// Budgets are those of the configuration. Defaults to none.
	Budgets []book.Budget
	// Plan is what a month is meant to cost. Defaults to none.
	Plan []PlanLine
	// Webhooks say where events may be told.
	Webhooks tasks.WebhookRules
	// Now is the clock by which keys expire and months begin.
	Now func() time.Time
}

// New returns the nouns.
func New(o Options) Nouns {
	return Nouns{
		Keys: Keys{o.Store, o.Now}, Audits: Audits{o.Store}, Calls: Calls{o.Store}, Limits: Limits{o.Store, o.Gate},
		Budgets: Budgets{o.Store, o.Budgets, o.Now}, Usage: Usage{o.Store, o.Plan, o.Now}, Bulk: Bulk{o.Gate, o.Accepted},
		Webhooks: Webhooks{o.Store, o.Webhooks}, Deliveries: Deliveries{o.Store, o.Gate},
	}
}
