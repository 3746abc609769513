package learn

import (
	"context"
	"fmt"
	"slices"

	"dreamlab/store/db"
)

// MemoryVersions lists the versions of a tenant's memory that were not withdrawn.
func (q *DreamQueries) MemoryVersions(ctx context.Context, tenant string, p db.Page) ([]Memory, bool, error) {
	return db.List(ctx, q.Tx, p, scanMemory, `SELECT `+memoryColumns+` FROM memories
		WHERE tenant = $1 AND withdrawn IS NULL`, tenant)
}

// MemoryVersion finds a version of a tenant's memory, without the lessons of dreams that were
// undone since.
func (q *DreamQueries) MemoryVersion(ctx context.Context, tenant, id string) (Memory, error) {
	m, err := db.Read(ctx, q.Tx, scanMemory, `SELECT `+memoryColumns+` FROM memories
		WHERE tenant = $1 AND id = $2`, tenant, id)
	if err != nil {
		return m, err
	}
	return q.standing(ctx, m)
}

// RestoreMemory puts the lessons of an earlier version in force again, as a new version with
// the given id and object, and returns it. It fails with db.ErrConflict while a dream of the
// tenant runs, whose memory would be made of the version before. It belongs in a Tx.
func (q *DreamQueries) RestoreMemory(ctx context.Context, tenant, earlier, id, object string) (Memory, error) {
	m, err := q.MemoryVersion(ctx, tenant, earlier)
	if err != nil {
		return m, err
	}
	var running []string
	err = q.Words(ctx, &running, `SELECT id FROM dreams WHERE tenant = $1 AND finished IS NULL AND NOT dry`, tenant)
	if err != nil {
		return m, err
	}
	if len(running) > 0 {
		return m, fmt.Errorf("the dream %s is running: %w", running[0], db.ErrConflict)
	}
	m.ID, m.Dream, m.Restored, m.Object = id, "", earlier, object
	if err := q.AddMemory(ctx, m); err != nil {
		return m, err
	}
	return q.MemoryVersion(ctx, tenant, id)
}

// MemoryDiff is what changed from one version of a memory to another.
type MemoryDiff struct {
	Added   []Lesson
	Removed []Lesson
	Changed []LessonChange
}

// LessonChange is a lesson in other words, or with another weight.
type LessonChange struct{ From, To Lesson }

// DiffMemories compares two versions. Lessons are the same where they share a reflection.
func DiffMemories(from, to Memory) MemoryDiff {
	var d MemoryDiff
	for _, l := range to.Lessons {
		at := slices.IndexFunc(from.Lessons, l.sharesReflection)
		switch {
		case at < 0:
			d.Added = append(d.Added, l)
		case !l.equal(from.Lessons[at]):
			d.Changed = append(d.Changed, LessonChange{from.Lessons[at], l})
		}
	}
	for _, l := range from.Lessons {
		if !slices.ContainsFunc(to.Lessons, l.sharesReflection) {
			d.Removed = append(d.Removed, l)
		}
	}
	return d
}

func (l Lesson) sharesReflection(o Lesson) bool {
	return slices.ContainsFunc(l.Reflections, func(id string) bool { return slices.Contains(o.Reflections, id) })
}

func (l Lesson) equal(o Lesson) bool {
	return l.Full() == o.Full() && l.Weight == o.Weight && slices.Equal(l.Sources, o.Sources)
}
