package api

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

type memories struct{ store *store.Store }

type memoryView struct {
	ID        *string      `json:"id"` // null before the first dream
	Object    string       `json:"object"`
	Dream     *string      `json:"dream"`
	Lessons   []lessonView `json:"lessons"`
	CreatedAt *int64       `json:"created_at"`
}

type lessonView struct {
	Text        string        `json:"text"`
	Reflections []string      `json:"reflections"`
	Sources     []string      `json:"sources"`
	Weight      wire.Thousand `json:"weight"`
}

func viewMemory(m learn.Memory) memoryView {
	view := memoryView{
		ID: wire.OrNull(m.ID), Object: "memory", Dream: wire.OrNull(m.Dream),
		Lessons: make([]lessonView, len(m.Lessons)), CreatedAt: wire.Seconds(m.Created),
	}
	for i, l := range m.Lessons {
		view.Lessons[i] = lessonView{
			Text: l.Text, Reflections: wire.Some(l.Reflections), Sources: wire.Some(l.Sources), Weight: wire.Thousand(l.Weight),
		}
	}
	return view
}

// get answers with the file where Markdown is preferred, with the
// lessons and their sources otherwise.
func (h memories) get(w http.ResponseWriter, c *wire.Call) error {
	m, err := h.store.Memory(c.Context(), c.Tenant)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if !prefersMarkdown(c.Header.Get("Accept")) {
		return wire.WriteJSON(w, http.StatusOK, viewMemory(m))
	}
	var text []byte
	if m.ID != "" {
		text = []byte(m.Markdown())
	}
	return wire.Write(w, http.StatusOK, "text/markdown; charset=utf-8", text)
}

// prefersMarkdown tells which of the two an Accept header weighs more, or, where
// it weighs both the same, which comes first (RFC 9110, section 12.5.1).
func prefersMarkdown(accept string) bool {
	text, best := false, 0.0
	for item := range strings.SplitSeq(accept, ",") {
		kind, settings, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, err := strconv.ParseFloat(settings["q"], 64); err == nil {
			weight = q
		}
		is := slices.Contains([]string{"text/markdown", "text/plain", "text/*"}, kind)
		known := is || slices.Contains([]string{"application/json", "application/*", "*/*"}, kind)
		if known && weight > best {
			text, best = is, weight
		}
	}
	return text
}
