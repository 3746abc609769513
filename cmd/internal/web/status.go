package web

import (
	"context"
	"net/http"

	"dreamlab/cmd/internal/status"
	"dreamlab/cmd/internal/web/held"
)

// statusView is what an operator looks at first when something is wrong.
type statusView struct {
	Ready       readyView
	Audits      list[auditView]
	Admin       bool
	MayExamine  bool
	Examination *status.Examination // once it was asked for
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

func statusPage(v *visit) error { return showStatus(v, nil) }

// examinePage shows what `dreamlab doctor` tells, of this process.
func examinePage(v *visit) error {
	if v.Standing == nil {
		return noPage(v)
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), askWithin)
	defer cancel()
	found, err := v.Standing.Examine(ctx)
	if err != nil {
		return err
	}
	return showStatus(v, found)
}

func showStatus(v *visit, found *status.Examination) error {
	admin := v.key.Has("admin")
	body := statusView{Admin: admin, MayExamine: admin && v.Standing != nil, Examination: found}
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
