package forget_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers/forget"
	"dreamlab/handlers/handlertest"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// TestCollect keeps every object of a job that has not ended and every object that a
// row names, and removes the others once they are an hour old. An object that the
// bucket will not delete keeps no other.
func TestCollect(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		kept, goes := fillBucket(t, b)
		bucket := &stubborn{Bucket: b.Bucket, refuses: []string{goes[0]}}
		now := time.Now()
		c := &forget.Collector{Store: b.Store, Bucket: bucket, Now: func() time.Time { return now }}
		if n, err := c.Collect(t.Context()); n != 0 || err != nil {
			t.Errorf("%d objects that are new were removed, %v", n, err)
		}
		now = now.Add(59 * time.Minute)
		if n, err := c.Collect(t.Context()); n != 0 || err != nil {
			t.Errorf("%d objects that are almost new were removed, %v", n, err)
		}
		now = now.Add(time.Hour)
		must(t, b.Store.ShiftClock(t.Context(), 2*time.Hour))
		if n, err := c.Collect(t.Context()); n != len(goes)-1 || !errors.Is(err, errStubborn) {
			t.Errorf("%d of %d were removed, %v", n, len(goes), err)
		}
		if n, err := c.Collect(t.Context()); n != 1 || err != nil {
			t.Errorf("then %d were removed, %v", n, err)
		}
		if left := names(t, b); !slices.Equal(left, kept) {
			t.Errorf("left are %v, not %v", left, kept)
		}
	})
}

// fillBucket makes objects of jobs in every state, of files and of datasets, with
// and without a row.
func fillBucket(t *testing.T, b *handlertest.Bench) (kept, goes []string) {
	t.Helper()
	states := []job.State{job.StateQueued, job.StateDispatched, job.StateRunning, job.StateWaiting,
		job.StateSucceeded, job.StateFailed, job.StateCancelled, job.StateExpired}
	jobs := make([]string, len(states))
	for i := range states {
		jobs[i] = b.Claim(t, job.NewJob{Kind: string(tasks.ExperienceImport)}, tasks.ImportInput{}).Job.ID
	}
	for i, state := range states {
		finished, list := "NULL", &kept
		if state.Ended() {
			finished, list = "created", &goes
		}
		*list = append(*list, blob.ImportObject(jobs[i]))
		_, err := b.Store.Driver().Exec(t.Context(), `UPDATE jobs SET state = $2, phase = $2, finished = `+finished+` WHERE id = $1`,
			jobs[i], string(state))
		must(t, err)
	}
	file, err := b.Store.AddFile(t.Context(), learn.File{ID: db.NewID("file-"), Tenant: b.Tenant, Object: "files/f"})
	must(t, err)
	_, _, err = b.Store.AddDataset(t.Context(), learn.Dataset{ID: "ds_1", Tenant: b.Tenant, SHA256: "first",
		Object: blob.DatasetObject("second")}, nil)
	must(t, err)
	kept = append(kept, blob.FileObject(file.ID), blob.DatasetObject("second"), blob.ManifestObject("first"),
		blob.MemoryObject(b.Tenant, "mem_1"))
	goes = append(goes, blob.ImportObject(db.NewID("job_")), blob.FileObject(db.NewID("file-")),
		blob.DatasetObject("first"), blob.ManifestObject("third"))
	for _, name := range slices.Concat(kept, goes) {
		b.Put(t, name, []byte("x"))
	}
	slices.Sort(kept)
	return kept, goes
}

func names(t *testing.T, b *handlertest.Bench) (all []string) {
	t.Helper()
	objects, err := b.Bucket.List(t.Context(), "", "", 1000)
	must(t, err)
	for _, o := range objects {
		all = append(all, o.Name)
	}
	return all
}

// TestCollectManyPages goes through more objects than one page holds.
func TestCollectManyPages(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	for i := range 501 {
		b.Put(t, blob.ImportObject(fmt.Sprintf("job_%03d", i)), nil)
	}
	c := &forget.Collector{Store: b.Store, Bucket: b.Bucket, Now: func() time.Time { return time.Now().Add(2 * time.Hour) }}
	if n, err := c.Collect(t.Context()); n != 501 || err != nil {
		t.Errorf("%d were removed, %v", n, err)
	}
}

// TestCollectorGoesRound has the clock go on after a round that failed.
func TestCollectorGoesRound(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	object := blob.ImportObject("job_none")
	b.Put(t, object, nil)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		bucket := &stubborn{Bucket: b.Bucket, refuses: []string{object}}
		c := &forget.Collector{Store: b.Store, Bucket: bucket, Log: zerolog.New(&log),
			Now: func() time.Time { return time.Now().AddDate(100, 0, 0) }}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		time.Sleep(21 * time.Minute)
		stop()
		must(t, <-done)
		for _, told := range []string{errStubborn.Error(), `"objects":1`} {
			if !strings.Contains(log.String(), told) {
				t.Errorf("the log does not tell of %s: %s", told, log.String())
			}
		}
	})
}
