package dream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/batch"
	"dreamlab/handlers/dream"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// moments are those at which a worker can die: during a call to a vendor, which is carried out though its
// answer reaches nobody, and before the end of a job is written.
type moments struct {
	every        int // of them, about, is one at which the worker dies; 0 for none
	passed, next int
	die          context.CancelFunc
	kind         string         // of the job at work
	died         map[string]int // by the job's kind and the moment
	deaths       int
}

// pass comes to a moment. The steps between deaths vary, so that no job dies at the same moment each time.
func (m *moments) pass(moment string) {
	m.passed++
	if m.every == 0 || m.passed < m.next {
		return
	}
	m.deaths++
	m.next = m.passed + m.every + m.deaths%3
	m.died[m.kind+" "+moment]++
	m.die()
}

// mortal is a vendor's batches as a worker asks them that can die meanwhile.
type mortal struct {
	providers.Batcher
	moments *moments
	spoil   func(answer *providers.BatchAnswer) // nil for nothing
}

func (m mortal) Submit(ctx context.Context, spec providers.BatchSpec) (providers.Batch, error) {
	made, err := m.Batcher.Submit(ctx, spec)
	if m.moments.pass("submit"); ctx.Err() != nil {
		return providers.Batch{}, ctx.Err()
	}
	return made, err
}

func (m mortal) Poll(ctx context.Context, handle providers.Handle) (providers.Batch, error) {
	seen, err := m.Batcher.Poll(ctx, handle)
	m.moments.pass("poll")
	return seen, err
}

func (m mortal) Results(ctx context.Context, handle providers.Handle, each func(providers.BatchAnswer) error) error {
	n := 0
	return m.Batcher.Results(ctx, handle, func(answer providers.BatchAnswer) error {
		if n++; n%25 == 0 {
			m.moments.pass("results")
		}
		if m.spoil != nil && answer.Reply != nil {
			m.spoil(&answer)
		}
		return each(answer)
	})
}

// nightShift does the jobs of a dream by hand, one after the other, on clocks of its own.
type nightShift struct {
	*handlertest.Bench
	moments *moments
	now     time.Time
	list    map[tasks.Kind]tasks.Handler
	plan    string // the dream's job
	dream   string
	live    int // questions that were asked live
	spoil   func(answer *providers.BatchAnswer)
}

// Batcher finds a vendor's batches.
func (n *nightShift) Batcher(name string) (providers.Batcher, error) {
	b, err := n.Router.Batcher(name)
	return mortal{b, n.moments, n.spoil}, err
}

// Chat asks live.
func (n *nightShift) Chat(ctx context.Context, call providers.Call) (*providers.Answer, error) {
	n.live++
	return n.Router.Chat(ctx, call)
}

func newNight(t *testing.T, b *handlertest.Bench, mode string, content []byte) *nightShift {
	t.Helper()
	b.SetRoute(t, "base", "groq/openai/gpt-oss-20b")
	b.Lab.SetSpeed(0) // the vendor's clock goes on with the shift's alone
	n := &nightShift{Bench: b, moments: &moments{died: map[string]int{}}, now: time.Now()}
	caller := handlers.NewCaller(handlers.CallerOptions{Router: n, Prices: b.Prices})
	now := func() time.Time { return n.now }
	n.list = dream.Handlers(dream.Deps{Caller: caller, Bucket: b.Bucket, Prices: b.Prices, Now: now})
	maps.Copy(n.list, batch.Handlers(batch.Deps{
		Caller: caller, Vendors: n, Bucket: b.Bucket, Prices: b.Prices, Now: now,
		Settings: batch.Settings{PollEvery: 10 * time.Minute},
	}))
	imported(t, b, content)
	own := job.NewJob{
		ID: db.NewID("job_"), Tenant: b.Tenant, Kind: string(tasks.DreamPlan), Subject: db.NewID("drm_"),
		Lane: string(tasks.DreamPlan.Lane()), Input: plainjson.Of(tasks.DreamInput{Mode: mode}),
	}
	err := b.Store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		err := q.AddDream(t.Context(), learn.Dream{
			ID: own.Subject, Tenant: b.Tenant, Job: own.ID, Mode: mode, Stage: "seal",
		})
		if err != nil {
			return err
		}
		_, err = q.AcceptJobs(t.Context(), []job.NewJob{own}, map[string]job.Limits{own.Lane: {Window: 1000, TenantCap: 1000}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n.plan, n.dream = own.ID, own.Subject
	return n
}

// imported keeps conversations through an engine that ends before it returns.
func imported(t *testing.T, b *handlertest.Bench, content []byte) {
	t.Helper()
	if !t.Run("import", func(t *testing.T) { b.Import(t, b.Start(t, nil), content) }) {
		t.FailNow()
	}
}

// due are the jobs that are not at their end and wait for none of their children.
func (n *nightShift) due(t *testing.T) []string {
	t.Helper()
	jobs, _, err := n.Store.Jobs(t.Context(), n.Tenant, job.Filter{Children: true}, db.Page{Limit: 100, Ascending: true})
	if err != nil {
		t.Fatal(err)
	}
	var due []string
	for _, j := range jobs {
		if !j.State.Ended() && j.OpenChildren == 0 {
			due = append(due, j.ID)
		}
	}
	return due
}

// work does a job once, as after a wake, or as after the lease of a worker that died.
func (n *nightShift) work(t *testing.T, id string) {
	t.Helper()
	for _, statement := range []string{
		`UPDATE entries SET state = 'unknown', lost = created WHERE job = $1 AND state = 'open' AND EXISTS
			(SELECT 1 FROM jobs WHERE id = $1 AND state = 'running')`,
		`UPDATE jobs SET state = 'dispatched', phase = 'flight', gen = gen + 1, lease_owner = NULL WHERE id = $1`,
	} {
		if _, err := n.Store.Driver().Exec(t.Context(), statement, id); err != nil {
			t.Fatal(err)
		}
	}
	j, err := n.Store.AnyJob(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	ctx, die := context.WithCancel(t.Context())
	defer die()
	n.moments.die, n.moments.kind = die, j.Kind
	run := n.Take(t, j)
	end, err := n.list[tasks.Kind(j.Kind)](ctx, run)
	if ctx.Err() == nil && err != nil {
		t.Fatalf("%s: %v", j.Kind, err)
	}
	if n.moments.pass("end"); ctx.Err() == nil {
		n.Finish(t, run, end)
	}
}

// through takes the dream to its end, however often its worker dies.
func (n *nightShift) through(t *testing.T) learn.Dream {
	t.Helper()
	for range 1000 {
		for _, id := range n.due(t) {
			n.work(t, id)
		}
		if j, err := n.Store.AnyJob(t.Context(), n.plan); err != nil || j.State == job.StateSucceeded {
			d, err := n.Store.Dream(t.Context(), n.Tenant, n.dream)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		n.now = n.now.Add(10 * time.Minute)
		n.Lab.Advance(10 * time.Minute)
	}
	t.Fatal("the night never ends")
	return learn.Dream{}
}

// A whole night goes through batches, at 35 % of its live price or less, whenever its workers die: nothing that
// was asked is lost, none is paid twice, and the books hold what the vendor bills.
func TestNightUnderKills(t *testing.T) {
	t.Parallel()
	died := map[string]int{}
	var want learn.Dream
	for _, every := range []int{0, 2, 3, 5} {
		t.Run(fmt.Sprint("every ", every), func(t *testing.T) {
			b := handlertest.New(t)
			n := newNight(t, b, "batch", orders(60))
			n.moments.every = every
			b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultFailLines, Share: 0.05}, 1)
			d := n.through(t)
			for moment, times := range n.moments.died {
				died[moment] += times
			}
			if every == 0 {
				want = d
			}
			n.check(t, d, want)
			if every > 0 && n.moments.deaths < 5 {
				t.Errorf("the workers died %d times", n.moments.deaths)
			}
		})
	}
	for _, moment := range []string{
		"dream.plan end", "dream.slice end", "dream.reflect end", "dream.consolidate end",
		"batch.run submit", "batch.run poll", "batch.run results", "batch.run end",
	} {
		if died[moment] == 0 {
			t.Errorf("no worker died in %q, but in %v", moment, slices.Sorted(maps.Keys(died)))
		}
	}
}

func (n *nightShift) check(t *testing.T, d, want learn.Dream) {
	t.Helper()
	if d.Counts.Kept != want.Counts.Kept || d.Counts.Kept == 0 || d.Counts.Reflections != want.Counts.Reflections ||
		d.Counts.Imagined != want.Counts.Imagined || !maps.Equal(d.Counts.Rejected, want.Counts.Rejected) {
		t.Errorf("found %+v, without kills %+v", d.Counts, want.Counts)
	}
	if n.live > 0 || d.Counts.AskedLive > 0 || d.Counts.Batched == 0 {
		t.Errorf("%d questions were asked live; counts %+v", n.live, d.Counts)
	}
	calls, nano := n.Paid()
	spend, err := n.Store.JobSpend(t.Context(), n.plan)
	if err != nil || spend.Settled != nano || spend.Reserved != 0 {
		t.Errorf("the books say %+v, the vendor %d (%v)", spend, nano, err)
	}
	answers, entries, shares := n.effects(t)
	if int64(entries) != calls || answers != d.Counts.Batched || shares != nano {
		t.Errorf("%d answers are billed at %d; %d were of use, as parts of %d, at %d (counts %+v)",
			calls, nano, answers, entries, shares, d.Counts)
	}
	if d.LiveCost == 0 || nano*100 > d.LiveCost*35 {
		t.Errorf("it costs %d, live %d", nano, d.LiveCost)
	}
	t.Logf("%d answers in %d requests, at %d; live %d (%.1f %%)", answers, entries, nano, d.LiveCost, 100*float64(nano)/float64(d.LiveCost))
}

// effects counts the answers of the night, the bills that they are parts of, and what they cost.
func (n *nightShift) effects(t *testing.T) (answers, entries int, nano int64) {
	t.Helper()
	jobs, _, err := n.Store.Jobs(t.Context(), n.Tenant, job.Filter{Children: true}, db.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, j := range jobs {
		err := n.Store.Effects(t.Context(), j.ID, func(e book.Effect) error {
			if e.Entry == "" {
				return nil
			}
			var kept struct{ Nano int64 }
			seen[e.Entry] = true
			answers++
			err := json.Unmarshal(e.Response, &kept)
			nano += kept.Nano
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return answers, len(seen), nano
}

// A verdict that an answer to several questions leaves out is asked again by itself, and so are questions that were refused
// together: in a batch, and the night finds what it finds otherwise.
func TestNightWithMissingVerdicts(t *testing.T) {
	t.Parallel()
	night := func(t *testing.T, spoil func(*providers.BatchAnswer)) (*nightShift, learn.Dream) {
		n := newNight(t, handlertest.New(t), "batch", orders(30))
		n.spoil = spoil
		return n, n.through(t)
	}
	_, want := night(t, nil)
	again := 0
	for name, spoil := range map[string]func(*providers.BatchAnswer){
		"left out": func(a *providers.BatchAnswer) {
			if text := strings.Replace(a.Reply.Content, `{"case":"case_2"`, `{"case":"none"`, 1); text != a.Reply.Content {
				a.Reply.Content = text
				again++
			}
		},
		"refused": func(a *providers.BatchAnswer) {
			if strings.Contains(a.Reply.Content, `{"case":"case_1"`) {
				a.Reply, a.Err = nil, &providers.Error{Kind: providers.KindInvalid, Status: 400, Charge: providers.ChargeNone}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, got := night(t, spoil)
			if got.Counts.Kept != want.Counts.Kept || !maps.Equal(got.Counts.Rejected, want.Counts.Rejected) || n.live > 0 {
				t.Errorf("%d questions were asked live: %+v, want %+v", n.live, got.Counts, want.Counts)
			}
			answers, entries, nano := n.effects(t)
			if answers != got.Counts.Batched || name == "refused" && answers != want.Counts.Batched {
				t.Errorf("%d answers, %d of use, %d otherwise", answers, got.Counts.Batched, want.Counts.Batched)
			}
			calls, paid := n.Paid()
			if name == "refused" {
				return // what was refused had been answered, and billed
			}
			if again == 0 || answers != want.Counts.Batched+again || int64(entries) != calls || nano != paid {
				t.Errorf("%d answers, %d otherwise, %d again; %d bills of %d, at %d of %d",
					answers, want.Counts.Batched, again, entries, calls, nano, paid)
			}
		})
	}
}
