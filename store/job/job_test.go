package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

var ctx = context.Background()

// bench is a store with the steps of a job's life at hand.
type bench struct {
	*store.Store
	t *testing.T
}

func onEach(t *testing.T, test func(b bench)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(bench{s, t}) })
}

func (b bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b bench) tx(fn func(q *store.Queries) error) {
	b.t.Helper()
	b.must(b.Store.Tx(ctx, db.Relaxed, fn))
}

func (b bench) accept(jobs ...job.NewJob) []job.Accepted {
	b.t.Helper()
	var out []job.Accepted
	for i := range jobs {
		jobs[i].Tenant = "ten_a"
		if jobs[i].Kind == "" {
			jobs[i].Kind, jobs[i].Lane = "chat.run", "chat"
		}
	}
	b.tx(func(q *store.Queries) (err error) {
		out, err = q.AcceptJobs(ctx, jobs, map[string]job.Limits{"chat": {Window: 100, TenantCap: 100}})
		return err
	})
	return out
}

// run accepts a job and claims it.
func (b bench) run(job job.NewJob) job.Job {
	b.t.Helper()
	return b.claim(b.accept(job)[0].Job)
}

func (b bench) claim(j job.Job) job.Job {
	b.t.Helper()
	var got []job.Job
	b.tx(func(q *store.Queries) (err error) {
		got, err = q.ClaimJobs(ctx, []job.Ref{{ID: j.ID, Gen: j.Gen}}, owner, time.Minute)
		return err
	})
	if len(got) != 1 {
		b.t.Fatalf("claimed %d jobs", len(got))
	}
	return got[0]
}

func (b bench) finish(job job.Job, f job.Finish) {
	b.t.Helper()
	f.Job, f.Epoch, f.Parent, f.Worker = job.ID, job.Epoch, job.Parent, owner
	b.tx(func(q *store.Queries) error { _, err := storetest.FinishJob(ctx, q, f); return err })
}

func (b bench) job(id string) job.Job {
	b.t.Helper()
	j, err := b.AnyJob(ctx, id)
	b.must(err)
	return j
}

// TestAcceptKeepsAll reads back what was handed in.
func TestAcceptKeepsAll(t *testing.T) {
	onEach(t, func(b bench) {
		in := job.NewJob{
			KeyID: "key_1", Priority: 7, Input: []byte(`{"z": "ü\u0000\\", "a": [1.50]}`),
			Metadata: []byte(`{"m":"\""}`), ExpiresIn: 2 * time.Hour, MaxAttempts: 3,
			IdemKey: "k", IdemHash: "h", Subject: "exp_1", WebhookURL: "https://x", Trace: "00-a",
			RunAt: time.Now().Add(time.Hour).Truncate(time.Microsecond).UTC(),
		}
		made := b.accept(in)[0].Job
		got, err := b.Job(ctx, "ten_a", made.ID)
		b.must(err)
		if fmt.Sprint(made) != fmt.Sprint(got) {
			b.t.Errorf("answered\n%+v\nkept\n%+v", made, got)
		}
		if string(got.Input) != string(in.Input) || string(got.Metadata) != string(in.Metadata) {
			b.t.Errorf("input %s metadata %s", got.Input, got.Metadata)
		}
		life := got.ExpiresAt.Sub(got.Created).Round(time.Second)
		if !got.RunAt.Equal(in.RunAt) || life != in.ExpiresIn || got.MaxAttempts != 3 {
			b.t.Errorf("times %s %s", got.RunAt, got.ExpiresAt)
		}
		if _, err := b.Job(ctx, "ten_b", made.ID); !errors.Is(err, db.ErrNotFound) {
			b.t.Errorf("another tenant's look: %v", err)
		}
	})
}

// TestKeys is what an idempotency key answers, by how its job ended.
func TestKeys(t *testing.T) {
	onEach(t, func(b bench) {
		for to, again := range map[job.State]bool{
			job.StateSucceeded: false, job.StateCancelled: false, job.StateFailed: true,
		} {
			keyed := job.NewJob{IdemKey: string(to), IdemHash: "h"}
			first := b.run(keyed)
			b.finish(first, job.Finish{To: to})
			other := keyed
			other.IdemHash = "x"
			if got := b.accept(other)[0]; !errors.Is(got.Err, db.ErrConflict) {
				b.t.Errorf("%s, another request: %+v", to, got)
			}
			got := b.accept(keyed)[0]
			if got.Existed == again || (got.Job.ID == first.ID) == again {
				b.t.Errorf("%s, the same request: existed %v", to, got.Existed)
			}
		}
		twice := job.NewJob{IdemKey: "batch", IdemHash: "h"}
		if got := b.accept(twice, twice); got[0].Existed || !got[1].Existed || got[0].Job.ID != got[1].Job.ID {
			b.t.Errorf("twice in one batch: %+v", got)
		}
	})
}

func TestListJobs(t *testing.T) {
	onEach(t, func(b bench) {
		parent := b.accept(job.NewJob{Kind: "dream.plan", Lane: "dream", Waiting: true})[0].Job
		for range 3 {
			b.accept(job.NewJob{Kind: "dream.slice", Lane: "dream", Parent: parent.ID, Subject: "drm_1"})
		}
		chat := b.run(job.NewJob{})
		b.accept(job.NewJob{}, job.NewJob{RunAt: time.Now().Add(time.Hour)})
		for want, f := range map[string]job.Filter{
			"4 all":     {},
			"3 chats":   {Noun: "chat"},
			"0 prefix":  {Noun: "cha"},
			"1 dreams":  {Noun: "dream"},
			"4 dreams":  {Noun: "dream", Children: true},
			"3 kids":    {Parent: parent.ID},
			"3 subject": {Subject: "drm_1"},
			"2 queued":  {Status: "queued"},
			"1 running": {Status: "running"},
			"1 waiting": {Status: "waiting", Noun: "dream"},
			"0 failed":  {Status: "failed"},
		} {
			got, more, err := b.Jobs(ctx, "ten_a", f, db.Page{Limit: 10})
			b.must(err)
			if !strings.HasPrefix(want, fmt.Sprint(len(got))) || more {
				b.t.Errorf("%s: %d jobs", want, len(got))
			}
		}
		two := db.Page{Limit: 2, Ascending: true}
		page, more, err := b.Jobs(ctx, "ten_a", job.Filter{Noun: "chat"}, two)
		b.must(err)
		if len(page) != 2 || !more || page[0].ID != chat.ID {
			b.t.Errorf("a page of %d, more %v", len(page), more)
		}
	})
}

// TestSubjects ends dreams and tunes with their own jobs, and not with others'.
func TestSubjects(t *testing.T) {
	onEach(t, func(b bench) {
		plan := b.run(job.NewJob{Kind: "dream.plan", Lane: "chat", Subject: "drm_1"})
		b.dream("drm_1", plan)
		sealed := b.sealThree("drm_1")
		b.must(b.AddExample(ctx, learn.Example{ID: "exm_1", Tenant: "ten_a", Alias: "assistant", Dream: "drm_1",
			Experience: sealed[0], Messages: []byte(`[]`), Verdict: "judged", Author: "lead", Content: "c"}))

		slice := b.run(job.NewJob{Kind: "dream.slice", Lane: "chat", Parent: plan.ID, Subject: "drm_1"})
		b.must(b.AddEffect(ctx, book.Effect{Job: slice.ID, Step: sealed[1] + "/replay", Epoch: 1, RequestHash: "h",
			Response: []byte(`{}`)}))
		b.finish(slice, job.Finish{To: job.StateFailed})
		if _, err := b.RunningDream(ctx, "ten_a"); err != nil {
			b.t.Errorf("a child's end ended the dream: %v", err)
		}
		b.finish(plan, job.Finish{To: job.StateFailed, Error: &job.Error{Code: "internal", Message: "m"}})
		if _, err := b.RunningDream(ctx, "ten_a"); !errors.Is(err, db.ErrNotFound) {
			b.t.Errorf("the dream still runs: %v", err)
		}
		kept := b.batch("drm_1")
		if fmt.Sprint(kept) != fmt.Sprint(sealed[:2]) {
			b.t.Errorf("the dream keeps %v of %v", kept, sealed)
		}
		b.tx(func(q *store.Queries) error { _, err := q.RetryJob(ctx, "ten_a", plan.ID); return err })
		if d, err := b.RunningDream(ctx, "ten_a"); err != nil || d.Status != job.StateQueued {
			b.t.Errorf("tried again: %+v, %v", d, err)
		}
	})
}

func (b bench) dream(id string, job job.Job) {
	b.t.Helper()
	b.must(b.AddDream(ctx, learn.Dream{ID: id, Tenant: "ten_a", Job: job.ID, Mode: "live", Stage: "seal"}))
}

func (b bench) sealThree(dream string) []string {
	b.t.Helper()
	for i := 0; ; i++ {
		name := fmt.Sprint("talk ", i)
		if learn.HeldOut(storetest.Secret, learn.Experience{External: name, Prompt: []byte(`[]`)}) {
			continue
		}
		e := learn.Experience{ID: db.NewID("exp_"), Tenant: "ten_a", External: name,
			Alias: "assistant", Origin: learn.OriginLive, Prompt: []byte(`[]`), Answer: []byte(`{}`)}
		e.Seal()
		b.must(b.AddExperience(ctx, e))
		n, err := b.FreshCount(ctx, "ten_a", 10)
		b.must(err)
		if n == 3 {
			break
		}
	}
	_, err := b.SealBatch(ctx, "ten_a", dream, 3)
	b.must(err)
	return b.batch(dream)
}

// batch returns what a dream has sealed.
func (b bench) batch(dream string) (ids []string) {
	b.t.Helper()
	rows, _, err := b.Experiences(ctx, "ten_a", learn.ExperienceFilter{Dream: dream}, db.Page{Limit: 10, Ascending: true})
	b.must(err)
	for _, e := range rows {
		ids = append(ids, e.ID)
	}
	return ids
}

// TestRetryMeetsAnother cannot reopen a dream while another one runs.
func TestRetryMeetsAnother(t *testing.T) {
	onEach(t, func(b bench) {
		first := b.run(job.NewJob{Kind: "dream.plan", Lane: "chat", Subject: "drm_1"})
		b.dream("drm_1", first)
		b.finish(first, job.Finish{To: job.StateFailed})
		second := b.run(job.NewJob{Kind: "dream.plan", Lane: "chat", Subject: "drm_2"})
		b.dream("drm_2", second)
		err := b.Store.Tx(ctx, db.Synced, func(q *store.Queries) error {
			_, err := q.RetryJob(ctx, "ten_a", first.ID)
			return err
		})
		if !errors.Is(err, db.ErrConflict) || b.job(first.ID).State != job.StateFailed {
			b.t.Errorf("tried again beside another: %v", err)
		}
	})
}

// TestReapLosesEntries ends the open entries of the epoch that is reaped.
func TestReapLosesEntries(t *testing.T) {
	onEach(t, func(b bench) {
		job := b.run(job.NewJob{})
		open := book.Entry{Tenant: "ten_a", Job: job.ID, Step: "answer", Epoch: job.Epoch, Number: 1,
			Purpose: "chat", Provider: "p", Model: "m", Reserved: 100}
		_, err := b.OpenEntry(ctx, open)
		b.must(err)
		b.must(b.ShiftClock(ctx, 2*time.Minute))
		ids, err := b.ExpiredLeases(ctx)
		b.must(err)
		if len(ids) != 1 {
			b.t.Fatalf("%d leases have expired", len(ids))
		}
		b.tx(func(q *store.Queries) error { _, err := q.ReapJob(ctx, job.ID); return err })
		b.must(b.JobEntries(ctx, job.ID, func(e book.Entry) error {
			if e.State != "unknown" || e.Cause != "lease expired" || e.Ended.IsZero() {
				b.t.Errorf("entry %+v", e)
			}
			return nil
		}))
		if err := b.HoldJob(ctx, job.ID, job.Epoch, owner); !errors.Is(err, db.ErrFenced) {
			b.t.Errorf("still held: %v", err)
		}
	})
}

// TestOwnerFences refuses another worker under the same epoch.
func TestOwnerFences(t *testing.T) {
	onEach(t, func(b bench) {
		j := b.run(job.NewJob{})
		b.must(b.HoldJob(ctx, j.ID, j.Epoch, owner))
		if err := b.HoldJob(ctx, j.ID, j.Epoch, "twin"); !errors.Is(err, db.ErrFenced) {
			b.t.Errorf("held by a twin: %v", err)
		}
		err := b.Store.Tx(ctx, db.Synced, func(q *store.Queries) error {
			f := ending(j, job.StateSucceeded)
			f.Worker = "twin"
			_, err := storetest.FinishJob(ctx, q, f)
			return err
		})
		if !errors.Is(err, db.ErrFenced) {
			b.t.Errorf("finished by a twin: %v", err)
		}
	})
}

// TestRenewedByItsHolder renews under an epoch that is over: the lease of the next
// one stays as it is, and runs out.
func TestRenewedByItsHolder(t *testing.T) {
	onEach(t, func(b bench) {
		j := b.run(job.NewJob{})
		states, err := b.RenewLeases(ctx, []job.Hold{{ID: j.ID, Epoch: j.Epoch - 1, Lease: time.Hour}})
		if err != nil || len(states) > 0 {
			b.t.Errorf("a lease that is over is held: %+v, %v", states, err)
		}
		b.must(b.ShiftClock(ctx, 2*time.Minute))
		if silent, err := b.ExpiredLeases(ctx); err != nil || len(silent) != 1 {
			b.t.Errorf("%v ran out, %v", silent, err)
		}
	})
}

// TestFinishIsAtomic leaves nothing behind when what was learned cannot be stored.
func TestFinishIsAtomic(t *testing.T) {
	onEach(t, func(b bench) {
		j := b.run(job.NewJob{})
		refused := errors.New("refused")
		err := b.Store.Tx(ctx, db.Synced, func(q *store.Queries) error {
			_, err := storetest.FinishJob(ctx, q, job.Finish{Job: j.ID, Epoch: j.Epoch, To: job.StateWaiting,
				Children: []job.NewJob{{Kind: "chat.run", Lane: "chat"}},
				Write: store.Learned(func(ctx context.Context, q *store.Queries) error {
					return errors.Join(q.ClearJob(ctx, j.ID), refused)
				})})
			return err
		})
		if !errors.Is(err, refused) {
			b.t.Errorf("finished: %v", err)
		}
		got := b.job(j.ID)
		if got.State != job.StateRunning || got.OpenChildren != 0 {
			b.t.Errorf("left %+v", got)
		}
	})
}

func TestCanMove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to job.State
		want     bool
	}{
		{job.StateQueued, job.StateDispatched, true}, {job.StateQueued, job.StateRunning, false},
		{job.StateSucceeded, job.StateQueued, false}, {job.StateFailed, job.StateQueued, true},
		{job.StateWaiting, job.StateRunning, false}, {job.StateRunning, job.StateExpired, false},
	} {
		if got := job.CanMove(c.from, c.to); got != c.want {
			t.Errorf("%s to %s: %v", c.from, c.to, got)
		}
	}
}

// TestExpiryTellsTheLastAttempt lets jobs run out of time: one that no worker
// took, and one whose attempts failed.
func TestExpiryTellsTheLastAttempt(t *testing.T) {
	onEach(t, func(b bench) {
		idle, tried := b.accept(job.NewJob{ExpiresIn: time.Minute})[0].Job, b.run(job.NewJob{ExpiresIn: time.Minute})
		b.finish(tried, job.Finish{To: job.StateQueued, Outcome: "failed", Failed: true, After: time.Hour,
			Error: &job.Error{Code: "vendor_unavailable", Message: "the vendor failed"}})
		b.must(b.ShiftClock(ctx, 2*time.Minute))
		for id, code := range map[string]string{idle.ID: "queue_unavailable", tried.ID: "vendor_unavailable"} {
			b.tx(func(q *store.Queries) error { _, err := q.ExpireJob(ctx, id); return err })
			j := b.job(id)
			if j.State != job.StateExpired || j.Error == nil || j.Error.Code != code {
				b.t.Errorf("job %s is %s: %v, want %s", id, j.State, j.Error, code)
			}
		}
	})
}
