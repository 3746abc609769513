package main

import (
	"context"
	"encoding/json"
	"net/http"

	"dreamlab/cmd/internal/client"
)

// reviewVerb works with the examples that people judge.
type reviewVerb struct {
	List   reviewListVerb   `cmd:"" default:"1" help:"list the examples that wait for a person"`
	Show   reviewShowVerb   `cmd:"" help:"show an example with its messages"`
	Keep   reviewKeepVerb   `cmd:"" help:"keep an example, or write its answer anew"`
	Reject reviewRejectVerb `cmd:"" help:"keep an example out of datasets"`
	Undo   reviewUndoVerb   `cmd:"" help:"take a verdict back"`
}

// reviewListVerb lists examples.
type reviewListVerb struct {
	State string `default:"open" enum:"open,kept,rejected,edited" placeholder:"STATE" help:"how they were judged"`
	Dream string `placeholder:"ID" help:"of the dream with this ID"`
	Alias string `placeholder:"ALIAS" help:"for this ALIAS"`
	browsing
}

// Run lists them.
func (v *reviewListVerb) Run(ctx context.Context, sh shell) error {
	return v.list(ctx, sh, "examples", map[string]string{"review": v.State, "dream": v.Dream, "alias": v.Alias},
		"id", "alias", "verdict", "score", "author", "dream", "created_at", "review.status=review")
}

// verdict is the example that is judged.
type verdict struct {
	ID string `arg:"" name:"id" help:"the example: exm_…"`
	asking
}

// reviewShowVerb shows an example.
type reviewShowVerb struct{ verdict }

// Run shows it.
func (v *reviewShowVerb) Run(ctx context.Context, sh shell) error {
	return v.look(ctx, sh, client.Path("/v1/examples", v.ID), "id", "alias", "dream", "verdict", "score", "author",
		"review.status=review", "review.reason=reason", "messages", "rejected", "sources")
}

// judge sends a verdict.
func (v *verdict) judge(ctx context.Context, sh shell, method string, body any) error {
	return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
		return c.Do(ctx, method, client.Path("/v1/examples", v.ID)+"/review", body)
	}, "id", "review.status=review", "review.reason=reason")
}

// reviewKeepVerb keeps an example.
type reviewKeepVerb struct {
	Answer string `placeholder:"TEXT" help:"the TEXT that takes the place of its answer"`
	verdict
}

// Run keeps it.
func (v *reviewKeepVerb) Run(ctx context.Context, sh shell) error {
	body := map[string]string{"verdict": "keep"}
	if v.Answer != "" {
		body["answer"] = v.Answer
	}
	return v.judge(ctx, sh, http.MethodPost, body)
}

// reviewRejectVerb rejects an example.
type reviewRejectVerb struct {
	Reason string `placeholder:"TEXT" help:"why, a TEXT"`
	verdict
}

// Run rejects it.
func (v *reviewRejectVerb) Run(ctx context.Context, sh shell) error {
	body := map[string]string{"verdict": "reject"}
	if v.Reason != "" {
		body["reason"] = v.Reason
	}
	return v.judge(ctx, sh, http.MethodPost, body)
}

// reviewUndoVerb takes a verdict back.
type reviewUndoVerb struct{ verdict }

// Run takes it back.
func (v *reviewUndoVerb) Run(ctx context.Context, sh shell) error {
	return v.judge(ctx, sh, http.MethodDelete, nil)
}
