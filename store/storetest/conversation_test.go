package storetest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

var forgetKinds = learn.Kinds{
	Chat: "chat.run", Import: "experience.import", Slice: "dream.slice", Reflect: "dream.reflect",
}

// TestForget deletes a conversation and what rests on it, and nothing else.
func TestForget(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		gone, kept := record(t, s, "gone"), record(t, s, "kept")
		for i, e := range []learn.Experience{gone, kept} {
			must(t, s.AddReflection(t.Context(), learn.Reflection{
				ID: fmt.Sprint("rfl_", i), Tenant: e.Tenant, Dream: "drm_1", Lesson: "l", Sources: []string{e.ID},
			}))
			must(t, s.AddExample(t.Context(), example(fmt.Sprint("exm_", i), e)))
		}
		remember(t, s, gone, kept)
		traces, err := s.Traces(t.Context(), gone.Tenant, "gone", forgetKinds)
		must(t, err)
		if got := fmt.Sprint(traces.Experiences, traces.Examples, traces.Reflections, traces.Memories, traces.Datasets,
			traces.Models); got != "["+gone.ID+"] [exm_0] [rfl_0] [mem_1] [ds_1] [together/tuned]" {
			t.Errorf("traces %s", got)
		}
		must(t, forget(t, s, gone.Tenant, traces))
		must(t, forget(t, s, gone.Tenant, traces)) // it can be repeated
		d, err := s.Dataset(t.Context(), gone.Tenant, "ds_1")
		must(t, err)
		d.Object, d.Rows = "datasets/new/rows.jsonl", 1
		must(t, s.MoveDataset(t.Context(), d))
		_, err = s.Traces(t.Context(), gone.Tenant, "gone", forgetKinds)
		want(t, err, db.ErrNotFound)
		_, err = s.Experience(t.Context(), kept.Tenant, kept.ID)
		must(t, err)
		for _, table := range []string{"conversations", "experiences", "examples", "reflections"} {
			if got := count(t, s, table); got != "1" {
				t.Errorf("%s: %s are left", table, got)
			}
		}
		moved(t, s, kept)
	})
}

// TestForgottenIsNotStoredAgain adds a forgotten conversation once more: under its id, under
// another, and without one, by itself and in a batch.
func TestForgottenIsNotStoredAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		gone := record(t, s, "gone")
		traces, err := s.Traces(t.Context(), gone.Tenant, "gone", forgetKinds)
		must(t, err)
		must(t, forget(t, s, gone.Tenant, traces))
		var again []learn.Experience
		for _, change := range []func(*learn.Experience){
			func(*learn.Experience) {},
			func(e *learn.Experience) { e.External = "renamed" },
			func(e *learn.Experience) { e.External = "" },
			func(e *learn.Experience) { e.Prompt = []byte(`[{"role":"user","content":"A later turn."}]`) },
		} {
			e := gone
			e.ID, e.Conversation = "", ""
			change(&e)
			e.Seal()
			again = append(again, e)
		}
		for _, e := range again {
			must(t, s.AddExperience(t.Context(), e))
		}
		must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
			added, err := q.AddExperiences(t.Context(), again)
			if slices.Contains(added, true) {
				t.Errorf("added %v", added)
			}
			return err
		}))
		if got := count(t, s, "experiences") + count(t, s, "conversations"); got != "00" {
			t.Errorf("experiences and conversations: %s", got)
		}
		other := again[0]
		other.Tenant = "ten_other" // the words of others are their own
		must(t, s.AddExperience(t.Context(), other))
		if got := count(t, s, "experiences"); got != "1" {
			t.Errorf("%s of another tenant", got)
		}
	})
}

// remember keeps a memory of one lesson of each experience, and a dataset of both.
func remember(t *testing.T, s *store.Store, gone, kept learn.Experience) {
	t.Helper()
	must(t, s.AddMemory(t.Context(), learn.Memory{
		ID: "mem_1", Tenant: gone.Tenant, Dream: "drm_1", Object: "memory/1.md", Lessons: []learn.Lesson{
			{Text: "gone", Sources: []string{gone.ID}}, {Text: "kept", Sources: []string{kept.ID}, Weight: 1500},
		},
	}))
	_, _, err := s.AddDataset(t.Context(), learn.Dataset{
		ID: "ds_1", Tenant: gone.Tenant, Alias: "assistant", SHA256: "old", Rows: 2, Object: "datasets/old/rows.jsonl",
	}, []string{"exm_0", "exm_1"})
	must(t, err)
	must(t, s.AddTune(t.Context(), learn.Tune{ID: "tun_1", Tenant: gone.Tenant, Alias: "assistant", Job: "job_1",
		State: []byte("{}")}))
	exec(t, s.Driver(), "UPDATE tunes SET dataset = 'ds_1'")
	must(t, s.AddModel(t.Context(), learn.Model{Name: "together/tuned", Tenant: gone.Tenant, Tune: "tun_1"}))
}

// TestForgetIsExact leaves what names an experience whose id only begins alike.
func TestForgetIsExact(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var all []learn.Experience
		for _, id := range []string{"exp_1", "exp_10"} {
			e := said(id, 1)
			e.ID = id
			must(t, s.AddExperience(t.Context(), e))
			e, err := s.Experience(t.Context(), e.Tenant, id)
			must(t, err)
			all = append(all, e)
			must(t, s.AddReflection(t.Context(), learn.Reflection{
				ID: "rfl" + id, Tenant: e.Tenant, Dream: "drm_1", Lesson: "l", Sources: []string{id},
			}))
			slice := citing(t, s, job.NewJob{Tenant: e.Tenant, Kind: "dream.slice", Subject: "drm" + id, Cites: []string{id}})
			must(t, s.AddDream(t.Context(), learn.Dream{ID: "drm" + id, Tenant: e.Tenant, Job: slice}))
			must(t, s.AddEffect(t.Context(), book.Effect{Job: slice, Step: id + "/replay"}))
			exec(t, s.Driver(), "UPDATE dreams SET finished = 1")
		}
		traces, err := s.Traces(t.Context(), all[0].Tenant, "exp_1", forgetKinds)
		must(t, err)
		if !slices.Equal(traces.Dreams, []string{"drmexp_1"}) {
			t.Errorf("dreams %v", traces.Dreams)
		}
		must(t, forget(t, s, all[0].Tenant, traces))
		must(t, s.ForgetCitations(t.Context(), all[0].Tenant, traces))
		for query, want := range map[string]string{
			"SELECT id FROM reflections": "rflexp_10", "SELECT step FROM effects": "exp_10/replay",
			"SELECT source FROM citations GROUP BY source": "exp_10",
		} {
			if got := ask(t, s.Driver(), query); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %v", query, got)
			}
		}
	})
}

// citing accepts a job and returns its id.
func citing(t *testing.T, s *store.Store, job job.NewJob) string {
	t.Helper()
	job.Lane = "dream"
	a, err := accept(t.Context(), s, db.Synced, job)
	must(t, errors.Join(err, a.Err))
	return a.Job.ID
}

// TestLearnedMeanwhile learns nothing from what was forgotten: no example, no
// dataset that holds one, and no more from work that was under way.
func TestLearnedMeanwhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		gone, kept := record(t, s, "gone"), record(t, s, "kept")
		for i, e := range []learn.Experience{gone, kept} {
			must(t, s.AddExample(t.Context(), example(fmt.Sprint("exm_", i), e)))
		}
		traces, err := s.Traces(t.Context(), gone.Tenant, "gone", forgetKinds)
		must(t, err)
		must(t, forget(t, s, gone.Tenant, traces))
		must(t, s.AddExample(t.Context(), example("exm_2", gone)))
		if got := ask(t, s.Driver(), "SELECT id FROM examples"); !slices.Equal(got, []string{"exm_1"}) {
			t.Errorf("examples %v", got)
		}
		want(t, freeze(t, s, gone.Tenant, "after", "exm_0", "exm_1"), db.ErrConflict)
		if got := count(t, s, "datasets"); got != "0" {
			t.Errorf("%s datasets", got)
		}
		there, err := s.StillThere(t.Context(), gone.Tenant, []string{gone.ID, kept.ID, "exp_never"})
		if err != nil || len(there) != 1 || !there[kept.ID] {
			t.Errorf("still there: %v, %v", there, err)
		}
	})
}

// TestForgetWaitsForWhoReadIt tells of a dream and a job that may have read what is
// forgotten, until they have ended.
func TestForgetWaitsForWhoReadIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := record(t, s, "gone")
		job := citing(t, s, job.NewJob{Tenant: e.Tenant, Kind: "tune.evaluate", Cites: []string{e.ID}})
		must(t, s.AddDream(t.Context(), learn.Dream{ID: "drm_1", Tenant: e.Tenant, Job: "job_plan"}))
		traces, err := s.Traces(t.Context(), e.Tenant, "gone", forgetKinds)
		must(t, err)
		must(t, forget(t, s, e.Tenant, traces))
		for _, end := range []string{"", "UPDATE dreams SET finished = 1", "UPDATE jobs SET finished = 1 WHERE id = '" + job + "'"} {
			if end != "" {
				exec(t, s.Driver(), end)
			}
			busy, err := s.StillLearning(t.Context(), e.Tenant, traces)
			if last := strings.Contains(end, "jobs"); err != nil || busy == last {
				t.Errorf("after %q: %v, %v", end, busy, err)
			}
		}
		must(t, s.ForgetCitations(t.Context(), e.Tenant, traces))
		if got := count(t, s, "citations"); got != "0" {
			t.Errorf("%s citations", got)
		}
	})
}

// TestForgetWaitsForVendors tells of an order that a dream has made, whichever of its jobs has asked, until it is over and
// the vendor has deleted its files, or fails to for long.
func TestForgetWaitsForVendors(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := record(t, s, "gone")
		citing(t, s, job.NewJob{Tenant: e.Tenant, Kind: "dream.slice", Subject: "drm_1", Cites: []string{e.ID}})
		reflects := citing(t, s, job.NewJob{Tenant: e.Tenant, Kind: "dream.reflect", Subject: "drm_1"})
		must(t, s.AddDream(t.Context(), learn.Dream{ID: "drm_1", Tenant: e.Tenant, Job: "job_plan"}))
		must(t, s.AddBatch(t.Context(), batch.Batch{ID: "batch_1", Tenant: e.Tenant, Job: "job_b", Status: batch.InProgress, Spec: []byte(`{}`)}))
		must(t, s.AddLines(t.Context(), []batch.Line{{Batch: "batch_1", Number: 1, Job: reflects, Step: "reflect/1", Request: []byte(`{}`)}}))
		traces, err := s.Traces(t.Context(), e.Tenant, "gone", forgetKinds)
		must(t, err)
		exec(t, s.Driver(), "UPDATE dreams SET finished = 1")
		exec(t, s.Driver(), "UPDATE jobs SET finished = 1")
		for _, step := range []struct {
			does func() error
			busy bool
		}{
			{func() error { return nil }, true},
			{func() error {
				return s.AddFiles(t.Context(), batch.Files{Name: "o", Root: "job_plan", Provider: "p", Handle: []byte(`{}`)})
			}, true},
			{func() error { exec(t, s.Driver(), "UPDATE batches SET finished = 1"); return nil }, true},
			{func() error { return s.DropFiles(t.Context(), "o") }, false},
			{func() error {
				return s.AddFiles(t.Context(), batch.Files{Name: "o", Root: "job_plan", Provider: "p", Handle: []byte(`{}`)})
			}, true},
			{func() error { exec(t, s.Driver(), "UPDATE batch_files SET tries = 6"); return nil }, false},
		} {
			must(t, step.does())
			must(t, forget(t, s, e.Tenant, traces))
			if busy, err := s.StillLearning(t.Context(), e.Tenant, traces); err != nil || busy != step.busy {
				t.Errorf("busy %v, want %v (%v)", busy, step.busy, err)
			}
		}
		if got := count(t, s, "batch_lines"); got != "0" {
			t.Errorf("%s lines are left", got)
		}
	})
}

// TestForgetDropsSharedLines drops a line that asked about what is forgotten together with others, once its batch is
// over, and no other line.
func TestForgetDropsSharedLines(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		gone, kept := record(t, s, "gone"), record(t, s, "kept")
		slice := citing(t, s, job.NewJob{Tenant: gone.Tenant, Kind: "dream.slice", Subject: "drm_1", Cites: []string{gone.ID, kept.ID}})
		part := func(e learn.Experience) batch.Part { return batch.Part{Step: e.ID + "/judge/1"} }
		must(t, s.AddBatch(t.Context(), batch.Batch{ID: "batch_1", Tenant: gone.Tenant, Job: "job_b", Spec: []byte(`{}`)}))
		must(t, s.AddLines(t.Context(), []batch.Line{
			{Batch: "batch_1", Number: 1, Job: slice, Request: []byte(`{}`), Parts: []batch.Part{part(kept), part(gone)}},
			{Batch: "batch_1", Number: 2, Job: slice, Request: []byte(`{}`), Parts: []batch.Part{part(kept)}},
			{Batch: "batch_1", Number: 3, Job: slice, Request: []byte(`{}`), Step: kept.ID + "/replay"},
		}))
		traces, err := s.Traces(t.Context(), gone.Tenant, "gone", forgetKinds)
		must(t, err)
		must(t, forget(t, s, gone.Tenant, traces))
		if got := count(t, s, "batch_lines"); got != "3" {
			t.Errorf("%s lines are left while the batch is under way", got)
		}
		if busy, err := s.StillLearning(t.Context(), gone.Tenant, traces); err != nil || !busy {
			t.Errorf("busy %v, %v", busy, err)
		}
		exec(t, s.Driver(), "UPDATE batches SET finished = 1")
		must(t, forget(t, s, gone.Tenant, traces))
		if got := ask(t, s.Driver(), "SELECT CAST(number AS TEXT) FROM batch_lines ORDER BY number"); !slices.Equal(got, []string{"2", "3"}) {
			t.Errorf("lines %v are left", got)
		}
	})
}

// TestForgetClearsChats clears the chats of a conversation that left no experience,
// as refusals and failed ones, with what their errors say; and no others.
func TestForgetClearsChats(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const name = `Q&A "50%"_<1>`
		e := record(t, s, name)
		ids := map[string]bool{} // by what is to be cleared
		for _, c := range []struct {
			tenant, conversation, state string
			gone                        bool
		}{
			{e.Tenant, name, "succeeded", true}, {e.Tenant, name, "failed", true}, {e.Tenant, name, "running", false},
			{e.Tenant, "Q", "failed", false}, {"ten_other", name, "succeeded", false}, {e.Tenant, "", "succeeded", false},
		} {
			id := citing(t, s, job.NewJob{Tenant: c.tenant, Kind: "chat.run", Conversation: c.conversation,
				Input: []byte(`{"said":1}`)})
			exec(t, s.Driver(), fmt.Sprintf(`UPDATE jobs SET state = '%[1]s', phase = '%[1]s', error_code = 'refused', error_message = 'said',
				result = '{}', finished = CASE WHEN '%s' = 'running' THEN NULL ELSE 1 END WHERE id = '%s'`, c.state, c.state, id))
			exec(t, s.Driver(), `INSERT INTO attempts (job, epoch, worker, started, ended, outcome, message)
				VALUES ('`+id+`', 1, 'w', 1, 1, 'failed', 'said')`)
			ids[id] = c.gone
		}
		traces, err := s.Traces(t.Context(), e.Tenant, name, forgetKinds)
		must(t, err)
		must(t, forget(t, s, e.Tenant, traces))
		for id, gone := range ids {
			kept := ask(t, s.Driver(), `SELECT coalesce(j.result, '-') || j.error_code || j.error_message ||
				coalesce(a.message, '-') FROM jobs j JOIN attempts a ON a.job = j.id WHERE j.id = '`+id+`'`)
			asked, err := s.AnyJob(t.Context(), id)
			must(t, err)
			kept[0] = string(asked.Input) + kept[0]
			want := `{"said":1}{}refusedsaidsaid`
			if gone {
				want = `{}-refuseddeleted with the conversation-`
			}
			if !slices.Equal(kept, []string{want}) {
				t.Errorf("%s holds %q, want %q", id, kept, want)
			}
		}
		_, err = s.Traces(t.Context(), e.Tenant, name, forgetKinds)
		want(t, err, db.ErrNotFound)
	})
}

// TestForgetWithoutExperience finds a conversation whose only chat was refused.
func TestForgetWithoutExperience(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := citing(t, s, job.NewJob{Tenant: "ten_1", Kind: "chat.run", Conversation: "talk", Input: []byte(`{"said":1}`)})
		_, err := s.Traces(t.Context(), "ten_1", "talk", forgetKinds)
		want(t, err, db.ErrNotFound) // it has not ended
		exec(t, s.Driver(), "UPDATE jobs SET state = 'succeeded', phase = 'succeeded', finished = 1")
		traces, err := s.Traces(t.Context(), "ten_1", "talk", forgetKinds)
		if must(t, err); traces.Conversation != "talk" || !slices.Equal(traces.Chats, []string{id}) {
			t.Errorf("traces %+v", traces)
		}
		must(t, forget(t, s, "ten_1", traces))
		if got := ask(t, s.Driver(), "SELECT input FROM jobs"); !slices.Equal(got, []string{"{}"}) {
			t.Errorf("the chat holds %v", got)
		}
	})
}

func freeze(t *testing.T, s *store.Store, tenant, sum string, examples ...string) error {
	return s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, _, err := q.AddDataset(t.Context(), learn.Dataset{
			ID: "ds_" + sum, Tenant: tenant, Alias: "assistant", SHA256: sum, Object: sum,
		}, examples)
		return err
	})
}

func forget(t *testing.T, s *store.Store, tenant string, traces learn.Traces) error {
	return s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		if err := q.HoldConversation(t.Context(), tenant, traces.Conversation); err != nil {
			return err
		}
		return q.Forget(t.Context(), tenant, traces, forgetKinds)
	})
}

// moved refuses a memory or a dataset that is not as the traces wanted it.
func moved(t *testing.T, s *store.Store, kept learn.Experience) {
	t.Helper()
	m, err := s.Memory(t.Context(), kept.Tenant)
	if err != nil || len(m.Lessons) != 1 ||
		!strings.HasSuffix(m.Markdown(), "- kept\n  - weight 1.500, from "+kept.ID+"\n") {
		t.Errorf("the memory is %q, %v", m.Markdown(), err)
	}
	d, err := s.Dataset(t.Context(), kept.Tenant, "ds_1")
	if err != nil || d.Rows != 1 || d.SHA256 != "old" || d.Object != "datasets/new/rows.jsonl" {
		t.Errorf("the dataset is %+v, %v", d, err)
	}
	for object, want := range map[string]bool{"datasets/old/rows.jsonl": false, d.Object: true} {
		if used, err := s.DatasetObjectsUsed(t.Context(), []string{object}); err != nil || used[object] != want {
			t.Errorf("%s is used: %v, %v", object, used, err)
		}
	}
}
