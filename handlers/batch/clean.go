package batch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/store/batch"
)

// Bounds of the deletion of vendors' files, which waits for nobody and for which nobody waits. Vendors delete
// them by themselves after a month.
const (
	maxCleaned  = 20 // orders in a round
	cleanWithin = 20 * time.Second
	firstPause  = time.Minute
	longPause   = 6 * time.Hour
	keepTrying  = 30 * 24 * time.Hour
)

// clean deletes what vendors keep of orders whose answers are stored.
func (r *Reaper) clean(ctx context.Context) error {
	due, err := r.Store.DueFiles(ctx, maxCleaned)
	if err != nil {
		return fmt.Errorf("find the files of orders that are over: %w", err)
	}
	var faults []error
	for _, f := range due {
		if err := r.cleanOne(ctx, f); err != nil {
			faults = append(faults, fmt.Errorf("delete the files of order %s at %s: %w", f.Name, f.Provider, err))
		}
	}
	return errors.Join(faults...)
}

// cleanOne deletes the files of one order, and tries again later, and ever more seldom, where that fails.
func (r *Reaper) cleanOne(ctx context.Context, f batch.Files) error {
	failed := r.deleteAt(ctx, f)
	if failed == nil || time.Since(f.Created) > keepTrying {
		return errors.Join(failed, r.Store.DropFiles(ctx, f.Name))
	}
	return errors.Join(failed, r.Store.RetryFiles(ctx, f.Name, min(firstPause<<min(f.Tries, 10), longPause)))
}

func (r *Reaper) deleteAt(ctx context.Context, f batch.Files) error {
	batcher, err := r.Vendors.Batcher(f.Provider)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cleanWithin)
	defer cancel()
	return batcher.Delete(ctx, f.Handle)
}
