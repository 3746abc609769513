package api

import "net/http"

type deletedView struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Deleted     bool   `json:"deleted"`
	Experiences *int   `json:"experiences,omitempty"` // how many went with a conversation
}

// deleteConversation forgets a conversation, by our id or the client's, and
// what was learned from it: in the bucket first, so that what breaks off can be
// asked for again, then in the database.
func (s *Server) deleteConversation(w http.ResponseWriter, c *call) error {
	id := c.PathValue("id")
	traces, err := s.Store.Traces(c.Context(), c.key.Tenant, id)
	if err != nil {
		return orMissing(err, "conversation")
	}
	if err := s.forget(c, traces); err != nil {
		return err
	}
	view := deletedView{ID: id, Object: "conversation", Deleted: true, Experiences: new(len(traces.Experiences))}
	return writeJSON(w, http.StatusOK, view)
}
