package dream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

const batchPage = 100

// writeBatch writes the sealed batch as an object, a page at a time. What an
// earlier attempt wrote stays: the batch is sealed once.
func (w *worker) writeBatch(ctx context.Context, run *tasks.Run, d learn.Dream) error {
	name := blob.DreamObject(d.Tenant, d.Created.UTC().Format(time.DateOnly), d.ID)
	err := w.Bucket.Create(ctx, name, &batchReader{ctx: ctx, q: run.Store.Queries, dream: d})
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return fmt.Errorf("write the batch: %w", err)
	}
	return nil
}

// batchReader reads a batch as lines.
type batchReader struct {
	ctx    context.Context //nolint:containedctx // a reader has no other way to be given one
	q      *store.Queries
	dream  learn.Dream
	after  string
	buffer bytes.Buffer
	ended  bool
}

// batchLine is an experience as a dream's object holds it.
type batchLine struct {
	ID           string          `json:"id"`
	Conversation string          `json:"conversation_id"`
	Prompt       json.RawMessage `json:"prompt"`
	Answer       json.RawMessage `json:"answer"`
	Reference    string          `json:"reference,omitempty"`
	Origin       string          `json:"origin"`
	HeldOut      bool            `json:"held_out,omitempty"`
}

// Read fills p with the next lines.
func (b *batchReader) Read(p []byte) (int, error) {
	if b.buffer.Len() == 0 && !b.ended {
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	if b.buffer.Len() == 0 {
		return 0, io.EOF
	}
	return b.buffer.Read(p)
}

func (b *batchReader) fill() error {
	page := db.Page{Limit: batchPage, After: b.after, Ascending: true}
	filter := learn.ExperienceFilter{Dream: b.dream.ID}
	rows, more, err := b.q.Experiences(b.ctx, b.dream.Tenant, filter, page)
	if err != nil {
		return fmt.Errorf("read the batch: %w", err)
	}
	for _, e := range rows {
		b.after = e.ID
		b.buffer.Write(plainjson.Of(batchLine{e.ID, e.External, e.Prompt, e.Answer, e.Reference, e.Origin, e.HeldOut}))
		b.buffer.WriteByte('\n')
	}
	b.ended = !more
	return nil
}
