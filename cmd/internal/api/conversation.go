package api

import (
	"context"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

type conversations struct {
	store *store.Store
	gate  *gate.Gate
	wait  waits
}

// forgetPreview is what forgetting a conversation would change.
type forgetPreview struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Preview bool   `json:"preview"`
	tasks.Forgotten
}

// forgetAttempts is how often forgetting is tried: it is a promise, and a bucket may
// be away for hours.
const forgetAttempts = 20

// forgetWait is how long a client waits for it that states no preference: most
// conversations are gone in less than a second, and a client that deletes expects that.
const forgetWait = 5 * time.Second

// delete makes the job that forgets a conversation, by our id or the client's, and
// what was learned from it; with preview=true it only says what would go.
func (h conversations) delete(w http.ResponseWriter, c *wire.Call) error {
	preview, err := gate.Preview(c)
	if err != nil {
		return err
	}
	traces, err := h.store.Traces(c.Context(), c.Tenant, c.PathValue("id"), tasks.ConversationKinds())
	if err != nil {
		return gate.OrMissing(err, "conversation")
	}
	goes := tasks.NewForgotten(traces)
	if preview {
		return wire.WriteJSON(w, http.StatusOK, forgetPreview{
			ID: c.PathValue("id"), Object: "conversation", Preview: true, Forgotten: goes,
		})
	}
	j, _, err := h.gate.Accept(c, gate.Asked{Hash: gate.HashOf(c, nil), Job: job.NewJob{
		Kind: string(tasks.ConversationForget), MaxAttempts: forgetAttempts,
		Input: plainjson.Of(tasks.ForgetInput{Conversation: traces.Conversation}),
	}})
	if err != nil {
		return err
	}
	show := func(ctx context.Context, job job.Job) (any, error) {
		spent, err := spent(ctx, h.store, job)
		view := viewJob(job, spent)
		view.Models = goes.Models
		return view, err
	}
	return h.wait.accepted(w, c, j, "/v1/jobs/"+j.ID, show)
}
