package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Memory is one version of what a tenant's dreams came to: a file that chats
// can use. Versions are never overwritten.
type Memory struct {
	ID        string // mem_…: the version
	Tenant    string
	Dream     string
	Lessons   []Lesson
	Object    string // the Markdown file in the bucket
	Withdrawn time.Time
	Created   time.Time
}

// Lesson is one line of a memory.
type Lesson struct {
	Text        string   `json:"text"`
	Reflections []string `json:"reflections"` // what it was merged from
	Sources     []string `json:"sources"`     // experience ids
	Weight      int64    `json:"weight"`      // thousandths; decays from dream to dream
}

// Markdown writes a memory as the file that people read.
func (m Memory) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# Memory %s\n\n", m.ID)
	for _, l := range m.Lessons {
		fmt.Fprintf(&out, "- %s\n  - weight %d.%03d, from %s\n", l.Text, l.Weight/1000, l.Weight%1000,
			strings.Join(l.Sources, ", "))
	}
	return out.String()
}

// AddMemory keeps a new version.
func (q *Queries) AddMemory(ctx context.Context, m Memory) error {
	_, err := q.exec(ctx, `INSERT INTO memories (id, tenant, dream, lessons, object, created)
		VALUES ($1, $2, $3, $4, $5, {now})`, m.ID, m.Tenant, m.Dream, encode(m.Lessons), m.Object)
	return err
}

// Memory returns the newest version that stands.
func (q *Queries) Memory(ctx context.Context, tenant string) (Memory, error) {
	return read(ctx, q, scanMemory, `SELECT id, tenant, dream, lessons, object, withdrawn, created FROM memories
		WHERE tenant = $1 AND withdrawn IS NULL ORDER BY id DESC LIMIT 1`, tenant)
}

// MemoryByID returns one version.
func (q *Queries) MemoryByID(ctx context.Context, tenant, id string) (Memory, error) {
	return read(ctx, q, scanMemory, `SELECT id, tenant, dream, lessons, object, withdrawn, created FROM memories
		WHERE tenant = $1 AND id = $2`, tenant, id)
}

func scanMemory(scan func(...any) error) (Memory, error) {
	var m Memory
	var lessons string
	var withdrawn, created *int64
	err := scan(&m.ID, &m.Tenant, &m.Dream, &lessons, &m.Object, &withdrawn, &created)
	if err == nil {
		err = json.Unmarshal([]byte(lessons), &m.Lessons)
	}
	m.Withdrawn, m.Created = timeOf(withdrawn), timeOf(created)
	return m, err
}
