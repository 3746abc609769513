package dream_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// refusing is a bucket that takes no memory while it is full.
type refusing struct {
	blob.Bucket
	full  atomic.Bool
	asked atomic.Int64
}

func (r *refusing) Create(ctx context.Context, name string, content io.Reader) error {
	if r.full.Load() && strings.HasPrefix(name, "memory/") {
		r.asked.Add(1)
		return errors.New("bucket is full")
	}
	return r.Bucket.Create(ctx, name, content)
}

// TestMemoryThatCanNotBeWritten fails the dream after a bounded number of tries,
// with the cause; a retry of it writes the memory, and another dream can be
// started.
func TestMemoryThatCanNotBeWritten(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	bucket := &refusing{Bucket: b.Bucket}
	bucket.full.Store(true)
	e := b.Start(t, func(d *all.Deps) { d.Bucket = bucket })
	b.Import(t, e, orders(6))
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	if j.State != job.StateFailed || j.Error == nil || !strings.Contains(j.Error.Message, "dream.consolidate") {
		t.Fatalf("the dream's job is %s: %v", j.State, j.Error)
	}
	if n := bucket.asked.Load(); n != 3*5 {
		t.Errorf("the bucket was asked %d times", n)
	}
	if _, err := b.Store.RunningDream(t.Context(), b.Tenant); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("a dream of the tenant still runs: %v", err)
	}
	bucket.full.Store(false)
	if _, err := e.Retry(t.Context(), b.Tenant, j.ID); err != nil {
		t.Fatal(err)
	}
	j, err := e.Wait(t.Context(), b.Tenant, j.ID, 5*time.Minute)
	if err != nil || j.State != job.StateSucceeded {
		t.Fatalf("the retried dream is %s %v, %v", j.State, j.Error, err)
	}
	if memory, err := b.Store.Memory(t.Context(), b.Tenant); err != nil || memory.Dream != d.ID {
		t.Errorf("memory %+v, %v", memory, err)
	}
}

// TestDatabaseFaultIsNoAnswer has the database away while each of a dream's jobs
// reads its dream: none of them takes that for a dream that is gone.
func TestDatabaseFaultIsNoAnswer(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	list, err := all.Handlers(b.Deps(b.Engine(t)))
	if err != nil {
		t.Fatal(err)
	}
	away := storetest.Faulty(b.Store, &storetest.Fault{Before: func(query string, _ []any) error {
		if strings.Contains(query, "FROM dreams") {
			return db.ErrBusy
		}
		return nil
	}})
	for _, kind := range []tasks.Kind{tasks.DreamPlan, tasks.DreamSlice, tasks.DreamReflect, tasks.DreamConsolidate} {
		run := &tasks.Run{Store: away, Job: job.Job{ID: "job_1", Tenant: b.Tenant, Subject: "drm_1", Input: []byte("{}")}}
		_, err := list[kind](t.Context(), run)
		var failed *tasks.Failure
		if !errors.Is(err, db.ErrBusy) || errors.As(err, &failed) && failed.Final {
			t.Errorf("%s: %v", kind, err)
		}
		run.Store = b.Store
		if _, err := list[kind](t.Context(), run); !errors.As(err, &failed) || failed.Code != "not_found" {
			t.Errorf("%s of a dream that is gone: %v", kind, err)
		}
	}
}
