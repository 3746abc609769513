package learned

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// Memories are the versions of the tenant's memory.
type Memories struct {
	store  *store.Store
	bucket blob.Bucket
}

type memoryView struct {
	ID        *string  `json:"id"` // null before the first dream
	Object    string   `json:"object"`
	Dream     *string  `json:"dream"`
	Restored  *string  `json:"restored"` // the version that it repeats
	Lessons   []Lesson `json:"lessons"`
	CreatedAt *int64   `json:"created_at"`
}

// Lesson is a line of a memory as clients see it.
type Lesson struct {
	ID          *string       `json:"id"` // the same through all versions
	Title       *string       `json:"title"`
	Applies     *string       `json:"applies"` // null: always
	Text        string        `json:"text"`
	Reflections []string      `json:"reflections"`
	Sources     []string      `json:"sources"`
	Weight      wire.Thousand `json:"weight"`
	Helped      int           `json:"helped"`
	Harmed      int           `json:"harmed"`
}

func viewLesson(l learn.Lesson) Lesson {
	return Lesson{
		ID: wire.OrNull(l.ID()), Title: wire.OrNull(l.Title), Applies: wire.OrNull(l.Applies), Text: l.Text,
		Reflections: wire.Some(l.Reflections), Sources: wire.Some(l.Sources), Weight: wire.Thousand(l.Weight),
		Helped: l.Helped, Harmed: l.Harmed,
	}
}

// ViewLessons shows the lessons of a memory.
func ViewLessons(m learn.Memory) []Lesson {
	views := make([]Lesson, len(m.Lessons))
	for i, l := range m.Lessons {
		views[i] = viewLesson(l)
	}
	return views
}

func viewMemory(m learn.Memory) memoryView {
	return memoryView{
		ID: wire.OrNull(m.ID), Object: "memory", Dream: wire.OrNull(m.Dream), Restored: wire.OrNull(m.Restored),
		Lessons: ViewLessons(m), CreatedAt: wire.Seconds(m.Created),
	}
}

// Get answers with the file where Markdown is preferred, with the
// lessons and their sources otherwise.
func (h Memories) Get(w http.ResponseWriter, c *wire.Call) error {
	m, err := h.store.Memory(c.Context(), c.Tenant)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	return showMemory(w, c, m)
}

func showMemory(w http.ResponseWriter, c *wire.Call, m learn.Memory) error {
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
