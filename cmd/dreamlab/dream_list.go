package main

import (
	"context"
	"encoding/json"
	"net/http"

	"dreamlab/cmd/internal/client"
)

// dreamListVerb lists dreams.
type dreamListVerb struct {
	Status string `placeholder:"STATUS" help:"of this STATUS: queued, running, waiting, succeeded, failed, cancelled or expired"`
	browsing
}

// Run lists them.
func (v *dreamListVerb) Run(ctx context.Context, sh shell) error {
	return v.list(ctx, sh, "dreams", map[string]string{"status": v.Status}, "id", "status", "stage", "created_at",
		"counts.experiences=experiences", "counts.examples_kept=kept", "counts.reflections=reflections", "cost_usd=usd",
		"live_cost_usd=live usd")
}

// dreamShowVerb shows a dream.
type dreamShowVerb struct {
	ID string `arg:"" name:"id" help:"the dream: drm_…"`
	asking
}

// Run shows it.
func (v *dreamShowVerb) Run(ctx context.Context, sh shell) error {
	return v.look(ctx, sh, client.Path("/v1/dreams", v.ID), dreamFields()...)
}

func dreamFields() []string {
	return []string{"id", "job", "status", "stage", "created_at", "started_at", "finished_at", "counts.experiences=experiences",
		"counts.replayed=replayed", "counts.judged=judged", "counts.verified=verified", "counts.reflections=reflections",
		"counts.examples_kept=kept", "counts.examples_rejected=rejected", "cost_usd=usd", "live_cost_usd=live usd",
		"anticipation.answers=anticipated", "anticipation.hits=hits", "anticipation.cost_usd=anticipation usd",
		"anticipation.saved_usd=saved usd", "anticipation.note=anticipation", "stopped", "error.code=error", "error.message=why"}
}

// dreamCancelVerb cancels a dream.
type dreamCancelVerb struct {
	ID string `arg:"" name:"id" help:"the dream: drm_…"`
	asking
}

// Run cancels it.
func (v *dreamCancelVerb) Run(ctx context.Context, sh shell) error {
	return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
		return c.Do(ctx, http.MethodPost, client.Path("/v1/dreams", v.ID)+"/cancel", nil)
	}, "id", "status")
}

// dreamUndoVerb withdraws what a dream learned.
type dreamUndoVerb struct {
	ID      string `arg:"" name:"id" help:"the dream: drm_…"`
	Preview bool   `help:"only show what would be withdrawn"`
	confirming
	asking
}

// Run withdraws the lessons and the examples, which are not given back.
func (v *dreamUndoVerb) Run(ctx context.Context, sh shell) error {
	if v.Preview {
		return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
			return c.Do(ctx, http.MethodPost, client.Path("/v1/dreams", v.ID)+"/undo?preview=true", nil)
		}, "id", "reflections", "memories", "examples", "experiences", "datasets", "models", "serving")
	}
	if err := v.confirm(sh, "withdraw all lessons and examples of "+v.ID); err != nil {
		return err
	}
	return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
		return c.Do(ctx, http.MethodPost, client.Path("/v1/dreams", v.ID)+"/undo", nil)
	}, append(dreamFields(), "models", "serving")...)
}
