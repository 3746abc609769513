package api

import (
	"net/http"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

type lineage struct{ store *store.Store }

// lineageView is a page of a walk both ways: first what the thing came from, then
// what came of it, each ordered from the thing outwards.
type lineageView struct {
	ID      string        `json:"id"`
	Object  string        `json:"object"`
	From    []lineageStep `json:"from"` // what it came from
	To      []lineageStep `json:"to"`   // what came of it
	HasMore bool          `json:"has_more"`
	LastID  *string       `json:"last_id"` // the next page's after
}

type lineageStep struct {
	ID   string `json:"id"`
	Step string `json:"step"`
	Of   string `json:"of"`   // the neighbour that it was found by
	Hops int    `json:"hops"` // from the thing that was asked for
}

// lineagePage is how many steps are shown where no limit is given.
const lineagePage = 100

func (h lineage) get(w http.ResponseWriter, c *wire.Call) error {
	page, err := wire.PageOf(c, wire.MaxPerPage)
	if err != nil {
		return err
	}
	if c.URL.Query().Get("limit") == "" {
		page.Limit = lineagePage
	}
	id := c.PathValue("id")
	steps, more, err := h.store.Lineage(c.Context(), c.Tenant, id,
		db.Page{Limit: page.Limit, After: page.After, Ascending: page.Ascending})
	if err != nil {
		return err
	}
	if len(steps) == 0 && page.After == "" && !h.exists(c, id) {
		return wire.Missing("object")
	}
	return wire.WriteJSON(w, http.StatusOK, viewLineage(id, steps, more))
}

func viewLineage(id string, steps []learn.Step, more bool) lineageView {
	view := lineageView{ID: id, Object: "lineage", From: []lineageStep{}, To: []lineageStep{}, HasMore: more}
	for _, s := range steps {
		side := &view.From
		if s.Forward {
			side = &view.To
		}
		*side = append(*side, lineageStep{ID: s.ID, Step: s.Kind, Of: s.Via, Hops: s.Hops})
	}
	if len(steps) > 0 {
		view.LastID = &steps[len(steps)-1].ID
	}
	return view
}

// exists tells whether a thing without links is the tenant's all the same: one
// that was made and has not been used yet.
func (h lineage) exists(c *wire.Call, id string) bool {
	ctx, tenant := c.Context(), c.Tenant
	var err error
	switch db.NounOf(id) {
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
	case "exp_":
		_, err = h.store.Experience(ctx, tenant, id)
	case "ds_":
		_, err = h.store.Dataset(ctx, tenant, id)
	default:
		_, err = h.store.Model(ctx, tenant, id)
	}
	return err == nil
}
