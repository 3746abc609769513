package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
)

// forgetWithin bounds the work of forgetting.
const forgetWithin = 5 * time.Minute

// forget removes what a conversation left. It goes on when the client has left.
func (h conversations) forget(c *wire.Call, t store.Traces) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), forgetWithin)
	defer cancel()
	if err := h.forgetLines(ctx, c.Tenant, t); err != nil {
		return fmt.Errorf("forget in the bucket: %w", err)
	}
	before := make([]string, len(t.Datasets))
	for i := range t.Datasets {
		before[i] = t.Datasets[i].Object
		if err := h.forgetRows(ctx, &t.Datasets[i], t.Rows); err != nil {
			return fmt.Errorf("forget in a dataset: %w", err)
		}
	}
	err := h.store.Tx(ctx, store.Synced, func(q *store.Queries) error {
		return q.DeleteConversation(ctx, c.Tenant, t)
	})
	if err != nil {
		return err
	}
	return h.dropUnused(ctx, before)
}

// forgetLines takes the conversation out of the objects of dreams and memories.
func (h conversations) forgetLines(ctx context.Context, tenant string, t store.Traces) error {
	for _, dream := range t.Dreams {
		names, err := h.objectsOf(ctx, tenant, dream)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := h.rewrite(ctx, name, t.Experiences); err != nil {
				return err
			}
		}
	}
	for i := range t.Memories {
		m := &t.Memories[i]
		m.Lessons = lessonsWithout(m.Lessons, t.Experiences)
		if err := h.replace(ctx, m.Object, []byte(m.Markdown())); err != nil {
			return err
		}
	}
	return nil
}

// lessonsWithout leaves out the lessons that rest on what is forgotten.
func lessonsWithout(lessons []store.Lesson, gone []string) []store.Lesson {
	return slices.DeleteFunc(lessons, func(l store.Lesson) bool {
		return slices.ContainsFunc(l.Sources, func(id string) bool { return slices.Contains(gone, id) })
	})
}

// dropUnused deletes the objects of datasets that have moved.
func (h conversations) dropUnused(ctx context.Context, objects []string) error {
	for _, name := range objects {
		used, err := h.store.DatasetObjectUsed(ctx, name)
		if err != nil || used {
			return err
		}
		if err := h.bucket.Delete(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("forget a dataset: %w", err)
		}
	}
	return nil
}

// objectsOf finds a dream's objects: the batch stands under its first day.
func (h conversations) objectsOf(ctx context.Context, tenant, dream string) ([]string, error) {
	names := []string{store.ReflectionsObject(dream)}
	prefix, after := "experiences/"+tenant+"/", ""
	for {
		page, err := h.bucket.List(ctx, prefix, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			if len(o.Name) > len(prefix)+11 && o.Name[len(prefix)+11:] == dream+".jsonl" {
				names = append(names, o.Name)
			}
		}
		if len(page) < 1000 {
			return names, nil
		}
		after = page[len(page)-1].Name
	}
}

// rewrite puts an object without the lines of what is gone in the old one's
// place. The rows are the truth: an object that is lost between the two steps
// loses nothing that is used.
func (h conversations) rewrite(ctx context.Context, name string, gone []string) error {
	old, err := h.bucket.Open(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	kept, dropped, err := linesWithout(old, gone)
	if closeErr := old.Close(); err == nil {
		err = closeErr
	}
	if err != nil || dropped == 0 {
		return err
	}
	return h.replace(ctx, name, kept)
}

func (h conversations) replace(ctx context.Context, name string, content []byte) error {
	if err := h.bucket.Delete(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return blob.Ensure(ctx, h.bucket, name, bytes.NewReader(content))
}

// linesWithout returns the lines that name none of the ids. A dream's batch is
// at most some thousand lines.
func linesWithout(from io.Reader, ids []string) (kept []byte, dropped int, err error) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if names(line, ids) {
			dropped++
		} else {
			kept = append(kept, line...)
		}
		if err == io.EOF {
			return kept, dropped, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

func names(line []byte, ids []string) bool {
	for _, id := range ids {
		if bytes.Contains(line, []byte(id)) {
			return true
		}
	}
	return false
}
