package job_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"

	"pgregory.net/rapid"
)

const owner = "worker"

// machine drives the job table at random and holds every change of a row
// against the table of moves, and every number against its rules.
type machine struct {
	t     *rapid.T
	ctx   context.Context
	store *store.Store
	made  int
	ahead time.Duration
	jobs  map[string]job.Job // as they were last seen
	stale []job.Job          // holds that may have been lost
}

var room = map[string]job.Limits{"chat": {Window: 6, TenantCap: 4}, "dream": {Window: 3, TenantCap: 2}}

func TestMovesAtRandom(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			m := &machine{t: rt, ctx: context.Background(), store: s, made: run * 10000, jobs: map[string]job.Job{}}
			rt.Repeat(map[string]func(*rapid.T){
				"accept": m.accept, "dispatch": m.dispatch, "claim": m.claim, "finish": m.finish,
				"late": m.late, "cancel": m.cancel, "retry": m.retry, "lose": m.lose, "sweep": m.sweep,
				"bare": m.bare, "time": m.time, "due": m.due, "": m.check,
			})
			m.close()
		})
	})
}

func (m *machine) tx(fn func(q *store.Queries) error) {
	m.t.Helper()
	if err := m.store.Tx(m.ctx, db.Relaxed, fn); err != nil {
		m.t.Fatal(err)
	}
}

// close cancels all, so that the next run starts with room.
func (m *machine) close() {
	for id := range m.jobs {
		m.tx(func(q *store.Queries) error { _, err := q.CancelJob(m.ctx, m.jobs[id].Tenant, id); return err })
		if held := m.read(id); held.State == job.StateRunning {
			m.tx(func(q *store.Queries) error {
				_, err := storetest.FinishJob(m.ctx, q, ending(held, job.StateCancelled))
				return err
			})
		}
	}
	m.check(m.t)
}

func ending(held job.Job, to job.State) job.Finish {
	return job.Finish{Job: held.ID, Epoch: held.Epoch, Parent: held.Parent, To: to}
}

func (m *machine) read(id string) job.Job {
	m.t.Helper()
	j, err := m.store.AnyJob(m.ctx, id)
	if err != nil {
		m.t.Fatal(err)
	}
	return j
}

func (m *machine) pick(states ...job.State) (job.Job, bool) {
	var ids []string
	for id, j := range m.jobs {
		if slices.Contains(states, j.State) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		m.t.Skip("no job to do it to")
	}
	slices.Sort(ids)
	return m.read(rapid.SampledFrom(ids).Draw(m.t, "job")), true
}

func (m *machine) newJob(prefix string) job.NewJob {
	m.made++
	j := job.NewJob{
		ID:          fmt.Sprintf("job_%s%06d", prefix, m.made),
		Tenant:      rapid.SampledFrom([]string{"ten_a", "ten_b", "ten_c"}).Draw(m.t, "tenant"),
		Kind:        "chat.run",
		Lane:        rapid.SampledFrom([]string{"chat", "dream"}).Draw(m.t, "lane"),
		Priority:    rapid.IntRange(0, 9).Draw(m.t, "priority"),
		MaxAttempts: rapid.IntRange(1, 3).Draw(m.t, "attempts"),
	}
	if rapid.Bool().Draw(m.t, "expires") {
		j.ExpiresIn = time.Minute
	}
	return j
}

func (m *machine) accept(*rapid.T) {
	j := m.newJob("top")
	m.tx(func(q *store.Queries) error {
		out, err := q.AcceptJobs(m.ctx, []job.NewJob{j}, room)
		if err == nil {
			m.jobs[j.ID] = out[0].Job
		}
		return err
	})
}

func (m *machine) dispatch(*rapid.T) {
	for lane, r := range room {
		m.tx(func(q *store.Queries) error {
			picked, err := q.PickJobs(m.ctx, lane, r)
			if err != nil || len(picked) == 0 {
				return err
			}
			for i := range picked {
				picked[i].Wake = db.NewID("wake_")
			}
			return q.MarkDispatched(m.ctx, picked)
		})
	}
}

func (m *machine) claim(*rapid.T) {
	j, _ := m.pick(job.StateDispatched)
	gen := j.Gen - int64(rapid.IntRange(0, 1).Draw(m.t, "stale"))
	m.tx(func(q *store.Queries) error {
		got, err := q.ClaimJobs(m.ctx, []job.Ref{{ID: j.ID, Gen: gen}}, owner, 15*time.Second)
		if len(got) > 0 && (gen != j.Gen || got[0].Epoch != j.Epoch+1 || got[0].State != job.StateRunning) {
			m.t.Errorf("claimed %+v of generation %d", got[0], gen)
		}
		m.stale = append(m.stale, got...)
		return err
	})
}

func (m *machine) finish(*rapid.T) {
	j, _ := m.pick(job.StateRunning)
	f := job.Finish{Job: j.ID, Epoch: j.Epoch, Parent: j.Parent, Worker: owner, Outcome: "x",
		To: rapid.SampledFrom([]job.State{job.StateSucceeded, job.StateFailed, job.StateCancelled,
			job.StateWaiting, job.StateQueued}).Draw(m.t, "to")}
	f.Failed = f.To == job.StateFailed || f.To == job.StateQueued && rapid.Bool().Draw(m.t, "failed")
	if f.To == job.StateWaiting || f.To == job.StateQueued && f.Failed {
		f.After = time.Duration(rapid.IntRange(0, 1).Draw(m.t, "after")) * time.Minute
	}
	if f.To == job.StateWaiting && j.Parent == "" {
		for range rapid.IntRange(0, 3).Draw(m.t, "children") {
			f.Children = append(f.Children, m.newJob("kid"))
		}
	}
	m.tx(func(q *store.Queries) error { _, err := storetest.FinishJob(m.ctx, q, f); return err })
	for _, child := range f.Children {
		m.jobs[child.ID] = m.read(child.ID)
	}
	after := m.read(j.ID)
	if !j.CancelAt.IsZero() && !after.State.Ended() {
		m.t.Errorf("a job whose end was asked for went on as %s", after.State)
	}
	if f.Failed && after.Attempt != j.Attempt+1 {
		m.t.Errorf("attempt %d after %d", after.Attempt, j.Attempt)
	}
}

// late has some former holder try to end its job: it may only while it holds it.
func (m *machine) late(*rapid.T) {
	if len(m.stale) == 0 {
		m.t.Skip("nobody held a job")
	}
	held := rapid.SampledFrom(m.stale).Draw(m.t, "holder")
	now := m.read(held.ID)
	err := m.store.Tx(m.ctx, db.Relaxed, func(q *store.Queries) error {
		_, err := storetest.FinishJob(m.ctx, q, ending(held, job.StateSucceeded))
		return err
	})
	holds := now.State == job.StateRunning && now.Epoch == held.Epoch
	if holds != (err == nil) || err != nil && !errors.Is(err, db.ErrFenced) {
		m.t.Errorf("epoch %d of a job at %s, epoch %d: %v", held.Epoch, now.State, now.Epoch, err)
	}
}

// bare has all who hold a job, or once held it, end it in one statement: all of
// them do, or none.
func (m *machine) bare(*rapid.T) {
	if len(m.stale) == 0 {
		m.t.Skip("nobody held a job")
	}
	former := rapid.Bool().Draw(m.t, "the former holder")
	chosen := map[string]job.Job{}
	for _, held := range m.stale {
		if _, known := chosen[held.ID]; !known || !former {
			chosen[held.ID] = held
		}
	}
	var all []job.Finish
	hold := true
	for id, held := range chosen {
		if held.Parent != "" {
			continue
		}
		all = append(all, job.Finish{Job: id, Epoch: held.Epoch, Worker: owner, Lane: held.Lane, NoFollowUps: true,
			To: job.StateSucceeded, Outcome: string(job.StateSucceeded)})
		now := m.jobs[id] // as check has just seen it
		hold = hold && now.State == job.StateRunning && now.Epoch == held.Epoch
	}
	err := m.store.Tx(m.ctx, db.Relaxed, func(q *store.Queries) error {
		_, err := q.FinishJobs(m.ctx, all)
		return err
	})
	if hold != (err == nil) || err != nil && !errors.Is(err, db.ErrFenced) {
		m.t.Errorf("held: %t, ended with %v", hold, err)
	}
}

func (m *machine) cancel(*rapid.T) {
	j, _ := m.pick(job.StateQueued, job.StateDispatched, job.StateRunning, job.StateWaiting, job.StateSucceeded)
	m.tx(func(q *store.Queries) error { _, err := q.CancelJob(m.ctx, j.Tenant, j.ID); return err })
	after := m.read(j.ID)
	if !j.State.Ended() && j.State != job.StateRunning && after.State != job.StateCancelled {
		m.t.Errorf("a cancelled job is %s", after.State)
	}
}

func (m *machine) retry(*rapid.T) {
	j, _ := m.pick(job.StateFailed, job.StateCancelled, job.StateExpired)
	m.tx(func(q *store.Queries) error { _, err := q.RetryJob(m.ctx, j.Tenant, j.ID); return err })
	if after := m.read(j.ID); after.State != job.StateQueued || after.Gen != j.Gen+1 || after.Attempt != 0 {
		m.t.Errorf("after retry: %+v", after)
	}
}

func (m *machine) lose(*rapid.T) {
	j, _ := m.pick(job.StateDispatched)
	m.tx(func(q *store.Queries) error {
		_, err := q.LoseWakes(m.ctx, []job.Ref{{ID: j.ID, Gen: j.Gen}})
		return err
	})
}

func (m *machine) time(*rapid.T) {
	m.ahead += time.Duration(rapid.IntRange(1, 40).Draw(m.t, "seconds")) * time.Second
	if err := m.store.ShiftClock(m.ctx, m.ahead); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) due(*rapid.T) {
	m.tx(func(q *store.Queries) error { _, err := q.MakeDue(m.ctx); return err })
}

func (m *machine) sweep(*rapid.T) {
	leases, err := m.store.ExpiredLeases(m.ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	over, err := m.store.ExpiredJobs(m.ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, id := range leases {
		m.tx(func(q *store.Queries) error { _, err := q.ReapJob(m.ctx, id); return err })
	}
	for _, id := range over {
		m.tx(func(q *store.Queries) error { _, err := q.ExpireJob(m.ctx, id); return err })
	}
}

// checkPhases reads the column that stands for the state in the indexes.
func (m *machine) checkPhases() {
	const wrong = `SELECT id, state, phase FROM jobs WHERE id IN ({list $1}) AND NOT CASE phase
		WHEN 'ready' THEN state = 'queued'
		WHEN 'later' THEN state IN ('queued', 'waiting')
		WHEN 'flight' THEN state IN ('dispatched', 'running')
		ELSE phase = state AND finished IS NOT NULL END`
	m.tx(func(q *store.Queries) error {
		return q.Each(m.ctx, wrong, []any{db.Encode(slices.AppendSeq([]string{}, maps.Keys(m.jobs)))}, func(rows db.Rows) error {
			var id, state, phase string
			err := rows.Scan(&id, &state, &phase)
			m.t.Errorf("%s is %s in the phase %s", id, state, phase)
			return err
		})
	})
}

// check compares all rows with what they were.
func (m *machine) check(*rapid.T) {
	m.checkPhases()
	open := map[string]int{}
	inFlight := map[string]int{}
	for id, was := range m.jobs {
		now := m.read(id)
		m.checkJob(was, now)
		m.jobs[id] = now
		if !now.State.Ended() {
			open[now.Parent]++
		}
		if now.State == job.StateDispatched || now.State == job.StateRunning {
			inFlight[now.Lane+" "+now.Tenant]++
			inFlight[now.Lane]++
		}
	}
	for id, j := range m.jobs {
		if !j.State.Ended() && j.OpenChildren != open[id] {
			m.t.Errorf("%s counts %d open children, and has %d", id, j.OpenChildren, open[id])
		}
		if j.State == job.StateWaiting && j.RunAt.IsZero() && open[id] == 0 {
			m.t.Errorf("%s waits for children that it has not", id)
		}
		if r := room[j.Lane]; inFlight[j.Lane] > r.Window || inFlight[j.Lane+" "+j.Tenant] > r.TenantCap {
			m.t.Errorf("lane %s: %v in flight", j.Lane, inFlight)
		}
	}
}

func (m *machine) checkJob(was, now job.Job) {
	if !reaches(was.State, now.State, 3) {
		m.t.Errorf("%s went from %s to %s", now.ID, was.State, now.State)
	}
	if now.Gen < was.Gen || now.Epoch < was.Epoch {
		m.t.Errorf("%s: gen %d to %d, epoch %d to %d", now.ID, was.Gen, now.Gen, was.Epoch, now.Epoch)
	}
	if now.State.Ended() == now.Finished.IsZero() {
		m.t.Errorf("%s is %s and finished at %s", now.ID, now.State, now.Finished)
	}
	if now.Crashes > job.MaxCrashes || now.Attempt > now.MaxAttempts {
		m.t.Errorf("%s: %d crashes, attempt %d of %d", now.ID, now.Crashes, now.Attempt, now.MaxAttempts)
	}
	unwoken := now.State == job.StateDispatched && now.Wake == ""
	if unwoken || (now.State == job.StateRunning) == now.LeaseUntil.IsZero() {
		m.t.Errorf("%s is %s with wake %q and lease %s", now.ID, now.State, now.Wake, now.LeaseUntil)
	}
}

// reaches tells whether some moves lead from one state to another: one action
// may make a few at once.
func reaches(from, to job.State, steps int) bool {
	if from == to {
		return true
	}
	if steps == 0 {
		return false
	}
	for _, next := range []job.State{job.StateQueued, job.StateDispatched, job.StateRunning,
		job.StateWaiting, job.StateSucceeded, job.StateFailed, job.StateCancelled, job.StateExpired} {
		if job.CanMove(from, next) && reaches(next, to, steps-1) {
			return true
		}
	}
	return false
}
