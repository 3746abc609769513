package api

import (
	"context"
	"net/http"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

type lineage struct{ store *store.Store }

// lineageView is a walk both ways. Steps are ordered from the thing outwards.
type lineageView struct {
	ID        string        `json:"id"`
	Object    string        `json:"object"`
	From      []lineageStep `json:"from"` // what it came from
	To        []lineageStep `json:"to"`   // what came of it
	Truncated bool          `json:"truncated"`
}

type lineageStep struct {
	ID   string `json:"id"`
	Step string `json:"step"`
	Of   string `json:"of"`   // the neighbour that it was found by
	Hops int    `json:"hops"` // from the thing that was asked for
}

// Bounds of a walk: a dream has thousands of experiences, and nobody reads them
// here.
const (
	mostLineage  = 500 // things each way
	mostHops     = 12
	linksPerNoun = 100
)

func (h lineage) get(w http.ResponseWriter, c *wire.Call) error {
	id := c.PathValue("id")
	view := lineageView{ID: id, Object: "lineage"}
	back := walk{links: h.store.Links, tenant: c.Tenant}
	forth := walk{links: h.store.Links, tenant: c.Tenant, forward: true}
	var err error
	if view.From, err = back.run(c.Context(), id); err != nil {
		return err
	}
	if view.To, err = forth.run(c.Context(), id); err != nil {
		return err
	}
	if len(view.From)+len(view.To) == 0 && !h.exists(c, id) {
		return wire.Missing("object")
	}
	view.Truncated = back.truncated || forth.truncated
	return wire.WriteJSON(w, http.StatusOK, view)
}

// exists tells whether a thing without links is the tenant's all the same: one
// that was made and has not been used yet.
func (h lineage) exists(c *wire.Call, id string) bool {
	ctx, tenant := c.Context(), c.Tenant
	var err error
	switch store.NounOf(id) {
	case "job_":
		_, err = h.store.Job(ctx, tenant, id)
	case "file-":
		_, err = h.store.File(ctx, tenant, id)
	case "ftjob-":
		_, err = h.store.Training(ctx, tenant, id)
	case "tun_":
		_, err = h.store.Tune(ctx, tenant, id)
	case "drm_":
		_, err = h.store.Dream(ctx, tenant, id)
	case "ds_":
		_, err = h.store.Dataset(ctx, tenant, id)
	default:
		_, err = h.store.Model(ctx, tenant, id)
	}
	return err == nil
}

// walk goes along the links in one direction, the nearest first.
type walk struct {
	links   func(ctx context.Context, tenant, id string, limit int) ([]store.Link, error)
	tenant  string
	forward bool

	seen      map[string]bool
	steps     []lineageStep
	truncated bool
}

func (k *walk) run(ctx context.Context, id string) ([]lineageStep, error) {
	k.seen, k.steps = map[string]bool{id: true}, []lineageStep{}
	layer := []string{id}
	for hops := 1; len(layer) > 0; hops++ {
		if hops > mostHops {
			k.truncated = true
			break
		}
		var next []string
		for _, node := range layer {
			found, err := k.expand(ctx, node, hops)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		layer = next
	}
	return k.steps, nil
}

func (k *walk) expand(ctx context.Context, node string, hops int) ([]string, error) {
	if len(k.steps) >= mostLineage {
		k.truncated = true
		return nil, nil
	}
	links, err := k.links(ctx, k.tenant, node, linksPerNoun)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, l := range links {
		near, far := l.To, l.From
		if k.forward {
			near, far = l.From, l.To
		}
		if near != node || far == "" || k.seen[far] {
			continue
		}
		k.seen[far] = true
		k.steps = append(k.steps, lineageStep{ID: far, Step: l.Kind, Of: node, Hops: hops})
		found = append(found, far)
	}
	k.truncated = k.truncated || len(links) >= linksPerNoun
	return found, nil
}
