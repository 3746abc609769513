package main

import (
	"context"
	"encoding/json"
	"net/http"

	"dreamlab/cmd/internal/client"
)

// tuneListVerb lists tunes.
type tuneListVerb struct {
	Status string `placeholder:"STATUS" help:"of this STATUS: queued, running, waiting, succeeded, failed, cancelled or expired"`
	Alias  string `placeholder:"ALIAS" help:"for this ALIAS"`
	browsing
}

// Run lists them.
func (v *tuneListVerb) Run(ctx context.Context, sh shell) error {
	return v.list(ctx, sh, "tunes", map[string]string{"status": v.Status, "alias": v.Alias}, "id", "status", "stage", "alias",
		"created_at", "decision.promoted=promoted", "evaluation", "cost_usd=usd")
}

// tuneShowVerb shows a tune.
type tuneShowVerb struct {
	ID string `arg:"" name:"id" help:"the tune: tun_…"`
	asking
}

// Run shows it.
func (v *tuneShowVerb) Run(ctx context.Context, sh shell) error {
	return v.look(ctx, sh, client.Path("/v1/tunes", v.ID), "id", "job", "status", "stage", "alias", "base", "created_at",
		"finished_at", "dataset", "fine_tuning_job", "evaluation", "decision.promoted=promoted", "decision.reason=reason",
		"cost_usd=usd", "error.code=error", "error.message=why")
}

// tuneCancelVerb cancels a tune.
type tuneCancelVerb struct {
	ID string `arg:"" name:"id" help:"the tune: tun_…"`
	asking
}

// Run cancels it.
func (v *tuneCancelVerb) Run(ctx context.Context, sh shell) error {
	return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
		return c.Do(ctx, http.MethodPost, client.Path("/v1/tunes", v.ID)+"/cancel", nil)
	}, "id", "status", "stage")
}
