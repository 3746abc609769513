package forget_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers/forget"
	"dreamlab/handlers/handlertest"
	"dreamlab/handlers/tune"
	"dreamlab/store/blob"
	"dreamlab/store/learn"
	"dreamlab/store/retention"
)

const aYear = 365 * 24 * time.Hour

// retain makes a round of what deletes experiences by their age, then one of the collector.
func (s *scene) retain() (gone int64) {
	s.t.Helper()
	gone, err := (&forget.Retention{Store: s.Store, Experiences: retention.Experiences{Older: aYear, HeldOut: 1}}).Prune(s.t.Context())
	must(s.t, err)
	later := time.Now().Add(aYear + retention.Undo + 48*time.Hour)
	c := &forget.Collector{Store: s.Store, Bucket: s.Bucket, Experiences: aYear, Now: func() time.Time { return later }}
	_, err = c.Collect(s.t.Context())
	must(s.t, err)
	return gone
}

// TestOldExperiencesLeaveEverywhere has a conversation that a dream sealed and a model learned from leave the database,
// the bucket and the vendor, and nothing that goes on.
func TestOldExperiencesLeaveEverywhere(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		s := newScene(t, b)
		s.Put(t, blob.DatasetObject("own"), []byte(rowOf(secret)+"\n"))
		filer, training := s.train(s.freeze(s.Tenant, "own", s.teach()))
		must(t, s.Store.ShiftClock(t.Context(), aYear+48*time.Hour))
		if gone := s.retain(); gone != 0 || !slices.Contains(s.holding(secret), blob.DatasetObject("own")) {
			t.Errorf("%d experiences went while a dream and a tune ran, left is %v", gone, s.holding(secret))
		}
		s.endDream()
		training.Status = learn.TrainingSucceeded
		must(t, s.Store.SetTraining(t.Context(), training))
		s.exec(`UPDATE tunes SET finished = created`)
		must(t, s.Store.ShiftClock(t.Context(), aYear+retention.Undo+96*time.Hour))
		if gone := s.retain(); gone != 0 {
			t.Errorf("%d experiences went that a serving model learned from", gone)
		}
		s.exec(`UPDATE models SET state = 'stopped'`)
		if gone := s.retain(); gone == 0 {
			t.Error("no experience went")
		}
		sealed := blob.DreamObject(s.Tenant, s.dream.Created.UTC().Format(time.DateOnly), s.dream.ID)
		for _, name := range []string{blob.DatasetObject("own"), sealed} {
			if slices.Contains(s.holding(secret), name) {
				t.Errorf("%s still holds it", name)
			}
		}
		_, err := tune.Reap(t.Context(), b.Store, tune.Deps{Caller: b.Caller(), Vendors: b.Router, Bucket: b.Bucket, Prices: b.Prices})
		must(t, err)
		if _, found, err := filer.FindFile(t.Context(), "rows.jsonl"); found || err != nil {
			t.Errorf("the vendor has the file still: %v, %v", found, err)
		}
		model, err := s.Store.Model(t.Context(), s.Tenant, "together/tuned")
		if err != nil || model.Aged.IsZero() || !model.Tainted.IsZero() {
			t.Errorf("the model is %+v, %v", model, err)
		}
	})
}

// TestRetentionGoesRound makes rounds that say nothing where nothing is old.
func TestRetentionGoesRound(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &forget.Retention{Store: b.Store, Log: zerolog.New(&log), Experiences: retention.Experiences{Older: aYear}}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(21 * time.Minute)
		stop()
		must(t, <-done)
		if log.Len() > 0 {
			t.Errorf("an empty round is told of: %s", log.String())
		}
	})
}

// TestOldDreamsLeaveTheBucket has the files of lessons and memories go with their rows, and no others.
func TestOldDreamsLeaveTheBucket(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		s := newScene(t, b)
		s.endDream()
		gone, last := s.dream.ID, ""
		s.beginDream()
		s.endDream()
		last = s.dream.ID
		must(t, s.Store.ShiftClock(t.Context(), aYear+48*time.Hour))
		if n, err := (&forget.Retention{Store: s.Store, Dreams: aYear}).Prune(t.Context()); n != 2 || err != nil {
			t.Errorf("%d dreams and versions went, %v", n, err)
		}
		later := time.Now().Add(aYear + 48*time.Hour)
		c := &forget.Collector{Store: s.Store, Bucket: s.Bucket, Dreams: aYear, Now: func() time.Time { return later }}
		if n, err := c.Collect(t.Context()); n != 2 || err != nil {
			t.Errorf("%d objects went, %v", n, err)
		}
		left := names(t, b)
		for _, name := range []string{blob.ReflectionsObject(gone), blob.MemoryObject(s.Tenant, learn.MemoryID(gone))} {
			if slices.Contains(left, name) {
				t.Errorf("%s is left", name)
			}
		}
		for _, name := range []string{blob.ReflectionsObject(last), blob.MemoryObject(s.Tenant, learn.MemoryID(last))} {
			if !slices.Contains(left, name) {
				t.Errorf("%s is gone", name)
			}
		}
	})
}
