package learned

import (
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/learn"
)

// Reflections are the lessons of dreams.
type Reflections struct{ store *store.Store }

type reflectionView struct {
	ID          string        `json:"id"`
	Object      string        `json:"object"`
	Dream       string        `json:"dream"`
	Title       string        `json:"title"`
	Applies     string        `json:"applies"` // when; empty where it always does
	Lesson      string        `json:"lesson"`
	Helped      int           `json:"helped"` // of its sources, answered better with it
	Harmed      int           `json:"harmed"` // of its sources, answered worse with it
	Sources     []string      `json:"sources"`
	Score       wire.Thousand `json:"score"`
	CreatedAt   *int64        `json:"created_at"`
	WithdrawnAt *int64        `json:"withdrawn_at"`
}

func viewReflection(r learn.Reflection) reflectionView {
	return reflectionView{
		ID: r.ID, Object: "reflection", Dream: r.Dream, Title: r.Title, Applies: r.Applies,
		Lesson: r.Lesson, Helped: r.Helped, Harmed: r.Harmed, Sources: wire.Some(r.Sources),
		Score:     wire.Thousand(r.Score),
		CreatedAt: wire.Seconds(r.Created), WithdrawnAt: wire.Seconds(r.Withdrawn),
	}
}

// List shows the lessons that stand.
func (h Reflections) List(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "rfl_", gate.Known(h.store.Reflection))
	if err != nil {
		return err
	}
	rows, more, err := h.store.Reflections(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewReflection, func(v reflectionView) string { return v.ID })
}

// Get shows a lesson.
func (h Reflections) Get(w http.ResponseWriter, c *wire.Call) error {
	r, err := h.store.Reflection(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "reflection")
	}
	return wire.WriteJSON(w, http.StatusOK, viewReflection(r))
}
