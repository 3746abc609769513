package api

import (
	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/embed"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/happening"
	"dreamlab/cmd/internal/api/learned"
	"dreamlab/cmd/internal/api/operate"
	"dreamlab/store/flight"
)

// nouns are what the routes are about. Each is given what its handlers need, and
// no more.
type nouns struct {
	models        models
	embeddings    *embed.Embeddings
	files         files
	batches       batches
	trainings     trainings
	jobs          jobs
	experiences   experiences
	conversations conversations
	dreams        dreams
	solutions     solutions
	learned       learned.Nouns
	datasets      datasets
	tunes         tunes
	runs          runs
	evaluations   evaluations
	routing       routing
	lineage       lineage
	operate       operate.Nouns
	events        *happening.Streams
	inbox         *happening.Inbox
	legacy        legacy
	health        health
}

func newNouns(o Options, front *gate.Gate, chats *chat.Chats) nouns {
	wait, held := waits{store: o.Store, engine: o.Engine}, objects{o.Bucket, o.Log}
	reap, base := reaping{o.Store, o.Engine, o.Log}, bases{o.Store, o.Models, o.Tunable, o.Base}
	n := nouns{
		models: models{o.Store, o.Models, reap, o.Sandbox},
		embeddings: &embed.Embeddings{
			Gate: front, Engine: o.Engine, Store: o.Store, Models: contexts{o.Models}, Log: o.Log,
		},
		files:         files{o.Store, held},
		batches:       batches{o.Store, front, wait},
		trainings:     trainings{o.Store, o.Engine, o.Bucket, front, wait, base, reap, o.Pausable},
		conversations: conversations{o.Store, front, waits{store: o.Store, engine: o.Engine, usual: forgetWait}},
		dreams:        dreams{o.Store, o.Engine, front, wait, o.Kept},
		solutions:     solutions{o.Store, front, waits{store: o.Store, engine: o.Engine, usual: solveWait}, []string{o.Base, o.Lead}},
		events:        &happening.Streams{Store: o.Store, Every: o.Look, Sandbox: o.Sandbox},
		learned:       learned.New(o.Store, o.Bucket),
		datasets:      datasets{o.Store, held},
		tunes:         tunes{o.Store, o.Engine, front, wait, base, reap, o.Servable},
		runs:          runs{o.Store, held},
		routing:       routing{o.Store, o.Models},
		lineage:       lineage{o.Store},
		health: health{
			o.Store, o.Engine, o.Bucket, o.Metrics, o.Sandbox, front.MayLook, &flight.Reads[struct{}, readyView]{},
		},
	}
	n.jobs = jobs{o.Store, o.Engine, front, wait, chats, n.dreams, n.tunes, reap, o.Webhooks}
	n.evaluations = evaluations{o.Store, front, n.jobs}
	n.operate = operate.New(operate.Options{
		Store: o.Store, Gate: front, Accepted: n.jobs.accepted, Budgets: o.Budgets, Plan: o.Plan,
		Webhooks: o.Webhooks, Now: o.Now,
	})
	n.experiences = experiences{o.Store, held, front, wait, n.jobs.show, front.MaxBody}
	n.legacy = legacy{o.Store, n.datasets, o.Sandbox}
	n.inbox = happening.NewInbox(happening.Inbox{
		Store: o.Store, Gate: front, Accepted: n.jobs.accepted, Bucket: o.Inbox.Bucket, Prefix: o.Inbox.Prefix,
	}, o.Inbox.Signer, o.Now)
	return n
}
