package api

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
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

// getMemory answers with the file where Markdown is preferred, with the
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
	var text []byte
	if m.ID != "" {
		text = []byte(m.Markdown())
	}
	return write(w, http.StatusOK, "text/markdown; charset=utf-8", text)
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
