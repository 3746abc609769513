package tune

import (
	"fmt"
	"strings"
	"testing"

	"dreamlab/handlers/chat"
	"dreamlab/handlers/tune/trial"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// newShadowBench is a bench whose tune has come to the shadow of its canary, of which every chat is drawn.
func newShadowBench(t *testing.T, kept *store.Store, budget int64) *canaryBench {
	t.Helper()
	plan := canaryPlan()
	plan.Pairs = canary.PairPlan{Share: 1, Shadow: 30, Budget: budget}
	c := newCanaryBenchOf(t, kept, plan)
	c.work[tasks.ChatRun] = chat.New(chat.Options{Caller: c.deps.Caller})
	if got := c.open(); got.State != canary.Shadow || c.route().Names(got.Candidate) || got.Placed != c.route().Version {
		t.Fatalf("%s: placed %d, route %+v", got.State, got.Placed, c.route())
	}
	return c
}

// live has users chat, each in a conversation of their own, and returns once they are answered.
func (c *canaryBench) live(n int) {
	c.Helper()
	for range n {
		c.chats++
		topic := topics[c.chats%len(topics)]
		ask := fmt.Sprintf("%s in %s, number %d, asks: what do I do about my %s?", names[c.chats%len(names)],
			places[c.chats%len(places)], c.chats, topic)
		talk := fmt.Sprintf("live-%d", c.chats)
		in := tasks.ChatInput{Alias: learn.DefaultAlias, Conversation: talk, Keep: true, Memory: true, Request: plainjson.Of(map[string]any{
			"model": learn.DefaultAlias, "messages": []turn{{Role: "user", Content: ask}},
			"metadata": map[string]string{"conversation_id": talk},
		})}
		c.accept(job.NewJob{
			ID: db.NewID("job_"), Tenant: c.tenant, Kind: string(tasks.ChatRun), Lane: string(tasks.Chat), Alias: learn.DefaultAlias,
			Conversation: talk, Input: plainjson.Of(in),
		}, func(*store.Queries) error { return nil })
	}
	for c.turnOf(tasks.Chat) {
	}
}

// shadow has users chat until the canary leaves its shadow, some rounds at most.
func (c *canaryBench) shadow(rounds int) canary.Canary {
	c.Helper()
	for range rounds {
		if c.row().State != canary.Shadow {
			break
		}
		c.live(4)
		c.round()
	}
	return c.row()
}

// round lets chats settle, has the tune's jobs work, and the clock look.
func (c *canaryBench) round() {
	c.Helper()
	c.pass()
	for c.turn() {
	}
	c.must(trial.LookAll(c.ctx, c.store))
}

// wantUnseen makes sure that no answer of the candidate was shown or kept.
func (c *canaryBench) wantUnseen() {
	c.Helper()
	row := c.row()
	provider, model, _ := strings.Cut(row.Candidate, "/")
	kept, _, err := c.store.Experiences(c.ctx, c.tenant, learn.ExperienceFilter{Provider: provider, Model: model}, db.Page{Limit: 1})
	c.must(err)
	history, err := c.store.RouteHistory(c.ctx, c.tenant, learn.DefaultAlias, 50)
	c.must(err)
	for _, route := range history {
		if route.Names(row.Candidate) {
			c.Errorf("version %d of the route names %s", route.Version, row.Candidate)
		}
	}
	if len(kept) > 0 || !row.Shown.IsZero() {
		c.Errorf("shown at %s, kept %+v", row.Shown, kept)
	}
}

// shadowJobs are the ids of the jobs of pairs.
func (c *canaryBench) shadowJobs() (ids []string) {
	c.Helper()
	jobs, _, err := c.store.Jobs(c.ctx, c.tenant, job.Filter{Parent: c.tune.Job}, db.Page{Limit: 100})
	c.must(err)
	for _, j := range jobs {
		if j.Kind == string(tasks.TuneShadow) {
			ids = append(ids, j.ID)
		}
	}
	return ids
}

// shadowSteps are the steps of the jobs of pairs whose answers are kept.
func (c *canaryBench) shadowSteps() (steps []string) {
	c.Helper()
	for _, id := range c.shadowJobs() {
		c.must(c.store.Effects(c.ctx, id, func(e book.Effect) error {
			steps = append(steps, e.Step)
			return nil
		}))
	}
	return steps
}

// wantShadowBooked compares the calls of the jobs of pairs with the answers that they keep, and with the books.
func (c *canaryBench) wantShadowBooked() {
	c.Helper()
	entries := 0
	for _, id := range c.shadowJobs() {
		c.must(c.store.JobEntries(c.ctx, id, func(e book.Entry) error {
			if e.Purpose != canary.Purpose || e.State != book.EntrySettled {
				c.Errorf("entry %+v", e)
			}
			entries++
			return nil
		}))
	}
	spent, err := c.store.PairSpend(c.ctx, c.row())
	c.must(err)
	if kept := len(c.shadowSteps()); entries != kept || kept == 0 || spent <= 0 {
		c.Errorf("%d calls for %d answers, $%s spent", entries, kept, money.USD(spent))
	}
}

// A better candidate goes from its shadow through the steps to everything, judged all the way.
func TestShadowLeadsToAPromotion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, kept *store.Store) {
		c := newShadowBench(t, kept, money.Dollar)
		first := c.shadow(20)
		if first.State != canary.Running || first.Share() != 20 || first.Shown.IsZero() || first.Seen.Judged.Wins == 0 {
			t.Fatalf("%s: %s, %+v", first.State, first.Reason, first.Seen)
		}
		for range 8 {
			if c.row().State != canary.Running {
				break
			}
			c.pass()
			c.chat(200, 0)
			c.live(4)
			c.round()
		}
		if row := c.row(); row.State != canary.Watching || row.Seen.Judged.Pairs() <= first.Seen.Judged.Pairs() {
			t.Fatalf("%s: %s, %+v", row.State, row.Reason, row.Seen)
		}
		for range 3 {
			c.look()
		}
		c.run(nil)
		if _, decision := c.decided(c.tune.ID); !decision.Promoted || c.row().State != canary.Promoted {
			t.Errorf("decision %+v", decision)
		}
		c.wantShadowBooked()
	})
}

// A candidate that has gone bad since its exam is stopped in its shadow, and nobody has seen an answer of it.
func TestPoisonedCandidateIsStoppedInTheShadow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, kept *store.Store) {
		c := newShadowBench(t, kept, money.Dollar)
		c.wires.spoil(strings.TrimPrefix(c.row().Candidate, c.vendor.Name+"/"))
		row := c.shadow(20)
		if row.State != canary.RolledBack || !strings.Contains(row.Reason, "judged pairs it lost") {
			t.Fatalf("%s: %s, %+v", row.State, row.Reason, row.Seen)
		}
		c.run(nil)
		if _, decision := c.decided(c.tune.ID); decision.Promoted || !strings.HasPrefix(decision.Reason, "canary: taken back by itself") {
			t.Errorf("decision %+v", decision)
		}
		c.wantUnseen()
		c.wantShadowBooked()
		c.wantNothingServed()
	})
}

// A candidate that goes bad in its steps is taken back by the pairs, while nothing else tells it apart.
func TestPairsTakeBackInAStep(t *testing.T) {
	t.Parallel()
	c := newShadowBench(t, storetest.SQLite(t), money.Dollar)
	row := c.shadow(20)
	c.wires.spoil(strings.TrimPrefix(row.Candidate, c.vendor.Name+"/"))
	for range 20 {
		if row = c.row(); row.State != canary.Running {
			break
		}
		c.live(8)
		c.round()
	}
	if row.State != canary.RolledBack || !strings.Contains(row.Reason, "judged pairs it lost") || c.route().Names(row.Candidate) {
		t.Errorf("%s: %s, %+v", row.State, row.Reason, row.Seen)
	}
	pairs, err := c.store.Pairs(c.ctx, row.ID, 0, 1_000)
	c.must(err)
	shown := map[string]int{}
	for _, p := range pairs {
		shown[p.Shown]++
	}
	if shown[row.Candidate] == 0 || shown[row.Champion] == 0 || len(shown) != 2 {
		t.Errorf("users were shown %v", shown)
	}
}

// Workers that die behind each step of a shadow pay nothing twice, and no chat is drawn twice or left out.
func TestShadowSurvivesKills(t *testing.T) {
	t.Parallel()
	c := newShadowBench(t, storetest.SQLite(t), money.Dollar)
	deaths := map[string]int{}
	c.die = func(j job.Job, _ *tasks.End) bool {
		deaths[j.Kind]++
		return deaths[j.Kind]%2 == 1 && deaths[j.Kind] < 8
	}
	c.live(6)
	for range 8 {
		c.round()
	}
	if got := c.row(); got.Seen.Judged.Pairs() != 6 || deaths[string(tasks.TuneShadow)] < 2 || deaths[string(tasks.TuneCurate)] < 2 {
		t.Errorf("%+v after %v", got.Seen, deaths)
	}
	c.wantShadowBooked()
}

// A shadow that no budget has room for is paused for a person to decide: resume allows as much again.
func TestShadowKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	c := newShadowBench(t, storetest.SQLite(t), 1)
	row := c.shadow(5)
	if row.State != canary.Paused || !row.Seen.Unpaid || !row.InShadow() || !strings.Contains(row.Reason, "resume") {
		t.Fatalf("%s: %s", row.State, row.Reason)
	}
	c.live(2)
	before := c.count("POST", "/v1/chat/completions")
	c.round()
	if after := c.count("POST", "/v1/chat/completions"); after != before {
		t.Errorf("%d calls while it was paused", after-before)
	}
	c.act("resume")
	if row = c.row(); row.State != canary.Shadow || row.Seen.Unpaid || row.Budget() != 2 {
		t.Errorf("resumed: %+v", row)
	}
	c.wantUnseen()
}

func (c *canaryBench) act(action string) {
	c.Helper()
	was := c.row()
	next, err := was.Act(action)
	c.must(err)
	c.tx(func(q *store.Queries) error {
		_, err := store.MoveCanary(c.ctx, q, was, next, "key_1")
		return err
	})
}

// A judge that is down says nothing of the candidate: the shadow is paused.
func TestShadowWithoutAJudgeIsPaused(t *testing.T) {
	t.Parallel()
	c := newShadowBench(t, storetest.SQLite(t), money.Dollar)
	c.fault(lab.Fault{Kind: lab.FaultStatus, Status: 500, Model: strings.TrimPrefix(leadModel, c.vendor.Name+"/")})
	row := c.shadow(40)
	if row.State != canary.Paused || row.Seen.Unpaid || !strings.Contains(row.Reason, "jobs that were to compare") {
		t.Fatalf("%s: %s, %+v", row.State, row.Reason, row.Seen)
	}
	c.wantUnseen()
}

// A shadow is ended by hand, either way.
func TestShadowByHand(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]canary.State{"promote": canary.Watching, "abort": canary.Aborted} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			c := newShadowBench(t, storetest.SQLite(t), money.Dollar)
			version := c.route().Version
			c.act("pause")
			c.act("resume")
			c.act(action)
			row := c.row()
			if row.State != want || (c.route().Version != version) != row.State.Open() {
				t.Fatalf("%s: %s, route %+v", row.State, row.Reason, c.route())
			}
			for range 4 {
				c.look()
			}
			c.run(nil)
			if _, decision := c.decided(c.tune.ID); decision.Promoted != (action == "promote") {
				t.Errorf("decision %+v", decision)
			}
		})
	}
}

// What a chat was told from the memory the other model is told, too; and what a chat leaves in its shadow goes
// with its conversation.
func TestShadowOfAChat(t *testing.T) {
	t.Parallel()
	c := newShadowBench(t, storetest.SQLite(t), money.Dollar)
	c.must(c.store.AddMemory(c.ctx, learn.Memory{
		ID: "mem_1", Tenant: c.tenant, Lessons: []learn.Lesson{{Text: "Answer politely", Reflections: []string{"rfl_1"}, Weight: 1000}},
	}))
	c.live(6)
	for range 4 {
		c.round()
	}
	kept, _, err := c.store.Experiences(c.ctx, c.tenant, learn.ExperienceFilter{Origin: learn.OriginMemory}, db.Page{Limit: 1})
	c.must(err)
	if len(kept) == 0 {
		t.Fatal("no chat was given the memory")
	}
	of := func(prefix string) (n int) {
		for _, step := range c.shadowSteps() {
			n += one(strings.HasPrefix(step, prefix))
		}
		return n
	}
	e := kept[0]
	if with, all := of(e.ID+"/mem_1/"), of(e.ID+"/"); with == 0 || with != all {
		t.Errorf("%d steps of %d with the memory", with, all)
	}
	traces, err := c.store.Traces(c.ctx, c.tenant, e.External, learn.Kinds{Chat: string(tasks.ChatRun)})
	c.must(err)
	c.tx(func(q *store.Queries) error {
		return q.Forget(c.ctx, c.tenant, traces, learn.Kinds{Chat: string(tasks.ChatRun)})
	})
	if left := of(e.ID + "/"); left != 0 {
		t.Errorf("%d answers are left of a conversation that was forgotten", left)
	}
}
