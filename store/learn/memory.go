package learn

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Memory is one version of the lessons of a tenant's dreams: a file that chats can use.
// Versions are never overwritten.
type Memory struct {
	ID        string // mem_…: the version
	Tenant    string
	Dream     string // that wrote it; "" where it was restored
	Restored  string // the version that it repeats; "" where a dream wrote it
	Lessons   []Lesson
	Object    string // the Markdown file in the bucket
	Withdrawn time.Time
	Created   time.Time
}

// MemoryID is the id of the version that a dream writes: a repeated step writes the same
// version.
func MemoryID(dream string) string { return "mem_" + strings.TrimPrefix(dream, "drm_") }

// Lesson is one line of a memory. Its first reflection names it through all versions.
type Lesson struct {
	Title       string   `json:"title,omitempty"`
	Applies     string   `json:"applies,omitempty"` // when; "" is always
	Text        string   `json:"text"`              // what to do, in the imperative
	Reflections []string `json:"reflections"`       // what it was merged from, the oldest first
	Sources     []string `json:"sources"`           // experience ids
	Weight      int64    `json:"weight"`            // thousandths; decays where it is not used
	Helped      int      `json:"helped"`            // of its sources, answered better with it
	Harmed      int      `json:"harmed"`            // of its sources, answered worse with it
}

// ID names a lesson through all versions of the memory: its oldest reflection.
func (l Lesson) ID() string {
	if len(l.Reflections) == 0 {
		return ""
	}
	return l.Reflections[0]
}

// Markdown formats a memory as the file that people read.
func (m Memory) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# Memory %s\n\n", m.ID)
	for _, l := range m.Lessons {
		fmt.Fprintf(&out, "- %s\n  - weight %d.%03d, from %s\n", l.Full(), l.Weight/1000, l.Weight%1000,
			strings.Join(l.Sources, ", "))
	}
	return out.String()
}

// Full is a lesson with its title and when it applies, on one line.
func (l Lesson) Full() string {
	text := l.Text
	if l.Applies != "" {
		text += " (" + l.Applies + ")"
	}
	if l.Title != "" {
		text = l.Title + ": " + text
	}
	return text
}

// AddMemory stores a new version. It belongs in a Tx.
func (q *DreamQueries) AddMemory(ctx context.Context, m Memory) error {
	_, err := q.Exec(ctx, `INSERT INTO memories (id, tenant, dream, restored, lessons, object, created)
		VALUES ($1, $2, $3, $4, $5, $6, {now})`, m.ID, m.Tenant, m.Dream, m.Restored,
		q.Seal(db.Encode(m.Lessons), m.ID), m.Object)
	for _, l := range m.Lessons {
		if err == nil {
			err = job.Cite(ctx, q.Tx, m.Tenant, m.ID, slices.Concat(l.Sources, l.Reflections)...)
		}
	}
	return err
}

// Memory returns the newest version that was not withdrawn, without the lessons of dreams that
// were undone since.
func (q *DreamQueries) Memory(ctx context.Context, tenant string) (Memory, error) {
	m, err := db.Read(ctx, q.Tx, scanMemory, `SELECT `+memoryColumns+` FROM memories
		WHERE tenant = $1 AND withdrawn IS NULL ORDER BY id DESC LIMIT 1`, tenant)
	if err != nil {
		return m, err
	}
	return q.standing(ctx, m)
}

// standing leaves out of a version what dreams taught that were undone since.
func (q *DreamQueries) standing(ctx context.Context, m Memory) (Memory, error) {
	known, err := reflectionsOf(ctx, q, m)
	if err != nil {
		return m, err
	}
	lessons := m.Lessons
	m.Lessons = nil
	for _, l := range lessons {
		if l.rest(known) {
			m.Lessons = append(m.Lessons, l)
		}
	}
	return m, nil
}

// reflectionsOf reads the reflections that a memory was merged from, in one
// statement: chats wait for it.
func reflectionsOf(ctx context.Context, q *DreamQueries, m Memory) (map[string]*Reflection, error) {
	all := []string{}
	for _, l := range m.Lessons {
		all = append(all, l.Reflections...)
	}
	known := map[string]*Reflection{}
	if len(all) == 0 {
		return known, nil
	}
	keep := func(r Reflection) error {
		known[r.ID] = &r
		return nil
	}
	err := db.Stream(ctx, q.Tx, scanReflection, keep, `SELECT `+reflectionColumns+` FROM reflections
		WHERE tenant = $1 AND id IN ({list $2})`, m.Tenant, db.Encode(all))
	return known, err
}

// rest rebuilds a lesson from those of its reflections that were not withdrawn, with the text
// of the newest, and tells whether any is left. A lesson of which none was withdrawn is
// returned as it is.
func (l *Lesson) rest(known map[string]*Reflection) bool {
	withdrawn := func(id string) bool { return known[id] != nil && !known[id].Withdrawn.IsZero() }
	if !slices.ContainsFunc(l.Reflections, withdrawn) {
		return true
	}
	l.Reflections = slices.DeleteFunc(slices.Clone(l.Reflections), withdrawn)
	l.Sources, l.Helped, l.Harmed = nil, 0, 0
	for _, id := range slices.Sorted(slices.Values(l.Reflections)) {
		if r := known[id]; r != nil {
			l.Title, l.Applies, l.Text = r.Title, r.Applies, r.Lesson
			l.Sources = append(l.Sources, r.Sources...)
			l.Helped, l.Harmed = l.Helped+r.Helped, l.Harmed+r.Harmed
		}
	}
	slices.Sort(l.Sources)
	l.Sources = slices.Compact(l.Sources)
	return len(l.Sources) > 0
}

const memoryColumns = `id, tenant, dream, restored, lessons, object, withdrawn, created`

func scanMemory(scan func(...any) error) (Memory, error) {
	var m Memory
	var lessons string
	var withdrawn, created *int64
	err := scan(&m.ID, &m.Tenant, &m.Dream, &m.Restored, db.Opened(&lessons, &m.ID), &m.Object, &withdrawn, &created)
	if err == nil {
		err = json.Unmarshal([]byte(lessons), &m.Lessons)
	}
	m.Withdrawn, m.Created = db.TimeOf(withdrawn), db.TimeOf(created)
	return m, err
}
