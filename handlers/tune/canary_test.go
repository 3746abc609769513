package tune

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/handlers/tune/trial"
	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

func canaryPlan() *canary.Plan {
	return &canary.Plan{
		Steps: []int{20, 60}, Step: time.Minute, Hold: time.Minute, Settle: 10 * time.Second, Slow: 5 * time.Second,
		Alpha: 0.05, Margin: 0.2,
	}
}

// canaryBench is a bench whose tune has come to its canary.
type canaryBench struct {
	*bench
	tune  learn.Tune
	chats int
}

func newCanaryBench(t *testing.T, kept *store.Store) *canaryBench {
	t.Helper()
	return newCanaryBenchOf(t, kept, canaryPlan())
}

func newCanaryBenchOf(t *testing.T, kept *store.Store, plan *canary.Plan) *canaryBench {
	t.Helper()
	b := newBenchOn(t, kept, Settings{MinExamples: 20, Canary: plan})
	b.teach(48, 40)
	_, err := b.store.SetRoute(b.ctx, learn.Route{
		Tenant: b.tenant, Alias: learn.DefaultAlias, Author: "key_1",
		Targets: []learn.RouteTarget{{Model: baseModel, Weight: 7}, {Model: leadModel, Weight: 1, Tier: 1}},
	})
	b.must(err)
	c := &canaryBench{bench: b, tune: b.tune(tasks.TuneInput{})}
	b.run(func() bool {
		_, err := b.store.OpenCanary(b.ctx, b.tenant, learn.DefaultAlias)
		return err == nil
	})
	return c
}

func (c *canaryBench) open() canary.Canary {
	c.Helper()
	open, err := c.store.OpenCanary(c.ctx, c.tenant, learn.DefaultAlias)
	c.must(err)
	return open
}

func (c *canaryBench) row() canary.Canary {
	c.Helper()
	tune, err := c.store.Tune(c.ctx, c.tenant, c.tune.ID)
	c.must(err)
	row, err := c.store.Canary(c.ctx, c.tenant, decode[state](c.bench, tune.State).Canary)
	c.must(err)
	return row
}

func (c *canaryBench) route() learn.Route {
	c.Helper()
	route, err := c.store.Route(c.ctx, c.tenant, learn.DefaultAlias)
	c.must(err)
	return route
}

// chat adds conversations that were answered as the route has it; those of the candidate fail by a share.
func (c *canaryBench) chat(n int, failing int) {
	c.Helper()
	route := c.route()
	candidate := c.row().Candidate
	for i := range n {
		c.chats++
		j := job.NewJob{
			ID: db.NewID("job_"), Tenant: c.tenant, Kind: string(tasks.ChatRun), Lane: string(tasks.Chat), Alias: learn.DefaultAlias,
			Conversation: fmt.Sprintf("talk-%d", c.chats), Input: []byte(`{"request":{"messages":[]}}`),
		}
		c.accept(j, func(q *store.Queries) error {
			model := route.Choose(j.Conversation)[0][0]
			vendor, name, _ := strings.Cut(model, "/")
			state := "settled"
			if model == candidate && i%100 < failing {
				state = "void"
			}
			_, err := q.Exec(c.ctx, `INSERT INTO entries (id, tenant, job, root, step, epoch, number, purpose, provider, model, state,
				reserved, day, created, ended) VALUES ($1, $2, $3, $3, 'answer', 1, 1, 'chat', $4, $5, $6, 0, 0, {now}, {now} + 1000)`,
				db.NewID("ent_"), c.tenant, j.ID, vendor, name, state)
			if err != nil {
				return err
			}
			_, err = q.Exec(c.ctx, `UPDATE jobs SET state = 'succeeded', phase = 'succeeded', finished = {now} WHERE id = $1`, j.ID)
			return err
		})
	}
}

// look lets chats settle, and has the clock look.
func (c *canaryBench) look() {
	c.Helper()
	c.pass()
	c.must(trial.LookAll(c.ctx, c.store))
}

// A candidate that does no worse gets a greater share step by step, then everything, and after the
// hold time the tune ends with its promotion. The champion stays warm, and a rollback leads to it.
func TestCanaryGrowsToAPromotion(t *testing.T) {
	t.Parallel()
	c := newCanaryBench(t, storetest.SQLite(t))
	first := c.open()
	if got := c.route().Targets; len(got) != 3 || got[0].Canary != first.ID || got[0].Weight != 7*20 || got[1].Weight != 7*80 {
		t.Fatalf("targets %+v", got)
	}
	for _, share := range []int{20, 60} {
		if got := c.open(); got.Share() != share {
			t.Fatalf("share %d, want %d: %s", got.Share(), share, got.Reason)
		}
		c.pass()
		c.chat(400, 0)
		c.look()
		c.look()
	}
	if got := c.open(); got.State != canary.Watching {
		t.Fatalf("state %s", got.State)
	}
	for range 3 {
		c.look()
	}
	c.run(nil)
	_, decision := c.decided(c.tune.ID)
	row := c.row()
	if !decision.Promoted || row.State != canary.Promoted || row.Seen.Candidate.Conversations < 100 {
		t.Errorf("decision %+v, canary %+v", decision, row)
	}
	want := []learn.RouteTarget{{Model: row.Candidate, Weight: 7}, {Model: leadModel, Weight: 1, Tier: 1}}
	if got := c.route(); !slices.Equal(got.Targets, want) {
		t.Errorf("targets %+v", got.Targets)
	}
	history, err := c.store.RouteHistory(c.ctx, c.tenant, learn.DefaultAlias, 10)
	c.must(err)
	if before, found := learn.Before(history); !found || before.Targets[0].Model != baseModel || len(before.Targets) != 2 {
		t.Errorf("before the canary was %+v", before)
	}
}

// A candidate that fails is taken back by itself, and its deployment is stopped.
func TestCanaryIsTakenBackByItself(t *testing.T) {
	t.Parallel()
	c := newCanaryBench(t, storetest.SQLite(t))
	c.pass()
	c.chat(400, 80)
	c.look()
	row := c.row()
	if row.State != canary.RolledBack || !strings.Contains(row.Reason, "failed in") {
		t.Fatalf("%s: %s, %+v", row.State, row.Reason, row.Seen)
	}
	if got := c.route(); got.Targets[0].Model != baseModel || got.Targets[0].Weight != 7 || len(got.Targets) != 2 {
		t.Errorf("targets %+v", got.Targets)
	}
	c.run(nil)
	if _, decision := c.decided(c.tune.ID); decision.Promoted || !strings.HasPrefix(decision.Reason, "canary: taken back by itself") {
		t.Errorf("decision %+v", decision)
	}
	c.wantNothingServed()
}

// Conversations count once, however many look, and only one controller moves a canary.
func TestCanaryHasOneMover(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, kept *store.Store) {
		c := newCanaryBench(t, kept)
		c.pass()
		c.chat(300, 0)
		c.pass()
		c.pass()
		was := c.open()
		var group sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			group.Go(func() { errs[i] = trial.Look(c.ctx, c.store, was) })
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			won += one(err == nil)
		}
		if now := c.open(); won != 1 || now.Version != was.Version+1 || c.route().Version != was.Placed+1 ||
			now.Seen.Candidate.Conversations+now.Seen.Champion.Conversations != 300 {
			t.Errorf("%d won: %+v, errors %v", won, now.Seen, errs)
		}
	})
}

// What ends a canary from outside: its route set by hand, its tune cancelled, its model's sources forgotten.
func TestCanaryEndsFromOutside(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		do   func(c *canaryBench)
		want canary.State
	}{
		"route": {func(c *canaryBench) {
			route := c.route()
			route.Targets, route.Origin = []learn.RouteTarget{{Model: leadModel, Weight: 1}}, 0
			_, err := c.store.SetRoute(c.ctx, route)
			c.must(err)
		}, canary.Superseded},
		"tune": {func(c *canaryBench) { c.cancel(c.tune) }, canary.RolledBack},
		"forgotten": {func(c *canaryBench) {
			_, err := c.store.Exec(c.ctx, `UPDATE models SET tainted = {now}`)
			c.must(err)
		}, canary.RolledBack},
		"deleted": {func(c *canaryBench) { c.must(c.store.WithdrawModel(c.ctx, c.tenant, c.row().Candidate)) }, canary.RolledBack},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCanaryBench(t, storetest.SQLite(t))
			end.do(c)
			c.look()
			if row := c.row(); row.State != end.want || c.route().Names(row.Candidate) {
				t.Errorf("%s: %s", row.State, row.Reason)
			}
			c.run(nil)
			c.reap(1)
			c.ahead += 2 * time.Hour
			c.reap(4)
			c.wantNothingServed()
		})
	}
}

// A model that a rollback took back stays warm for the hold time, so that the rollback can be taken
// back itself.
func TestRolledBackModelStaysWarm(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	route, err := b.store.SetRoute(b.ctx, learn.Route{
		Tenant: b.tenant, Alias: learn.DefaultAlias, Author: "key_1", Targets: []learn.RouteTarget{{Model: baseModel, Weight: 1}},
	})
	b.must(err)
	b.tune(tasks.TuneInput{})
	b.run(nil)
	_, err = b.store.SetRoute(b.ctx, learn.Route{
		Tenant: b.tenant, Alias: learn.DefaultAlias, Author: "key_1", Version: route.Version + 1, Origin: route.Origin,
		Targets: route.Targets,
	})
	b.must(err)
	b.reap(3)
	b.wantPromoted() // it serves nobody, and is warm
	b.ahead += time.Hour
	b.reap(3)
	b.wantNothingServed()
}
