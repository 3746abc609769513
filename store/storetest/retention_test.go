package storetest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/retention"
	"dreamlab/store/storetest"
)

const (
	aYear   = 365 * 24 * time.Hour
	twoDays = 48 * time.Hour
)

// pruneOld makes steps until there are no more, and returns how many experiences went.
func pruneOld(t *testing.T, s *store.Store, tenant string, heldOut int) (gone int64) {
	t.Helper()
	step := retention.Step{More: true}
	for step.More {
		must(t, s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) (err error) {
			step, err = q.PruneExperiences(t.Context(), tenant, retention.Experiences{Older: aYear, HeldOut: heldOut}, step.After)
			return err
		}))
		if gone += step.Gone; step.Gone > 1000 {
			t.Errorf("one step deleted %d", step.Gone)
		}
	}
	return gone
}

// old is an experience of a conversation that is, or is not, held out.
func old(t *testing.T, s *store.Store, conversation string, heldOut bool) learn.Experience {
	t.Helper()
	e := learn.Experience{Tenant: "ten_1", External: conversation, Alias: learn.DefaultAlias, Origin: learn.OriginLive,
		Answer: []byte(`{"role":"assistant","content":"Yes."}`), Metadata: []byte(`{"topic":"t"}`)}
	for i := 0; ; i++ {
		question := fmt.Sprintf("What is question %d of %s?", i, conversation)
		e.Prompt = fmt.Appendf(nil, `[{"role":"user","content":%q}]`, question)
		if storetest.HeldOut(conversation, question) == heldOut {
			break
		}
	}
	return add(t, s, e)
}

func add(t *testing.T, s *store.Store, e learn.Experience) learn.Experience {
	t.Helper()
	e.Seal()
	must(t, s.AddExperience(t.Context(), e))
	return keptAs(t, s, e)
}

// rowFrom makes a training row of an experience.
func rowFrom(t *testing.T, s *store.Store, e learn.Experience) learn.Example {
	t.Helper()
	x := example("exm_"+e.External, e)
	must(t, s.AddExample(t.Context(), x))
	return x
}

// learnedFrom has a model learn from a row, in a tune that has ended.
func learnedFrom(t *testing.T, s *store.Store, name string, x learn.Example, state string) {
	t.Helper()
	must(t, freeze(t, s, x.Tenant, name, x.ID))
	exec(t, s.Driver(), `INSERT INTO tunes (id, tenant, alias, base, job, stage, dataset, state, created, finished)
		VALUES ($1, $2, $3, '', '', 'done', (SELECT id FROM datasets WHERE sha256 = $4), '{}', 1, 1)`,
		"tun_"+name, x.Tenant, "alias of "+name, name)
	must(t, s.AddModel(t.Context(), learn.Model{Name: "together/" + name, Tenant: x.Tenant, Tune: "tun_" + name, State: state}))
}

// TestOldConversationsArePruned deletes those that are over and that nothing needs, whole, and none that goes on.
func TestOldConversationsArePruned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.EnsureTenant(t.Context(), "one")
		must(t, err)
		exec(t, s.Driver(), `UPDATE tenants SET id = 'ten_1'`)
		gone, goesOn, served := old(t, s, "gone", false), old(t, s, "goes-on", false), old(t, s, "served", false)
		learnedFrom(t, s, "stopped", rowFrom(t, s, gone), learn.ModelStopped)
		learnedFrom(t, s, "serving", rowFrom(t, s, served), learn.ModelServing)
		exec(t, s.Driver(), `INSERT INTO reviews (id, tenant, example, verdict, reviewer, created)
			VALUES ('rev_1', 'ten_1', 'exm_gone', 'kept', 'key_1', 1)`)
		must(t, s.AddReflection(t.Context(), learn.Reflection{ID: "rfl_1", Tenant: "ten_1", Dream: "drm_1", Lesson: "l",
			Sources: []string{gone.ID}}))
		verdict := old(t, s, "verdict", false)
		rowFrom(t, s, verdict)
		must(t, s.ShiftClock(t.Context(), aYear+twoDays))
		exec(t, s.Driver(), `UPDATE examples SET reviewed = $1 WHERE id = 'exm_verdict'`,
			time.Now().Add(aYear).UnixMicro())
		goesOn.ID, goesOn.Conversation = "", ""
		goesOn.Prompt = []byte(`[{"role":"user","content":"What is a later turn?"}]`)
		add(t, s, goesOn)

		if due, err := s.ExperiencesToPrune(t.Context(), aYear, "", 9); err != nil || !slices.Equal(due, []string{"ten_1"}) {
			t.Errorf("due are %v, %v", due, err)
		}
		if n := pruneOld(t, s, "ten_1", 1); n != 1 {
			t.Errorf("%d experiences went", n)
		}
		for query, want := range map[string][]string{
			`SELECT external FROM conversations ORDER BY 1`:                      {"goes-on", "served", "verdict"},
			`SELECT id FROM examples ORDER BY 1`:                                 {"exm_served", "exm_verdict"},
			`SELECT id FROM reviews`:                                             nil,
			`SELECT sha256 FROM datasets WHERE aged IS NOT NULL`:                 {"stopped"},
			`SELECT id FROM tunes WHERE aged IS NOT NULL AND tainted IS NULL`:    {"tun_stopped"},
			`SELECT name FROM models WHERE aged IS NOT NULL AND tainted IS NULL`: {"together/stopped"},
			`SELECT id FROM reflections`:                                         {"rfl_1"},
			`SELECT source FROM citations WHERE source = '` + gone.ID + `'`:      nil,
			`SELECT word FROM words WHERE id = '` + gone.ID + `'`:                nil,
			`SELECT sum FROM tombstones`:                                         nil,
		} {
			if left := ask(t, s.Driver(), query); !slices.Equal(left, want) {
				t.Errorf("%s: %v, not %v", query, left, want)
			}
		}
		m, err := s.Model(t.Context(), "ten_1", "together/stopped")
		if err != nil || m.Aged.IsZero() || !m.Tainted.IsZero() {
			t.Errorf("the model is %+v, %v", m, err)
		}
		add(t, s, learn.Experience{Tenant: "ten_1", External: "gone", Alias: "assistant", Origin: "live", Prompt: gone.Prompt,
			Answer: gone.Answer}) // nobody wanted it forgotten: it may be said again
	})
}

// TestOldExamsStay keeps the newest that are held out, and those of the set that every evaluation has.
func TestOldExamsStay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i := range 6 {
			e := old(t, s, fmt.Sprint("exam-", i), true)
			if i == 1 {
				exec(t, s.Driver(), `INSERT INTO regression_papers (tenant, alias, experience, evaluation, created)
					VALUES ('ten_1', 'assistant', $1, 'evl_1', 1)`, e.ID)
			}
			exec(t, s.Driver(), `INSERT INTO comparisons (evaluation, experience, tenant, conversation, regression, outcome,
				checked, disagreed, result, said) VALUES ('evl_1', $1, 'ten_1', $2, FALSE, 'win', FALSE, FALSE, '{}', '{}')`,
				e.ID, e.Conversation)
		}
		must(t, s.ShiftClock(t.Context(), aYear+twoDays))
		if n := pruneOld(t, s, "ten_1", 6); n != 0 {
			t.Errorf("%d of an exam went", n)
		}
		if n := pruneOld(t, s, "ten_1", 3); n != 2 {
			t.Errorf("%d went", n)
		}
		left := ask(t, s.Driver(), `SELECT external FROM conversations ORDER BY 1`)
		if !slices.Equal(left, []string{"exam-1", "exam-3", "exam-4", "exam-5"}) {
			t.Errorf("left are %v", left)
		}
		if n := ask(t, s.Driver(), `SELECT count(*) || ' ' || count(said) FROM comparisons`); n[0] != "6 4" {
			t.Errorf("comparisons, and those with what was said: %s", n)
		}
	})
}

// TestOldStaysWhileItIsRead deletes nothing of a tenant whose dream or tune runs, and nothing that a dream of
// the last month was made of.
func TestOldStaysWhileItIsRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		dreamtOf := old(t, s, "dreamt-of", false)
		must(t, s.ShiftClock(t.Context(), aYear+twoDays))
		exec(t, s.Driver(), `INSERT INTO tunes (id, tenant, alias, base, job, stage, state, created)
			VALUES ('tun_1', 'ten_1', 'other', '', '', 'curate', '{}', 1)`)
		if n := pruneOld(t, s, "ten_1", 1); n != 0 {
			t.Errorf("%d went while a tune ran", n)
		}
		exec(t, s.Driver(), `UPDATE tunes SET finished = 1`)
		own := dreamt(t, s, "drm_1", dreamtOf)
		if n := pruneOld(t, s, "ten_1", 1); n != 0 {
			t.Errorf("%d went while a dream ran", n)
		}
		finish(t, s, own)
		if n := pruneOld(t, s, "ten_1", 1); n != 0 {
			t.Errorf("%d went that an undo would release", n)
		}
		must(t, s.ShiftClock(t.Context(), aYear+twoDays+retention.Undo))
		if n := pruneOld(t, s, "ten_1", 1); n != 1 {
			t.Errorf("then %d went", n)
		}
	})
}

// TestLongConversationIsPruned takes a conversation of many turns by bounded steps.
func TestLongConversationIsPruned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		batch := make([]learn.Experience, 1200)
		for i := range batch {
			batch[i] = said("long", i)
		}
		addAll(t, s, batch...)
		exec(t, s.Driver(), `UPDATE experiences SET held_out = FALSE`)
		must(t, s.ShiftClock(t.Context(), aYear+twoDays))
		if n := pruneOld(t, s, "ten_1", 1); n != 1200 {
			t.Errorf("%d went", n)
		}
		if got := count(t, s, "conversations"); got != "0" {
			t.Errorf("%s conversations are left", got)
		}
	})
}

// ended is a dream that taught a lesson and wrote a memory of the lessons named, and has ended.
func ended(t *testing.T, s *store.Store, tenant string, rests ...string) (dream string) {
	t.Helper()
	id := db.NewID("drm_")
	own := running(t, s, tenant, id)
	must(t, s.AddDream(t.Context(), learn.Dream{ID: id, Tenant: tenant, Job: own.ID, Mode: "live"}))
	must(t, s.AddReflection(t.Context(), learn.Reflection{ID: "rfl_" + id, Tenant: tenant, Dream: id, Lesson: "l",
		Sources: []string{"exp_1"}}))
	must(t, s.AddMemory(t.Context(), learn.Memory{ID: learn.MemoryID(id), Tenant: tenant, Dream: id, Object: "o",
		Lessons: []learn.Lesson{{Text: "l", Sources: []string{"exp_1"}, Reflections: rests}}}))
	finish(t, s, own)
	return id
}

// TestOldDreamsArePruned deletes old dreams and versions but for the newest of these, what that rests on, and what a
// later undo goes back to. The dreams' jobs go as others do.
func TestOldDreamsArePruned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tenant, err := s.EnsureTenant(t.Context(), "one")
		must(t, err)
		prune := func() (gone int64) {
			step := retention.Step{More: true}
			for step.More {
				must(t, s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) (err error) {
					step, err = q.PruneDreams(t.Context(), tenant.ID, aYear, step.After)
					return err
				}))
				gone += step.Gone
			}
			return gone
		}
		base := ended(t, s, tenant.ID)
		first := ended(t, s, tenant.ID)
		undone := ended(t, s, tenant.ID)
		must(t, s.UndoDream(t.Context(), tenant.ID, undone))
		last := ended(t, s, tenant.ID, "rfl_"+base)
		must(t, s.ShiftClock(t.Context(), aYear+twoDays))
		fresh := ended(t, s, tenant.ID)
		own := running(t, s, tenant.ID, "drm_runs")
		must(t, s.AddDream(t.Context(), learn.Dream{ID: "drm_runs", Tenant: tenant.ID, Job: own.ID, Mode: "live"}))
		if n := prune(); n != 0 {
			t.Errorf("%d went while a dream ran", n)
		}
		finish(t, s, own)
		if due, err := s.DreamsToPrune(t.Context(), aYear, "", 9); err != nil || !slices.Equal(due, []string{tenant.ID}) {
			t.Errorf("due are %v, %v", due, err)
		}
		if n := prune(); n != 5 { // three versions and two dreams
			t.Errorf("%d dreams and versions went", n)
		}
		if n := prune(); n != 0 {
			t.Errorf("then %d went", n)
		}
		for query, want := range map[string][]string{
			`SELECT id FROM dreams WHERE id <> 'drm_runs' ORDER BY id`:                           {base, last, fresh},
			`SELECT id FROM memories ORDER BY id`:                                                {learn.MemoryID(last), learn.MemoryID(fresh)},
			`SELECT dream FROM reflections ORDER BY dream`:                                       {base, fresh},
			`SELECT cites FROM citations WHERE source = 'exp_1' AND cites LIKE '%` + first + `'`: nil,
		} {
			if left := ask(t, s.Driver(), query); !slices.Equal(left, want) {
				t.Errorf("%s: %v, not %v", query, left, want)
			}
		}
		m, err := s.Memory(t.Context(), tenant.ID)
		if err != nil || m.Dream != fresh {
			t.Errorf("in force is %+v, %v", m, err)
		}
		must(t, s.UndoDream(t.Context(), tenant.ID, fresh))
		if m, err = s.Memory(t.Context(), tenant.ID); err != nil || m.Dream != last || len(m.Lessons) != 1 {
			t.Errorf("once the last is undone it is %+v, %v", m, err)
		}
		if jobs, _ := pruneAll(t, s, (*store.Queries).PruneJobs); jobs != 2 {
			t.Errorf("%d jobs went", jobs)
		}
	})
}
