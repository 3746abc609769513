package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dreamlab/store"
	"dreamlab/store/blob"
)

// batchesOf returns the dreams that took a conversation in: their objects hold
// its lines.
func (s *Server) batchesOf(c *call, conversation string) (map[string]bool, error) {
	dreams := map[string]bool{}
	page := store.Page{Limit: mostPerPage, Ascending: true}
	for {
		rows, more, err := s.Store.Experiences(c.Context(), c.key.Tenant,
			store.ExperienceFilter{Conversation: conversation}, page)
		if err != nil {
			return nil, err
		}
		for _, e := range rows {
			if e.Dream != "" {
				dreams[e.Dream] = true
			}
		}
		if !more {
			return dreams, nil
		}
		page.After = rows[len(rows)-1].ID
	}
}

// forgetWithin bounds the work in the bucket.
const forgetWithin = 5 * time.Minute

// forget removes the lines that name a forgotten experience from the objects of
// its dreams. It goes on when the client has left.
func (s *Server) forget(c *call, dreams map[string]bool, gone []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), forgetWithin)
	defer cancel()
	for dream := range dreams {
		names, err := s.objectsOf(ctx, c.key.Tenant, dream)
		if err != nil {
			return fmt.Errorf("forget in the bucket: %w", err)
		}
		for _, name := range names {
			if err := s.rewrite(ctx, name, gone); err != nil {
				return fmt.Errorf("forget in the bucket: %w", err)
			}
		}
	}
	return nil
}

// objectsOf finds a dream's objects: the batch stands under its first day.
func (s *Server) objectsOf(ctx context.Context, tenant, dream string) ([]string, error) {
	names := []string{store.ReflectionsObject(dream)}
	prefix, after := "experiences/"+tenant+"/", ""
	for {
		page, err := s.Bucket.List(ctx, prefix, after, 1000)
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
func (s *Server) rewrite(ctx context.Context, name string, gone []string) error {
	old, err := s.Bucket.Open(ctx, name)
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
	if err := s.Bucket.Delete(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return blob.Ensure(ctx, s.Bucket, name, bytes.NewReader(kept))
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
