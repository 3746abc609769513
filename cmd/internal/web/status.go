package web

import (
	"net/http"

	"dreamlab/cmd/internal/web/held"
)

// statusView is what an operator looks at first when something is wrong.
type statusView struct {
	Ready  readyView
	Audits list[auditView]
	Admin  bool
}

// auditView is who changed what.
type auditView struct {
	ID, Key, Action, Subject, Request string
	CreatedAt                         *int64 `json:"created_at"`
}

// ready reads the state of the dependencies; unready is an answer, too.
func (v *visit) ready() (readyView, error) {
	var ready readyView
	ask, err := v.question(v.r.Context(), http.MethodGet, "/readyz", nil)
	if err != nil {
		return ready, err
	}
	got := held.New()
	v.api.ServeHTTP(got, ask)
	return ready, decode(got.Bytes(), &ready)
}

func statusPage(v *visit) error {
	body := statusView{Admin: v.key.Has("admin")}
	var err error
	if body.Ready, err = v.ready(); err != nil {
		return err
	}
	if body.Admin {
		if err := v.get("/v1/audit", nil, &body.Audits); err != nil {
			return err
		}
	}
	return v.show("status", "Status", body)
}
