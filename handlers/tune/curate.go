package tune

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// maxHeldOut bounds the held-out experiences that a dataset is compared with, the
// newest first.
const maxHeldOut = 100_000

// curator does the stage that makes a dataset of an alias' examples.
type curator struct {
	bucket       blob.Bucket
	examiner     *examiner
	minExamples  int
	maxRows      int
	maxRowTokens int64
	userShare    int64
	seed         int64
}

func newCurator(d Deps) *curator {
	return &curator{
		bucket: d.Bucket, examiner: newExaminer(d), minExamples: d.Settings.MinExamples, maxRows: d.Settings.MaxRows,
		maxRowTokens: d.Settings.MaxRowTokens, userShare: d.Settings.UserShare, seed: d.Settings.Hyper.Seed,
	}
}

// curate makes the dataset, unless there is too little to learn.
func (cu *curator) curate(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	made, err := cu.filterExamples(ctx, c)
	if err != nil {
		return nil, err
	}
	least := cu.minExamples
	if c.input.MinExamples > 0 {
		least = c.input.MinExamples
	}
	fresh, err := cu.fresh(ctx, c, made)
	if err != nil {
		return nil, err
	}
	if fresh < least || len(made.rows) == 0 {
		return c.decided(false, "too few examples: %d of %d", fresh, least)
	}
	if err := cu.examiner.draw(ctx, c); err != nil {
		return nil, err
	}
	if why := c.tune.Exam.Undecidable; why != "" {
		return c.decided(false, "refused: exam: it would decide nothing: %s", why)
	}
	m := made.manifest
	c.state.Rows, c.state.Tokens, c.state.Bytes, c.state.SHA256 = m.Rows, m.Tokens, m.Bytes, m.SHA256
	if c.input.DryRun {
		return c.next(stagePrice), nil
	}
	return cu.freeze(ctx, c, made)
}

// filterExamples passes the alias' standing examples through the filters.
func (cu *curator) filterExamples(ctx context.Context, c *tuneRun) (filtered, error) {
	x := newHeldOut()
	err := c.held(ctx, maxHeldOut, func(e learn.Experience) error {
		x.add(e)
		return nil
	})
	if err != nil {
		return filtered{}, err
	}
	s := newRowFilter(limits{cu.maxRows, cu.maxRowTokens, cu.userShare}, x)
	err = c.run.Store.ExampleMetadata(ctx, c.tune.Tenant, c.tune.Alias, func(experience string, metadata json.RawMessage) {
		if user := learn.UserOf(metadata); user != "" {
			s.users[experience] = user
		}
	})
	if err != nil {
		return filtered{}, fmt.Errorf("read who asked: %w", err)
	}
	err = c.run.Store.TrainingRows(ctx, c.tune.Tenant, c.tune.Alias, func(e learn.Example) error {
		s.add(e)
		return nil
	})
	if err != nil {
		return filtered{}, fmt.Errorf("read examples: %w", err)
	}
	return s.done(c.tune.Alias, cu.seed), nil
}

// freeze writes the dataset's file and manifest, create-only, and its row.
func (cu *curator) freeze(ctx context.Context, c *tuneRun, made filtered) (*tasks.End, error) {
	m := made.manifest
	object := blob.DatasetObject(m.SHA256)
	if err := blob.Ensure(ctx, cu.bucket, object, bytes.NewReader(made.file)); err != nil {
		return nil, fmt.Errorf("keep dataset: %w", err)
	}
	// The same rows may have been found among others before: the first manifest stands.
	err := cu.bucket.Create(ctx, blob.ManifestObject(m.SHA256), bytes.NewReader(plainjson.Of(m)))
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return nil, fmt.Errorf("keep manifest: %w", err)
	}
	examples := make([]string, len(made.rows))
	for i, r := range made.rows {
		examples[i] = r.example
	}
	dataset := learn.Dataset{
		ID: db.NewID("ds_"), Tenant: c.tune.Tenant, Alias: c.tune.Alias, SHA256: m.SHA256,
		Manifest: m, Rows: int64(m.Rows), Object: object,
	}
	c.state.Object = object
	end := c.next(stagePrice)
	end.Write = func(ctx context.Context, q *store.Queries) error {
		kept, _, err := q.AddDataset(ctx, dataset, examples)
		if err != nil {
			return fmt.Errorf("keep dataset: %w", err)
		}
		c.tune.Dataset = kept.ID
		return c.write(ctx, q)
	}
	return end, nil
}

// readMessages reads the messages of an experience; what is no list has none.
func readMessages(raw json.RawMessage) []providers.Message {
	var messages []providers.Message
	if json.Unmarshal(raw, &messages) != nil {
		return nil
	}
	return messages
}

// answerText reads the text of an answer's message.
func answerText(raw json.RawMessage) string {
	var message providers.Message
	if json.Unmarshal(raw, &message) != nil {
		return ""
	}
	return message.Text()
}
