package dream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// consolidateResult is the result of dream.consolidate.
type consolidateResult struct {
	Memory  string `json:"memory"`
	Lessons int    `json:"lessons"`
	Merged  string `json:"merged"` // by what it was told which lessons say the same
	tally
}

// consolidate merges the dream's lessons into the tenant's memory: a new
// version, which replaces none.
func (w *worker) consolidate(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	d, err := w.load(ctx, run)
	if err != nil {
		return nil, err
	}
	if run.Job.OpenChildren > 0 {
		return &tasks.End{State: job.StateWaiting}, nil
	}
	fresh, err := reflections(ctx, run, d)
	if err != nil {
		return nil, err
	}
	before, err := run.Store.Memory(ctx, d.Tenant)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return nil, fmt.Errorf("read the memory: %w", err)
	}
	if before.Dream == d.ID { // written by an attempt that could not say so
		return &tasks.End{Result: plainjson.Of(consolidateResult{Memory: before.ID, Lessons: len(before.Lessons)})}, nil
	}
	asks, err := w.asks(ctx, run, d, w.inBatches(d))
	if err != nil {
		return nil, err
	}
	c := &consolidateRun{asking: asks, before: before, fresh: fresh}
	merged, err := c.merged(ctx)
	paused, err := c.pause(ctx, err)
	if paused != nil || err != nil {
		return paused, err
	}
	memory := remember(d, merged)
	if err := w.keepLessons(ctx, memory, fresh); err != nil {
		return nil, err
	}
	return &tasks.End{
		Result: plainjson.Of(consolidateResult{memory.ID, len(memory.Lessons), c.meaning.how, c.tally}),
		Write: func(ctx context.Context, q *store.Queries) error {
			if err := c.later.drop(ctx, q, run); err != nil {
				return err
			}
			return addMemory(ctx, q.Learn(), memory)
		},
	}, nil
}

// addMemory stores the version without the lessons that rest on experiences which were
// forgotten since it was computed. Its file is rewritten by the forget.
func addMemory(ctx context.Context, q *learn.Queries, m learn.Memory) error {
	var standing []learn.Lesson
	for _, lesson := range m.Lessons {
		stands, err := allThere(ctx, q, m.Tenant, lesson.Sources)
		if err != nil {
			return err
		}
		if stands {
			standing = append(standing, lesson)
		}
	}
	m.Lessons = standing
	return q.AddMemory(ctx, m)
}

// remember makes the next version.
func remember(d learn.Dream, lessons []learn.Lesson) learn.Memory {
	id := learn.MemoryID(d.ID)
	return learn.Memory{ID: id, Tenant: d.Tenant, Dream: d.ID, Lessons: lessons, Object: blob.MemoryObject(d.Tenant, id)}
}

func (w *worker) keepLessons(ctx context.Context, memory learn.Memory, fresh []learn.Reflection) error {
	var lines bytes.Buffer
	for _, r := range fresh {
		lines.Write(plainjson.Of(reflectionLine{r.ID, r.Title, r.Applies, r.Lesson, r.Sources, r.Score}))
		lines.WriteByte('\n')
	}
	err := blob.Ensure(ctx, w.Bucket, blob.ReflectionsObject(memory.Dream), bytes.NewReader(lines.Bytes()))
	if err != nil {
		return fmt.Errorf("keep the lessons: %w", err)
	}
	if err := blob.Ensure(ctx, w.Bucket, memory.Object, strings.NewReader(memory.Markdown())); err != nil {
		return fmt.Errorf("keep the memory: %w", err)
	}
	return nil
}

// reflectionLine is a lesson as a dream's object holds it.
type reflectionLine struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Applies string   `json:"applies"`
	Lesson  string   `json:"lesson"`
	Sources []string `json:"sources"`
	Score   int64    `json:"score"`
}

// reflections reads the dream's lessons, oldest first. There are at most some dozens.
func reflections(ctx context.Context, run *tasks.Run, d learn.Dream) ([]learn.Reflection, error) {
	var all []learn.Reflection
	page := db.Page{Limit: 100, Ascending: true}
	for {
		some, more, err := run.Store.Reflections(ctx, d.Tenant, db.Filter{Dream: d.ID}, page)
		if err != nil {
			return nil, fmt.Errorf("read the lessons: %w", err)
		}
		all = append(all, some...)
		if !more {
			return all, nil
		}
		page.After = some[len(some)-1].ID
	}
}
