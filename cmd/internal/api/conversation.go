package api

import (
	"net/http"

	"dreamlab/store"
)

type deletedView struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Deleted     bool   `json:"deleted"`
	Experiences *int   `json:"experiences,omitempty"` // how many went with a conversation
}

// deleteConversation forgets a conversation, by our id or the client's, and
// what was learned from it alone: in the database first, then in the bucket.
func (s *Server) deleteConversation(w http.ResponseWriter, c *call) error {
	id := c.PathValue("id")
	var gone []string
	batches, err := s.batchesOf(c, id)
	if err != nil {
		return err
	}
	err = s.Store.Tx(c.Context(), store.Synced, func(q *store.Queries) (err error) {
		gone, err = q.DeleteConversation(c.Context(), c.key.Tenant, id)
		return err
	})
	if err != nil {
		return orMissing(err, "conversation")
	}
	if err := s.forget(c, batches, gone); err != nil {
		return err
	}
	view := deletedView{ID: id, Object: "conversation", Deleted: true, Experiences: new(len(gone))}
	return writeJSON(w, http.StatusOK, view)
}
