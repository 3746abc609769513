package api

import (
	"net/http"

	"dreamlab/store"
)

type reflectionView struct {
	ID          string   `json:"id"`
	Object      string   `json:"object"`
	Dream       string   `json:"dream"`
	Lesson      string   `json:"lesson"`
	Sources     []string `json:"sources"`
	Score       thousand `json:"score"`
	CreatedAt   *int64   `json:"created_at"`
	WithdrawnAt *int64   `json:"withdrawn_at"`
}

func viewReflection(r store.Reflection) reflectionView {
	return reflectionView{
		ID: r.ID, Object: "reflection", Dream: r.Dream, Lesson: r.Lesson, Sources: some(r.Sources),
		Score:     thousand(r.Score),
		CreatedAt: seconds(r.Created), WithdrawnAt: seconds(r.Withdrawn),
	}
}

// some returns an empty list instead of null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *Server) listReflections(w http.ResponseWriter, c *call) error {
	page, err := paged(c, "dream")
	if err != nil {
		return err
	}
	rows, more, err := s.Store.Reflections(c.Context(), c.key.Tenant, c.URL.Query().Get("dream"), page)
	if err != nil {
		return err
	}
	return writeList(w, rows, more, viewReflection, func(v reflectionView) string { return v.ID })
}

func (s *Server) getReflection(w http.ResponseWriter, c *call) error {
	r, err := s.Store.Reflection(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "reflection")
	}
	return writeJSON(w, http.StatusOK, viewReflection(r))
}
