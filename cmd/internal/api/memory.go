package api

import (
	"errors"
	"net/http"
	"strings"

	"dreamlab/store"
)

type memoryView struct {
	ID        *string      `json:"id"` // null before the first dream
	Object    string       `json:"object"`
	Dream     *string      `json:"dream"`
	Lessons   []lessonView `json:"lessons"`
	CreatedAt *int64       `json:"created_at"`
}

type lessonView struct {
	Text        string   `json:"text"`
	Reflections []string `json:"reflections"`
	Sources     []string `json:"sources"`
	Weight      thousand `json:"weight"`
}

func viewMemory(m store.Memory) memoryView {
	view := memoryView{
		ID: orNull(m.ID), Object: "memory", Dream: orNull(m.Dream),
		Lessons: make([]lessonView, len(m.Lessons)), CreatedAt: seconds(m.Created),
	}
	for i, l := range m.Lessons {
		view.Lessons[i] = lessonView{
			Text: l.Text, Reflections: some(l.Reflections), Sources: some(l.Sources), Weight: thousand(l.Weight),
		}
	}
	return view
}

// getMemory answers with the file itself where Markdown is preferred, with the
// lessons and their sources otherwise.
func (s *Server) getMemory(w http.ResponseWriter, c *call) error {
	m, err := s.Store.Memory(c.Context(), c.key.Tenant)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	w.Header().Set("Vary", "Accept")
	if !prefersMarkdown(c.Header.Get("Accept")) {
		return writeJSON(w, http.StatusOK, viewMemory(m))
	}
	if m.ID == "" {
		return write(w, http.StatusOK, "text/markdown; charset=utf-8", nil)
	}
	return s.sendObject(w, c, m.Object, "text/markdown; charset=utf-8")
}

// prefersMarkdown tells which of the two comes first in an Accept header.
func prefersMarkdown(accept string) bool {
	for kind := range strings.SplitSeq(accept, ",") {
		kind, _, _ = strings.Cut(strings.TrimSpace(kind), ";")
		switch kind {
		case "text/markdown", "text/plain", "text/*":
			return true
		case "application/json", "application/*", "*/*":
			return false
		}
	}
	return false
}
