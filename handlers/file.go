package handlers

import (
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// DropFiles has the vendor delete the files of a training that has ended, and notes in its row
// that they are gone. A vendor that takes no files has none.
func DropFiles(ctx context.Context, s *store.Store, trainer providers.Trainer, t learn.Training) error {
	var spec tasks.TrainingSpec
	if err := json.Unmarshal(t.Spec, &spec); err != nil {
		return fmt.Errorf("read what %s was asked for: %w", t.ID, err)
	}
	filer, ok := trainer.(providers.Filer)
	if !ok {
		return nil
	}
	ids := []*string{&spec.FileID}
	if spec.Validation != nil {
		ids = append(ids, &spec.Validation.FileID)
	}
	for _, id := range ids {
		if *id == "" {
			continue
		}
		if err := filer.DeleteFile(ctx, *id); err != nil {
			return Failure(err)
		}
		*id = ""
	}
	t.Spec = plainjson.Of(spec)
	return s.Tx(ctx, db.Synced, func(q *store.Queries) error { return q.SetTraining(ctx, t) })
}
