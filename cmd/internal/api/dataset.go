package api

import (
	"context"
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/learn"
)

type datasets struct {
	store   *store.Store
	objects objects
}

type datasetView struct {
	ID        string         `json:"id"`
	Object    string         `json:"object"`
	Alias     string         `json:"alias"`
	SHA256    string         `json:"sha256"`
	Rows      int64          `json:"rows"`
	Manifest  learn.Manifest `json:"manifest"`
	Sources   []string       `json:"sources"` // the first hundred examples; rows tells how many there are
	CreatedAt *int64         `json:"created_at"`
	TaintedAt *int64         `json:"tainted_at"` // when a conversation was forgotten that it had rows of
	AgedAt    *int64         `json:"aged_at"`    // when one was deleted for its age: the content is gone
}

const shownSources = 100

func (h datasets) view(ctx context.Context, d learn.Dataset) (datasetView, error) {
	examples, err := h.store.DatasetExamples(ctx, d.ID, "", shownSources)
	return datasetView{
		ID: d.ID, Object: "dataset", Alias: d.Alias, SHA256: d.SHA256, Rows: d.Rows, Manifest: d.Manifest,
		Sources: wire.Some(examples), CreatedAt: wire.Seconds(d.Created), TaintedAt: wire.Seconds(d.Tainted),
		AgedAt: wire.Seconds(d.Aged),
	}, err
}

func (h datasets) list(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "ds_", gate.Known(h.store.Dataset))
	if err != nil {
		return err
	}
	rows, more, err := h.store.Datasets(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	views := make([]datasetView, len(rows))
	for i, row := range rows {
		if views[i], err = h.view(c.Context(), row); err != nil {
			return err
		}
	}
	return wire.WriteJSON(w, http.StatusOK, wire.ListOf(views, more, func(v datasetView) string { return v.ID }))
}

func (h datasets) get(w http.ResponseWriter, c *wire.Call) error {
	d, err := h.store.Dataset(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "dataset")
	}
	view, err := h.view(c.Context(), d)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, view)
}

func (h datasets) content(w http.ResponseWriter, c *wire.Call) error {
	d, err := h.store.Dataset(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "dataset")
	}
	if !d.Aged.IsZero() {
		return &wire.Fault{Status: http.StatusNotFound, Code: "not_found", Message: "The content of this dataset was deleted: " +
			"some of its conversations are older than experience_retention."}
	}
	return h.objects.send(w, c, d.Object, "application/jsonl")
}
