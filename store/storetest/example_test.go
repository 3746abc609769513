package storetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

func example(id string, e learn.Experience) learn.Example {
	return learn.Example{
		ID: id, Tenant: e.Tenant, Alias: e.Alias, Dream: "drm_1", Experience: e.ID,
		Messages: []byte(`[{"role":"user"}]`),
		Score:    800, Verdict: "judged", Author: "recorded", Content: "content of " + id,
	}
}

func TestExamplesBecomeADataset(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var e learn.Experience
		var ids []string
		for i := range 5 {
			ids = append(ids, fmt.Sprint("exm_", i))
			e = record(t, s, fmt.Sprint("chat-", i))
			x := example(ids[i], e)
			if i == 4 {
				x.Content = "content of exm_0" // no new row
			}
			must(t, s.AddExample(t.Context(), x))
		}
		newExamples(t, s, e, 4)
		listed(t, ids, func(x learn.Example) string { return x.ID },
			func(p db.Page) ([]learn.Example, bool, error) {
				return s.Examples(t.Context(), e.Tenant, db.Filter{Dream: "drm_1"}, p)
			})
		var rows []string
		must(t, s.TrainingRows(t.Context(), e.Tenant, e.Alias, func(x learn.Example) error {
			rows = append(rows, x.ID)
			return nil
		}))
		if strings.Join(rows, " ") != strings.Join(ids, " ") {
			t.Errorf("training rows are %v", rows)
		}

		d := learn.Dataset{
			ID: "ds_1", Tenant: e.Tenant, Alias: e.Alias, SHA256: "sum", Rows: 3, Object: blob.DatasetObject("sum"),
			Manifest: learn.Manifest{Method: "sft", In: 5, Removed: map[string]int{"duplicate": 1}},
		}
		_, fresh, err := s.AddDataset(t.Context(), d, ids[:3])
		if err != nil || !fresh {
			t.Fatalf("new %t, %v", fresh, err)
		}
		d.ID = "ds_2"
		d, fresh, err = s.AddDataset(t.Context(), d, ids)
		if err != nil || fresh || d.ID != "ds_1" || d.Manifest.Removed["duplicate"] != 1 {
			t.Errorf("the same rows are %+v, new %t, %v", d, fresh, err)
		}
		used, err := s.DatasetExamples(t.Context(), "ds_1", "exm_0", 1)
		if err != nil || strings.Join(used, " ") != "exm_1" {
			t.Errorf("it holds %v, %v", used, err)
		}
		newExamples(t, s, e, 4) // no tune has learned from it yet
		job := running(t, s, e.Tenant, "tun_1")
		tune := learn.Tune{ID: "tun_1", Tenant: e.Tenant, Alias: e.Alias, Base: "b", Job: job.ID, Stage: "done"}
		must(t, s.AddTune(t.Context(), tune))
		tune.Dataset, tune.Evaluation = "ds_1", "evl_1"
		must(t, s.SetTune(t.Context(), tune))
		newExamples(t, s, e, 2) // exm_3, and exm_4 by its own id
		for method, want := range map[string]string{"": "exm_0 exm_1 exm_2", "sft": "exm_0 exm_1 exm_2", "dpo": ""} {
			var learned []string
			err := s.LearnedExamples(t.Context(), e.Tenant, e.Alias, method, func(id string) { learned = append(learned, id) })
			slices.Sort(learned)
			if strings.Join(learned, " ") != want || err != nil {
				t.Errorf("%q has learned from %v, want %s, %v", method, learned, want, err)
			}
		}
	})
}

func newExamples(t *testing.T, s *store.Store, e learn.Experience, wanted int) {
	t.Helper()
	n, err := s.NewExamples(t.Context(), e.Tenant, e.Alias, 100)
	if err != nil || n != wanted {
		t.Errorf("%d new examples, want %d, %v", n, wanted, err)
	}
	bound, err := s.NewExamples(t.Context(), e.Tenant, e.Alias, 1)
	if err != nil || bound != 1 {
		t.Errorf("%d new examples up to 1, %v", bound, err)
	}
}

// TestAnswerExamples finds rows by the hash of their answer: not those of the dream that asks, of another alias,
// or that a person rejected, and none of which the answer has no hash.
func TestAnswerExamples(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		n := 0
		add := func(dream, alias, answer string) string {
			n++
			e := said(fmt.Sprint("answered-", n), n)
			e.ID = db.NewID("exp_")
			must(t, s.AddExperience(t.Context(), e))
			x := learn.Example{
				ID: db.NewID("exm_"), Tenant: "ten_1", Alias: alias, Dream: dream, Experience: e.ID, Messages: []byte(`[]`),
				Verdict: "judged", Author: "recorded", Content: e.ID, Answer: answer,
			}
			must(t, s.AddExample(t.Context(), x))
			return x.ID
		}
		first, second := add("drm_1", "assistant", "sum"), add("drm_2", "assistant", "sum")
		rejected := add("drm_1", "assistant", "sum")
		add("drm_1", "other", "sum")
		add("drm_1", "assistant", "")
		must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
			return q.ReviewExample(t.Context(), "ten_1", rejected, learn.Review{Verdict: learn.ReviewRejected, Reviewer: "key_1"}, "")
		}))
		found := func(answer, dream string, limit int) (ids []string) {
			rows, err := s.AnswerExamples(t.Context(), "ten_1", "assistant", answer, dream, limit)
			must(t, err)
			for _, e := range rows {
				ids = append(ids, e.ID)
			}
			return ids
		}
		for _, c := range []struct {
			answer, dream string
			limit         int
			want          []string
		}{
			{"sum", "drm_3", 9, []string{second, first}}, {"sum", "drm_3", 1, []string{second}},
			{"sum", "drm_2", 9, []string{first}}, {"", "drm_3", 9, nil}, {"other", "drm_3", 9, nil},
		} {
			if got := found(c.answer, c.dream, c.limit); !slices.Equal(got, c.want) {
				t.Errorf("%q without %s: %v, want %v", c.answer, c.dream, got, c.want)
			}
		}
	})
}
