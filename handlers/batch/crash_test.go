package batch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"dreamlab/handlers/batch"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
	rows "dreamlab/store/batch"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lines"
)

// crasher is a vendor during whose nth call the worker dies: the call is carried out, and
// its answer reaches nobody.
type crasher struct {
	*providers.Router
	calls, dies int
	die         context.CancelFunc
}

func (c *crasher) Batcher(name string) (providers.Batcher, error) {
	b, err := c.Router.Batcher(name)
	return &crashing{b, c}, err
}

// called counts a call, and ends the worker where its turn has come.
func (c *crasher) called() {
	if c.calls++; c.calls == c.dies {
		c.die()
	}
}

type crashing struct {
	providers.Batcher
	crasher *crasher
}

func (c *crashing) Submit(ctx context.Context, spec providers.BatchSpec) (providers.Batch, error) {
	made, err := c.Batcher.Submit(ctx, spec)
	if c.crasher.called(); ctx.Err() != nil {
		return providers.Batch{}, ctx.Err()
	}
	return made, err
}

func (c *crashing) Poll(ctx context.Context, handle providers.Handle) (providers.Batch, error) {
	made, err := c.Batcher.Poll(ctx, handle)
	c.crasher.called()
	return made, err
}

func (c *crashing) Find(ctx context.Context, spec providers.BatchSpec, notBefore time.Time) (providers.Batch, bool, error) {
	made, found, err := c.Batcher.Find(ctx, spec, notBefore)
	c.crasher.called()
	return made, found, err
}

func (c *crashing) Results(ctx context.Context, handle providers.Handle, each func(providers.BatchAnswer) error) error {
	n := 0
	return c.Batcher.Results(ctx, handle, func(answer providers.BatchAnswer) error {
		if n++; n%100 == 0 {
			c.crasher.called()
		}
		return each(answer)
	})
}

// stepped is a batch that a test takes from wake to wake.
type stepped struct {
	*handlertest.Bench
	crasher *crasher
	do      tasks.Handler
	now     time.Time
	row     rows.Batch
	run     *tasks.Run
}

func newStepped(t *testing.T, b *handlertest.Bench, content string) *stepped {
	t.Helper()
	b.Lab.SetSpeed(0) // the vendor's clock goes on with each wake alone
	s := &stepped{Bench: b, crasher: &crasher{Router: b.Router}, now: time.Now()}
	s.do = batch.Handlers(batch.Deps{
		Caller: b.Caller(), Vendors: s.crasher, Bucket: b.Bucket, Prices: b.Prices,
		Settings: batch.Settings{PollEvery: time.Minute}, Now: func() time.Time { return s.now },
	})[tasks.BatchRun]
	file := learn.File{ID: db.NewID("file-"), Tenant: b.Tenant, Filename: "a", Purpose: "batch", SHA256: "x"}
	file.Object = blob.FileObject(file.ID)
	b.Put(t, file.Object, []byte(content))
	if _, err := b.Store.AddFile(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	s.row = rows.Batch{
		ID: db.NewID("batch_"), Tenant: b.Tenant, Job: db.NewID("job_"), File: file.ID, Endpoint: lines.Endpoint,
		Window: 24 * time.Hour, Status: rows.Validating, Spec: plainjson.Of(rows.Spec{}),
	}
	if err := b.Store.AddBatch(t.Context(), s.row); err != nil {
		t.Fatal(err)
	}
	s.run = b.Claim(t, job.NewJob{ID: s.row.Job, Kind: string(tasks.BatchRun), Subject: s.row.ID},
		lines.BatchInput{Batch: s.row.ID})
	return s
}

// again claims the job as after a wake, or as after the lease of a worker that died.
func (s *stepped) again(t *testing.T) {
	t.Helper()
	s.now = s.now.Add(time.Minute)
	s.Lab.Advance(time.Minute)
	id := s.run.Job.ID
	for _, statement := range []string{
		`UPDATE entries SET state = 'unknown', lost = created WHERE job = $1 AND state = 'open' AND EXISTS
			(SELECT 1 FROM jobs WHERE id = $1 AND state = 'running')`,
		`UPDATE jobs SET state = 'dispatched', phase = 'flight', gen = gen + 1, lease_owner = NULL WHERE id = $1`,
	} {
		if _, err := s.Store.Driver().Exec(t.Context(), statement, id); err != nil {
			t.Fatal(err)
		}
	}
	j, err := s.Store.AnyJob(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	s.run = s.Take(t, j)
}

// toEnd takes the batch to its end, however often its worker dies.
func (s *stepped) toEnd(t *testing.T) rows.Batch {
	t.Helper()
	for range 200 {
		ctx, die := context.WithCancel(t.Context())
		s.crasher.die = die
		end, err := s.do(ctx, s.run)
		died := ctx.Err() != nil
		die()
		switch {
		case died:
		case err != nil:
			t.Fatal(err)
		case s.Finish(t, s.run, end).State == job.StateSucceeded:
			row, err := s.Store.Batch(t.Context(), s.Tenant, s.row.ID)
			if err != nil {
				t.Fatal(err)
			}
			return row
		}
		s.again(t)
	}
	t.Fatal("the batch never ends")
	return rows.Batch{}
}

// Whatever call the worker dies in, no line is lost, none is paid twice, and the books hold
// what the vendor bills.
func TestBatchUnderKills(t *testing.T) {
	t.Parallel()
	for dies := 1; dies <= 13; dies += 3 { // a batch makes 14 calls or more
		t.Run(fmt.Sprint("in call ", dies), func(t *testing.T) {
			handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
				s := newStepped(t, b, requests(300, "groq/openai/gpt-oss-20b"))
				s.crasher.dies = dies
				b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultFailLines, Share: 0.03}, 1)
				row := s.toEnd(t)
				if s.crasher.calls < dies {
					t.Fatalf("there were %d calls", s.crasher.calls)
				}
				if row.Status != rows.Completed || row.Completed != 300 || row.Failed != 0 {
					t.Errorf("ended %+v", row)
				}
				if n := len((&bench{Bench: b}).file(t, row.Output)); n != 300 {
					t.Errorf("%d lines are answered", n)
				}
				calls, nano := b.Paid()
				settled, paid, open := (&bench{Bench: b}).spent(t, row)
				if calls != 300 || paid != 300 || open != 0 || settled != nano {
					t.Errorf("%d are billed at %d; the books hold %d at %d, and %d open", calls, nano, paid, settled, open)
				}
			})
		})
	}
}
