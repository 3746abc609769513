package api

import (
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
)

type conversations struct {
	store  *store.Store
	bucket blob.Bucket
}

type deletedView struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Deleted     bool   `json:"deleted"`
	Experiences *int   `json:"experiences,omitempty"` // how many went with a conversation
}

// delete forgets a conversation, by our id or the client's, and
// what was learned from it: in the bucket first, so that what breaks off can be
// asked for again, then in the database.
func (h conversations) delete(w http.ResponseWriter, c *wire.Call) error {
	id := c.PathValue("id")
	traces, err := h.store.Traces(c.Context(), c.Tenant, id)
	if err != nil {
		return gate.OrMissing(err, "conversation")
	}
	if err := h.forget(c, traces); err != nil {
		return err
	}
	view := deletedView{ID: id, Object: "conversation", Deleted: true, Experiences: new(len(traces.Experiences))}
	return wire.WriteJSON(w, http.StatusOK, view)
}
