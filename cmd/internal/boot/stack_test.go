package boot

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/storetest"
)

// stacked opens an embedded stack in a folder of its own.
func stacked(t *testing.T, change func(*config.Config)) *Stack {
	t.Helper()
	c := config.Default()
	c.Data, c.Addr = t.TempDir(), "127.0.0.1:0"
	if change != nil {
		change(c)
	}
	s, err := Open(t.Context(), c, StackOptions{Log: zerolog.Nop(), Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOpenLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*config.Config)
		want   string
	}{
		"queue":  {func(c *config.Config) { c.Redis = "redis+nothing://x" }, "REDIS_URL"},
		"bucket": {func(c *config.Config) { c.Bucket = "file:///proc/nowhere" }, "open the bucket"},
		"prices": {func(c *config.Config) { c.Catalog = config.Names{"/nowhere.yaml"} }, "/nowhere.yaml"},
		"database": {
			func(c *config.Config) { c.Database = "postgres://u@" + closed(t) + "/x?connect_timeout=2" }, "DATABASE_URL",
		},
	}
	for name, tc := range cases {
		c := config.Default()
		c.Data = t.TempDir()
		tc.change(c)
		_, err := Open(t.Context(), c, StackOptions{Log: zerolog.Nop(), Migrate: true})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenWithoutMigrateRefusesAnOldSchema(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data = t.TempDir()
	_, err := Open(t.Context(), c, StackOptions{Log: zerolog.Nop()})
	if err == nil || !strings.Contains(err.Error(), "dreamlab migrate") {
		t.Errorf("got %v", err)
	}
}

func TestRoutesAreKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ensure := func(model string, weight int) learn.Route {
			t.Helper()
			wanted := map[string][]config.Target{"assistant": {{Model: model, Weight: weight}}}
			if err := ensureRoutes(ctx, s, wanted); err != nil {
				t.Fatal(err)
			}
			route, err := s.Route(ctx, "", "assistant")
			if err != nil {
				t.Fatal(err)
			}
			return route
		}
		if r := ensure("v/a", 100); r.Version != 1 || r.Targets[0].Model != "v/a" {
			t.Errorf("first: %+v", r)
		}
		if r := ensure("v/a", 100); r.Version != 1 {
			t.Errorf("unchanged: %+v", r)
		}
		if r := ensure("v/b", 100); r.Version != 2 || r.Targets[0].Model != "v/b" {
			t.Errorf("the configuration changed: %+v", r)
		}
		_, err := s.SetRoute(ctx, learn.Route{
			Alias: "assistant", Version: 2, Author: "key_operator", Targets: []learn.RouteTarget{{Model: "v/own", Weight: 1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := ensure("v/c", 100); r.Version != 3 || r.Targets[0].Model != "v/own" {
			t.Errorf("an operator's route was overwritten: %+v", r)
		}
	})
}

func TestModelsOfTheOpenVendors(t *testing.T) {
	t.Parallel()
	sandbox := stacked(t, nil).models()
	lead, found := sandbox.Find("groq/openai/gpt-oss-120b")
	if !found || lead.Price == nil || lead.Price.Output == 0 || lead.Context == 0 || lead.Released.Year() != 2025 {
		t.Errorf("lead: %v %+v", found, lead)
	}
	if _, found := sandbox.Find("groq/unheard-of"); found {
		t.Error("a model that is not in the catalogue was found")
	}
	own := stacked(t, func(c *config.Config) {
		c.Servers = []config.Server{{Name: "ollama", BaseURL: "http://127.0.0.1:1/v1", Models: []string{"m"}}}
	}).models()
	if list := own.List(); len(list) != 1 || list[0].Name != "ollama/m" || list[0].Price.Input != 0 {
		t.Errorf("own: %+v", list)
	}
	if _, found := own.Find("groq/openai/gpt-oss-120b"); found {
		t.Error("a vendor that is not configured was shown")
	}
}

func TestCircuitsAreShared(t *testing.T) {
	t.Parallel()
	queue := storetest.EmbeddedQueue(t)
	here, there := newCircuits(queue, zerolog.Nop()), newCircuits(queue, zerolog.Nop())
	down, well := providers.Target{Provider: "v", Model: "down"}, providers.Target{Provider: "v", Model: "well"}
	until := time.Now().Add(time.Hour)
	here.Open(t.Context(), down, until)
	open := there.OpenUntil(t.Context(), []providers.Target{down, well})
	if len(open) != 1 || open[down].Sub(until).Abs() > time.Second {
		t.Errorf("open: %v", open)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if open := there.OpenUntil(gone, []providers.Target{down}); len(open) != 0 {
		t.Errorf("where nobody can be asked: %v", open)
	}
}

// TestCapIsShared holds the routers of two processes to one cap, and lets each
// go on by itself where they can not ask.
func TestCapIsShared(t *testing.T) {
	t.Parallel()
	queue := storetest.EmbeddedQueue(t)
	models := map[string]config.Model{"v/maker/m": {Concurrency: 1}}
	here, there := newSlots(queue, models, zerolog.Nop()), newSlots(queue, models, zerolog.Nop())
	capped := providers.Target{Provider: "v", Model: "maker/m"}
	release, ok := here.Take(t.Context(), capped, 0)
	if !ok {
		t.Fatal("there is no room for one")
	}
	if _, ok := there.Take(t.Context(), capped, 0); ok {
		t.Error("there is room for two")
	}
	if free, ok := there.Take(t.Context(), providers.Target{Provider: "v", Model: "other"}, 0); !ok {
		t.Error("another model is capped")
	} else {
		free()
	}
	if err := queue.Client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	late, ok := there.Take(t.Context(), capped, 0)
	if !ok {
		t.Error("a wiped queue stops calls")
	} else {
		late()
	}
	release()
}

func TestSettingsReachTheHandlers(t *testing.T) {
	t.Parallel()
	s := stacked(t, func(c *config.Config) {
		c.Dream.OffPeak = config.Window{From: "22:30", To: "06:00", Zone: "Europe/Zurich"}
		c.Tune.Margin, c.Tune.Cheaper = 0.0333, map[string]float64{"assistant": 0.05}
		c.Tune.Canary.Enabled, c.Tune.Canary.Steps, c.Tune.Hold = true, []int{10, 40}, 2*time.Hour
		c.Tune.HostingHours = config.HostingHours{Days: []string{"mon"}, From: "08:00", To: "18:00", Zone: "UTC"}
		c.Team.Judge = "groq/openai/gpt-oss-20b"
		c.Budgets = []config.Budget{{Purpose: "all", USD: 5, Per: "month"}, {Purpose: "chat", USD: 7, Per: "day"}}
	})
	quiet, err := s.quiet()
	if err != nil || quiet.From != 22*time.Hour+30*time.Minute || quiet.Zone.String() != "Europe/Zurich" {
		t.Errorf("quiet: %+v, %v", quiet, err)
	}
	if got := s.tuning(); got.Gate.Margin != 333 || got.PollEvery != 200*time.Millisecond ||
		got.Cheaper["assistant"] != 500 || got.Hours.Month() != 43 || got.Judge != "groq/openai/gpt-oss-20b" || got.Hold != 2*time.Hour ||
		!slices.Equal(got.Canary.Steps, []int{10, 40}) || got.Canary.Hold != 2*time.Hour || got.Canary.Alpha != 0.05 ||
		got.Canary.Pairs != (canary.PairPlan{Share: 0.1, Shadow: 50, Budget: int64(money.Dollar)}) {
		t.Errorf("tuning: %+v", got)
	}
	budgets := s.budgets()
	if len(budgets) != 2 || budgets[0].Purpose != "" || !budgets[0].Monthly || budgets[1].Nano != 7 {
		t.Errorf("budgets: %+v", budgets)
	}
}

func TestWholeStartsAndStops(t *testing.T) {
	t.Parallel()
	s := stacked(t, nil)
	front, processes, err := s.Whole(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	work := Process{Name: "work", Run: func(context.Context) error {
		if status := get(t, front.URL+"/readyz"); status != 200 {
			t.Errorf("ready: %d", status)
		}
		return nil
	}}
	if err := Until(t.Context(), zerolog.Nop(), work, processes...); err != nil {
		t.Error(err)
	}
}

// TestPoliciesOfAliasesWithoutARoute are taken, since a route may be set later, and told of.
func TestPoliciesOfAliasesWithoutARoute(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data, c.Addr = t.TempDir(), "127.0.0.1:0"
	c.Policies = map[string]config.Policy{"later": {Order: "ordered"}, "assistant": {Order: "cheapest"}}
	c.Limits = map[string]config.Limits{"later": {Tries: 2}}
	var log strings.Builder
	s, err := Open(t.Context(), c, StackOptions{Log: zerolog.New(&log), Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if strings.Count(log.String(), `"alias":"later"`) != 2 || strings.Contains(log.String(), `"alias":"assistant"`) {
		t.Errorf("logged %s", log.String())
	}
}
