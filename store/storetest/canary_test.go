package storetest_test

import (
	"context"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

func newCanary(t *testing.T, s *store.Store, alias string) (c canary.Canary, err error) {
	t.Helper()
	c = canary.Canary{
		ID: db.NewID("can_"), Tenant: "ten_1", Alias: alias, Tune: "tun_1", Candidate: "groq/new", Champion: "groq/old",
		State: canary.Running, Reason: "test", Plan: canary.Plan{Steps: []int{10, 50}, Alpha: 0.05},
		Route: canary.Route{
			Before: []learn.RouteTarget{{Model: "groq/old", Weight: 1}}, After: []learn.RouteTarget{{Model: "groq/new", Weight: 1}},
		},
	}
	err = s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		c, err = store.PlaceCanary(t.Context(), q, c)
		return err
	})
	if err != nil {
		return c, err
	}
	return s.Canary(t.Context(), c.Tenant, c.ID)
}

// TestCanaryRace has several move a canary over the same version: one does, and the route is as it says.
func TestCanaryRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		was, err := newCanary(t, s, "assistant")
		must(t, err)
		errs := atOnce(6, func(i int) error {
			next := was.Grow("it grew")
			if i%2 == 0 {
				next = was.TakeBack("it was worse")
			}
			return s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
				_, err := store.MoveCanary(t.Context(), q, was, next, "tun_1")
				return err
			})
		})
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			want(t, err, db.ErrConflict)
		}
		row, err := s.Canary(t.Context(), was.Tenant, was.ID)
		must(t, err)
		route, err := s.Route(t.Context(), was.Tenant, was.Alias)
		if err != nil || won != 1 || row.Version != was.Version+1 || route.Version != row.Placed ||
			route.Names("groq/new") != row.State.Open() {
			t.Errorf("%d won: %+v, route %+v, %v", won, row, route, err)
		}
	})
}

// TestCanaryHeads finds the first chat of each conversation, and what came of all of its chats.
func TestCanaryHeads(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c, err := newCanary(t, s, "assistant")
		must(t, err)
		if _, err := newCanary(t, s, "assistant"); err == nil {
			t.Error("a second canary of the alias was placed")
		}
		for _, conversation := range []string{"a", "a", "", "b", "a"} {
			must(t, endedChat(t.Context(), s, conversation))
		}
		until := time.Now().Add(time.Hour)
		window := canary.Window{After: c.Cursor, First: c.Created, Since: c.Stepped, Until: until, Limit: 10}
		heads, err := s.Heads(t.Context(), c, window)
		must(t, err)
		if len(heads) != 3 || heads[0].Conversation != "a" || heads[1].Sticky() != heads[1].Job || heads[2].Conversation != "b" {
			t.Fatalf("heads %+v", heads)
		}
		for i, chats := range []int{3, 1, 1} {
			got, err := s.Chats(t.Context(), c, heads[i], until, c.Champion)
			if err != nil || len(got) != chats || got[0].State != job.StateSucceeded || got[0].Answered || got[0].Tried != 0 ||
				string(got[0].Input) != asked {
				t.Errorf("chats of %q: %+v, %v", heads[i].Conversation, got, err)
			}
		}
		window.After = heads[1].Job
		if heads, err = s.Heads(t.Context(), c, window); err != nil || len(heads) != 1 {
			t.Errorf("behind the cursor: %+v, %v", heads, err)
		}
		open, err := s.OpenCanaries(t.Context(), "")
		if err != nil || len(open) != 1 || open[0].ID != c.ID {
			t.Errorf("open: %+v, %v", open, err)
		}
	})
}

// asked is the input of a chat, which a sealed store opens again.
const asked = `{"request":{"model":"assistant"}}`

func endedChat(ctx context.Context, s *store.Store, conversation string) error {
	j := job.NewJob{
		ID: db.NewID("job_"), Tenant: "ten_1", Kind: "chat.run", Lane: "chat", Alias: "assistant", Conversation: conversation,
		Input: []byte(asked),
	}
	return s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if _, err := q.AcceptJobs(ctx, []job.NewJob{j}, nil); err != nil {
			return err
		}
		_, err := q.Exec(ctx, `UPDATE jobs SET state = 'succeeded', phase = 'succeeded', finished = {now} WHERE id = $1`, j.ID)
		return err
	})
}

// TestPairsOfACanary are numbered in their order, and stand by themselves.
func TestPairsOfACanary(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, of := range []string{"can_1", "can_2", "can_1"} {
			must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
				return q.AddPairs(t.Context(), of, []canary.Pair{
					{Shown: "groq/old", Outcome: learn.Win, Agreed: true}, {Shown: "groq/new", Outcome: learn.Tie},
				})
			}))
		}
		pairs, err := s.Pairs(t.Context(), "can_1", 1, 10)
		must(t, err)
		if len(pairs) != 3 || pairs[0].Number != 2 || pairs[0].Agreed || pairs[2].Shown != "groq/new" || pairs[1].Outcome != learn.Win {
			t.Errorf("%+v", pairs)
		}
		open, judged, err := s.Standing(t.Context())
		if err != nil || judged[learn.Win] != 3 || judged[learn.Loss] != 0 || open[canary.Shadow] != 0 {
			t.Errorf("%v, %v, %v", open, judged, err)
		}
	})
}
