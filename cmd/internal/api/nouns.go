package api

import (
	"context"
	"errors"

	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/embed"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/db"
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
	reflections   reflections
	memories      memories
	examples      examples
	datasets      datasets
	tunes         tunes
	evaluations   evaluations
	routing       routing
	usage         usage
	lineage       lineage
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
		trainings:     trainings{o.Store, o.Engine, o.Bucket, front, wait, base, reap},
		conversations: conversations{o.Store, front, waits{store: o.Store, engine: o.Engine, usual: forgetWait}},
		dreams:        dreams{o.Store, o.Engine, front, wait},
		reflections:   reflections{o.Store},
		memories:      memories{o.Store},
		examples:      examples{o.Store},
		datasets:      datasets{o.Store, held},
		tunes:         tunes{o.Store, o.Engine, front, wait, base, reap},
		evaluations:   evaluations{o.Store},
		routing:       routing{o.Store, o.Models},
		usage:         usage{o.Store},
		lineage:       lineage{o.Store},
		health: health{
			o.Store, o.Engine, o.Bucket, o.Metrics, o.Sandbox, front.MayLook, &flight.Reads[struct{}, readyView]{},
		},
	}
	n.jobs = jobs{o.Store, o.Engine, front, wait, chats, n.dreams, n.tunes, reap, o.Webhooks}
	n.experiences = experiences{o.Store, held, front, wait, n.jobs.show, front.MaxBody}
	n.legacy = legacy{o.Store, n.datasets, o.Sandbox}
	return n
}

// cursor finds what an id of a list stands for, or returns db.ErrNotFound.
type cursor func(ctx context.Context, tenant, id string) error

// known makes a cursor of a noun's getter.
func known[T any](get func(ctx context.Context, tenant, id string) (T, error)) cursor {
	return func(ctx context.Context, tenant, id string) error {
		_, err := get(ctx, tenant, id)
		return err
	}
}

// paged reads the page that is asked for. After another id than one of the list
// there would be an empty page, or a wrong one.
func paged(c *wire.Call, noun string, find cursor) (db.Page, error) {
	return pagedUpTo(wire.MaxPerPage, c, noun, find)
}

// pagedUpTo is paged for a list whose pages have another bound.
func pagedUpTo(most int, c *wire.Call, noun string, find cursor) (db.Page, error) {
	page, err := wire.PageOf(c, most)
	if err != nil || page.After == "" {
		return db.Page(page), err
	}
	if db.NounOf(page.After) != noun {
		return db.Page{}, wire.Invalid("after", "after is an id of this list, as last_id gave it: %s…", noun)
	}
	err = find(c.Context(), c.Tenant, page.After)
	if errors.Is(err, db.ErrNotFound) {
		f := gate.FaultOf(gate.OrMissing(err, "object to go on after"))
		f.Param = "after"
		return db.Page{}, f
	}
	return db.Page(page), err
}
