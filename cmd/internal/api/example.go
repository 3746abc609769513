package api

import (
	"encoding/json"
	"net/http"

	"dreamlab/store"
)

type exampleView struct {
	ID          string          `json:"id"`
	Object      string          `json:"object"`
	Alias       string          `json:"alias"`
	Dream       string          `json:"dream"`
	Sources     []string        `json:"sources"`
	Messages    json.RawMessage `json:"messages"`
	Rejected    *string         `json:"rejected"`
	Score       thousand        `json:"score"`
	Verdict     string          `json:"verdict"`
	Author      string          `json:"author"`
	CreatedAt   *int64          `json:"created_at"`
	WithdrawnAt *int64          `json:"withdrawn_at"`
}

func viewExample(e store.Example) exampleView {
	return exampleView{
		ID: e.ID, Object: "example", Alias: e.Alias, Dream: e.Dream, Sources: []string{e.Experience},
		Messages: rawOr(e.Messages, "[]"), Rejected: orNull(e.Rejected), Score: thousand(e.Score),
		Verdict: e.Verdict,
		Author:  e.Author, CreatedAt: seconds(e.Created), WithdrawnAt: seconds(e.Withdrawn),
	}
}

func (s *Server) listExamples(w http.ResponseWriter, c *call) error {
	page, err := paged(c, "dream")
	if err != nil {
		return err
	}
	rows, more, err := s.Store.Examples(c.Context(), c.key.Tenant, c.URL.Query().Get("dream"), page)
	if err != nil {
		return err
	}
	return writeList(w, rows, more, viewExample, func(v exampleView) string { return v.ID })
}

func (s *Server) getExample(w http.ResponseWriter, c *call) error {
	e, err := s.Store.Example(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "example")
	}
	return writeJSON(w, http.StatusOK, viewExample(e))
}
