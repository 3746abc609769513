package api

import (
	"net/http"
	"slices"

	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/form"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
)

// route is a line of the table. Its rule's name is its method and path.
type route struct {
	gate.Rule
	serve wire.Handler
}

// routes is the whole table.
func routes(o Options, front *gate.Gate, chats *chat.Chats) []route {
	n := newNouns(o, front, chats)
	return slices.Concat(compatible(n, chats), own(n), byHand(n), operating(n), beside(o, n))
}

// compatible are the routes that clients of OpenAI and Anthropic know.
func compatible(n nouns, chats *chat.Chats) []route {
	return []route{
		on("POST /v1/chat/completions", gate.Use, chats.Create),
		on("POST /v1/completions", gate.Use, form.Completions(chats.Create)),
		on("POST /v1/responses", gate.Use, form.Responses(chats.Create)),
		on("POST /v1/messages", gate.Use, form.Messages(chats.Create), faults(form.MessagesFault)),
		on("POST /v1/embeddings", gate.Use, n.embeddings.Create),
		on("GET /v1/models", gate.View, n.models.list),
		on("GET /v1/models/{id...}", gate.View, n.models.get),
		on("DELETE /v1/models/{id...}", gate.Admin, n.models.delete),
		on("POST /v1/files", gate.Use, n.files.create, upload),
		on("GET /v1/files", gate.View, n.files.list, list("purpose", "q")),
		on("GET /v1/files/{id}", gate.View, n.files.get),
		on("GET /v1/files/{id}/content", gate.View, n.files.content),
		on("DELETE /v1/files/{id}", gate.Use, n.files.delete, audited),
		on("POST /v1/batches", gate.Use, n.batches.create),
		on("GET /v1/batches", gate.View, n.batches.list, list("status", "q")),
		on("GET /v1/batches/{id}", gate.View, n.batches.get),
		on("POST /v1/batches/{id}/cancel", gate.Use, n.batches.cancel, once),
		on("POST /v1/fine_tuning/jobs", gate.Use, n.trainings.create),
		on("GET /v1/fine_tuning/jobs", gate.View, n.trainings.list, list("status", "provider", "model", "q")),
		on("GET /v1/fine_tuning/jobs/{id}", gate.View, n.trainings.get),
		on("GET /v1/fine_tuning/jobs/{id}/events", gate.View, n.trainings.listEvents, paged),
		on("GET /v1/fine_tuning/jobs/{id}/checkpoints", gate.View, n.trainings.listCheckpoints, paged),
		on("POST /v1/fine_tuning/jobs/{id}/cancel", gate.Use, n.trainings.cancel, once),
		on("POST /v1/fine_tuning/jobs/{id}/pause", gate.Use, n.trainings.pause, once),
		on("POST /v1/fine_tuning/jobs/{id}/resume", gate.Use, n.trainings.resume, once),
	}
}

// own are the routes of our own nouns.
func own(n nouns) []route {
	return []route{
		on("POST /v1/jobs", gate.Use, n.jobs.create),
		on("POST /v1/jobs/bulk", gate.Use, n.operate.Bulk.Create, audited),
		on("GET /v1/jobs", gate.View, n.jobs.list, list("kind", "status", "key", "alias", "provider", "model",
			"conversation_id", "q")),
		on("GET /v1/jobs/{id}", gate.View, n.jobs.get),
		on("GET /v1/jobs/{id}/stream", gate.View, n.jobs.stream),
		on("GET /v1/jobs/{id}/calls", gate.View, n.operate.Calls.List, list("status", "provider", "model", "q")),
		on("POST /v1/jobs/{id}/cancel", gate.Use, n.jobs.cancel, once),
		on("POST /v1/jobs/{id}/retry", gate.Use, n.jobs.retry, once),
		on("POST /v1/experiences", gate.Use, n.experiences.create, upload),
		on("GET /v1/experiences", gate.View, n.experiences.list, list("conversation", "conversation_id", "origin", "dream",
			"job", "alias", "provider", "model", "q")),
		on("GET /v1/experiences/{id}", gate.View, n.experiences.get),
		on("POST /v1/experiences/{id}/feedback", gate.Use, n.experiences.createFeedback, once),
		on("DELETE /v1/conversations/{id...}", gate.Use, n.conversations.delete, takes("preview"), audited),
		on("POST /v1/dreams", gate.Use, n.dreams.create),
		on("GET /v1/dreams", gate.View, n.dreams.list, list("dry_run", "status", "q")),
		on("GET /v1/dreams/{id}", gate.View, n.dreams.get),
		on("POST /v1/dreams/{id}/cancel", gate.Use, n.dreams.cancel, once),
		on("POST /v1/dreams/{id}/undo", gate.Use, n.dreams.undo, takes("preview"), audited, once),
		on("GET /v1/reflections", gate.View, n.learned.Reflections.List, list("dream", "q")),
		on("GET /v1/reflections/{id}", gate.View, n.learned.Reflections.Get),
		on("GET /v1/memory", gate.View, n.learned.Memories.Get),
		on("GET /v1/memory/versions", gate.View, n.learned.Memories.Versions, list()),
		on("GET /v1/memory/versions/{id}", gate.View, n.learned.Memories.Version, takes("diff")),
		on("POST /v1/memory/versions/{id}/restore", gate.Use, n.learned.Memories.Restore, audited, once),
		on("GET /v1/examples", gate.View, n.learned.Examples.List, list("dream", "alias", "review", "q")),
		on("GET /v1/examples/{id}", gate.View, n.learned.Examples.Get),
		on("POST /v1/examples/{id}/review", gate.Review, n.learned.Examples.Review, audited, once),
		on("DELETE /v1/examples/{id}/review", gate.Review, n.learned.Examples.UndoReview, audited),
		on("GET /v1/datasets", gate.View, n.datasets.list, list("alias", "q")),
		on("GET /v1/datasets/{id}", gate.View, n.datasets.get),
		on("GET /v1/datasets/{id}/content", gate.View, n.datasets.content),
		on("POST /v1/tunes", gate.Use, n.tunes.create),
		on("GET /v1/tunes", gate.View, n.tunes.list, list("alias", "status", "provider", "model", "q")),
		on("GET /v1/tunes/{id}", gate.View, n.tunes.get),
		on("POST /v1/tunes/{id}/cancel", gate.Use, n.tunes.cancel, once),
		on("GET /v1/evaluations", gate.View, n.evaluations.list, list("alias", "model", "q")),
		on("GET /v1/evaluations/{id}", gate.View, n.evaluations.get),
		on("GET /v1/evaluations/{id}/comparisons", gate.View, n.evaluations.listComparisons,
			list("outcome", "lost", "checked", "disagreed")),
		on("POST /v1/evaluations/{id}/repeat", gate.Use, n.evaluations.repeat),
		on("GET /v1/routes", gate.View, n.routing.list),
		on("GET /v1/routes/{alias}", gate.View, n.routing.get),
		on("PUT /v1/routes/{alias}", gate.Admin, n.routing.put),
		on("POST /v1/routes/{alias}/rollback", gate.Admin, n.routing.rollBack, takes("preview"), once),
		on("POST /v1/routes/{alias}/canary", gate.Admin, n.routing.moveCanary, takes("preview"), once),
	}
}

// operating are the routes for operators and finance.
func operating(n nouns) []route {
	return []route{
		on("GET /v1/events", gate.View, n.events.Stream),
		on("POST /v1/events/storage", gate.Open, n.inbox.Take), // the token is checked there
		on("GET /v1/usage", gate.View, n.operate.Usage.Get,
			takes("group_by", "from", "to", "interval", "format", "start_time", "end_time")),
		on("GET /v1/lineage/{id...}", gate.View, n.lineage.get, takes("limit", "after")),
		on("POST /v1/keys", gate.Admin, n.operate.Keys.Create, once),
		on("GET /v1/keys", gate.Admin, n.operate.Keys.List, list("status", "q")),
		on("GET /v1/keys/{id}", gate.Admin, n.operate.Keys.Get),
		on("PATCH /v1/keys/{id}", gate.Admin, n.operate.Keys.Patch),
		on("DELETE /v1/keys/{id}", gate.Admin, n.operate.Keys.Delete),
		on("POST /v1/keys/{id}/rotate", gate.Admin, n.operate.Keys.Rotate, once),
		on("GET /v1/limits", gate.View, n.operate.Limits.List),
		on("PUT /v1/limits", gate.Admin, n.operate.Limits.Put),
		on("GET /v1/budgets", gate.View, n.operate.Budgets.List),
		on("PUT /v1/budgets", gate.Admin, n.operate.Budgets.Put),
		on("POST /v1/webhooks", gate.Admin, n.operate.Webhooks.Create, once),
		on("GET /v1/webhooks", gate.Admin, n.operate.Webhooks.List, list()),
		on("DELETE /v1/webhooks/{id}", gate.Admin, n.operate.Webhooks.Delete),
		on("POST /v1/webhooks/{id}/rotate", gate.Admin, n.operate.Webhooks.Rotate, once),
		on("GET /v1/webhooks/deliveries", gate.View, n.operate.Deliveries.List, list("status")),
		on("POST /v1/webhooks/deliveries/{id}/redeliver", gate.Use, n.operate.Deliveries.Redeliver, audited),
		on("GET /v1/audit", gate.Admin, n.operate.Audits.List, list("key", "q")),
	}
}

// byHand are the routes of trainings on machines of one's own. All but the first are opened by
// a run's signature.
func byHand(n nouns) []route {
	return []route{
		on("GET /v1/tunes/{id}/notebook", gate.Use, n.runs.notebook, takes("format", "address", "base"), audited),
		on("GET /v1/tunes/{id}/runs/{run}", gate.Open, n.runs.state, takes("until", "sig")),
		on("POST /v1/tunes/{id}/runs/{run}", gate.Open, n.runs.receive),
		on("GET /v1/tunes/{id}/runs/{run}/data", gate.Open, n.runs.data, takes("until", "sig")),
		on("GET /v1/tunes/{id}/runs/{run}/files/{name}", gate.Open, n.runs.file, takes("until", "sig")),
		on("PUT /v1/tunes/{id}/runs/{run}/files/{name}", gate.Open, n.runs.put, takes("until", "sig"), upload),
	}
}

// beside are the routes that stand beside /v1.
func beside(o Options, n nouns) []route {
	return []route{
		on("GET /api/dream_lab/status", gate.View, n.legacy.status),
		on("POST /api/dream_lab/trigger_dream", gate.Use, n.dreams.create),
		on("POST /api/dream_lab/solve", gate.Use, n.solutions.create),
		on("GET /api/dream_lab/memories", gate.View, n.legacy.memories),
		on("GET /api/dream_lab/training/stats", gate.View, n.legacy.stats),

		on("GET /healthz", gate.Open, n.health.alive),
		on("GET /readyz", gate.Open, n.health.ready),
		on("GET /metrics", gate.Loopback, n.health.metrics),
		on("GET /openapi.yaml", gate.Open, n.health.document),
		on("GET /queues/", gate.Browser, page(o.Queues, "The queue page is not served here: GET /v1/jobs shows the jobs."), free),
		on("GET /app/", gate.Open, page(o.Pages, "The pages are not served here."), free),
		on("POST /app/", gate.Open, page(o.Pages, "The pages are not served here."), free),
	}
}

// on returns a line of the table.
func on(name string, who gate.Access, serve wire.Handler, more ...func(*gate.Rule)) route {
	line := route{gate.Rule{Name: name, Who: who}, serve}
	for _, set := range more {
		set(&line.Rule)
	}
	return line
}

// upload marks a route whose body may be large, and is streamed.
func upload(r *gate.Rule) { r.Upload = true }

// faults has a route tell of errors in a form of its own.
func faults(body func(*wire.Fault) []byte) func(*gate.Rule) {
	return func(r *gate.Rule) { r.Fault = body }
}

// once marks a route whose reply is given again to the same Idempotency-Key.
func once(r *gate.Rule) { r.Once = true }

// audited marks a route whose use is written down, as that of all that need an admin is.
func audited(r *gate.Rule) { r.Audit = true }

// takes names the query parameters of a route.
func takes(names ...string) func(*gate.Rule) { return func(r *gate.Rule) { r.Query = names } }

// list marks a route that shows a list in pages, and names its filters.
func list(filters ...string) func(*gate.Rule) {
	return takes(append(filters, "limit", "after", "order", "created_after", "created_before")...)
}

// paged marks a route that shows a list at hand in pages.
func paged(r *gate.Rule) { takes("limit", "after", "order")(r) }

// free marks a route whose query is another's to read.
func free(r *gate.Rule) { r.Free = true }

// page shows pages, where the API was given them.
func page(pages http.Handler, otherwise string) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) error {
		if pages == nil {
			return &wire.Fault{Status: http.StatusNotFound, Code: "not_found", Message: otherwise}
		}
		pages.ServeHTTP(w, c.Request)
		return nil
	}
}
