package api

import (
	"context"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// TestChatFollowsRoute changes a route behind the server's back, as another process
// does: the next chat goes by the new one.
func TestChatFollowsRoute(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	targets := make(chan []learn.RouteTarget, 1)
	r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		var in tasks.ChatInput
		if err := run.Decode(&in); err != nil {
			return nil, err
		}
		targets <- in.Targets
		return r.echo(ctx, run)
	})
	for version, model := range []string{"together/base", "together/next", "together/other"} {
		if version > 0 {
			_, err := r.store.SetRoute(t.Context(), learn.Route{Alias: "assistant", Version: int64(version), Author: "tun_1",
				Targets: []learn.RouteTarget{{Model: model, Weight: 1}}})
			must(t, err)
		}
		for range 2 { // the second goes by memory
			r.post("/v1/chat/completions", askWhole).want(t, 200, "")
			if got := <-targets; len(got) != 1 || got[0].Model != model {
				t.Errorf("version %d: put to %v, want %s", version+1, got, model)
			}
		}
	}
}

// TestLongPromptsFindTheLargestModel asks an alias whose first model is too small.
func TestLongPromptsFindTheLargestModel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	long := strings.Replace(askWhole, "hi", strings.Repeat("word ", 5000), 1)
	r.post("/v1/chat/completions", long).want(t, 400, "context_length_exceeded")
	_, err := r.store.SetRoute(t.Context(), learn.Route{Alias: "assistant", Version: 1, Author: "config",
		Targets: []learn.RouteTarget{{Model: "together/base", Weight: 1}, {Model: "groq/maker/lead", Weight: 1, Tier: 1}}})
	must(t, err)
	r.post("/v1/chat/completions", long).want(t, 200, "")
}

// TestTunedModelsTakeWhatTheirBaseTakes asks a tuned model, and an alias that leads to
// tuned models alone.
func TestTunedModelsTakeWhatTheirBaseTakes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const name = "together/acme/tuned-1"
	tenant, err := r.store.EnsureTenant(t.Context(), "one")
	must(t, err)
	must(t, r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		return q.AddModel(t.Context(), learn.Model{Name: name, Tenant: tenant.ID, Alias: "assistant", Provider: "together",
			Base: "together/base", State: learn.ModelServing, Priced: "unlisted"})
	}))
	_, err = r.store.SetRoute(t.Context(), learn.Route{Alias: "assistant", Version: 1, Author: "tun_1",
		Targets: []learn.RouteTarget{{Model: name, Weight: 1}}})
	must(t, err)
	for _, model := range []string{"assistant", name} {
		short := strings.Replace(askWhole, "assistant", model, 1)
		long := strings.Replace(short, "hi", strings.Repeat("word ", 5000), 1)
		for range 2 { // the second goes by memory
			r.post("/v1/chat/completions", short).want(t, 200, "")
			r.post("/v1/chat/completions", long).want(t, 400, "context_length_exceeded")
		}
		r.post("/v1/jobs", `{"kind":"chat","input":`+long+`}`).want(t, 400, "context_length_exceeded")
	}
}
