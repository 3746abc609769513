package operate

import (
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// Audits say who changed what.
type Audits struct{ store *store.Store }

type auditView struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	Key       string `json:"key"` // its id
	Action    string `json:"action"`
	Subject   string `json:"subject"`
	Request   string `json:"request"`
	CreatedAt *int64 `json:"created_at"`
}

func viewAudit(a store.Audit) auditView {
	return auditView{a.ID, "audit", a.Key, a.Action, a.Subject, a.Request, wire.Seconds(a.Created)}
}

// List shows the changes.
func (h Audits) List(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "aud_", gate.Known(h.store.Audit))
	if err != nil {
		return err
	}
	rows, more, err := h.store.Audits(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewAudit, func(v auditView) string { return v.ID })
}
