package learned

import (
	"encoding/json"
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/learn"
)

// Examples are the rows that models are trained on.
type Examples struct{ store *store.Store }

type exampleView struct {
	ID          string          `json:"id"`
	Object      string          `json:"object"`
	Alias       string          `json:"alias"`
	Dream       string          `json:"dream"`
	Sources     []string        `json:"sources"`
	Messages    json.RawMessage `json:"messages"`
	Rejected    *string         `json:"rejected"`
	Score       wire.Thousand   `json:"score"`
	Verdict     string          `json:"verdict"`
	Author      string          `json:"author"`
	Origin      string          `json:"origin"` // said, imagined
	Review      reviewView      `json:"review"`
	CreatedAt   *int64          `json:"created_at"`
	WithdrawnAt *int64          `json:"withdrawn_at"`
}

func viewExample(e learn.Example) exampleView {
	return exampleView{
		ID: e.ID, Object: "example", Alias: e.Alias, Dream: e.Dream, Sources: []string{e.Experience},
		Messages: wire.RawOr(e.Messages, "[]"), Rejected: wire.OrNull(e.Rejected), Score: wire.Thousand(e.Score),
		Verdict: e.Verdict,
		Author:  e.Author, Origin: e.Origin, Review: viewReview(e.Review),
		CreatedAt: wire.Seconds(e.Created), WithdrawnAt: wire.Seconds(e.Withdrawn),
	}
}

// List shows the examples that stand.
func (h Examples) List(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "exm_", gate.Known(h.store.Example))
	if err != nil {
		return err
	}
	err = wire.OneOf("review", f.Review, learn.ReviewOpen, learn.ReviewKept, learn.ReviewRejected, learn.ReviewEdited)
	if err != nil {
		return err
	}
	rows, more, err := h.store.Examples(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewExample, func(v exampleView) string { return v.ID })
}

// Get shows an example.
func (h Examples) Get(w http.ResponseWriter, c *wire.Call) error {
	e, err := h.store.Example(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "example")
	}
	return wire.WriteJSON(w, http.StatusOK, viewExample(e))
}
