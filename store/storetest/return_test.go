package storetest_test

import (
	"fmt"
	"testing"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// paid puts a settled amount on a job.
func paid(t *testing.T, s *store.Store, j job.Job, purpose string, nano int64) {
	t.Helper()
	must(t, s.AddEntry(t.Context(), book.Entry{
		Tenant: j.Tenant, Job: j.ID, Step: purpose, Number: 1, Purpose: purpose, Provider: "groq", Model: "m",
		State: book.EntrySettled, Reserved: nano, Settled: nano,
	}))
}

// taught keeps rows of a dream, one for each author; "imagined" is of the lead model.
func taught(t *testing.T, s *store.Store, dream string, authors ...string) (ids []string) {
	t.Helper()
	for i, author := range authors {
		e := said(fmt.Sprintf("%s-%d", dream, i), 1000*i+len(dream))
		e.ID = db.NewID("exp_")
		must(t, s.AddExperience(t.Context(), e))
		x := learn.Example{
			ID: db.NewID("exm_"), Tenant: "ten_1", Alias: "assistant", Dream: dream, Experience: e.ID, Messages: []byte(`[]`),
			Verdict: "judged", Author: author, Content: e.ID,
		}
		if author == "imagined" {
			x.Author, x.Origin = "lead", learn.ExampleImagined
		}
		must(t, s.AddExample(t.Context(), x))
		ids = append(ids, x.ID)
	}
	return ids
}

// examine makes a tune that learned from rows, and its exam.
func examine(t *testing.T, s *store.Store, id string, nano, winRate int64, decision string, rows []string) {
	t.Helper()
	j := running(t, s, "ten_1", "tun_"+id)
	tune := learn.Tune{
		ID: "tun_" + id, Tenant: "ten_1", Alias: "assistant", Base: "groq/b", Job: j.ID, Stage: "curate", State: []byte("{}"),
	}
	must(t, s.AddTune(t.Context(), tune))
	must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, _, err := q.AddDataset(t.Context(), learn.Dataset{
			ID: "ds_" + id, Tenant: "ten_1", Alias: "assistant", SHA256: id, Rows: int64(len(rows)), Object: id,
		}, rows)
		return err
	}))
	must(t, s.AddEvaluation(t.Context(), learn.Evaluation{
		ID: "evl_" + id, Tenant: "ten_1", Alias: "assistant", Tune: tune.ID, Candidate: "groq/t" + id, Incumbent: "groq/b",
		Report: learn.Report{WinRate: winRate, Decision: decision},
	}))
	tune.Dataset, tune.Evaluation, tune.Stage = "ds_"+id, "evl_"+id, "done"
	must(t, s.SetTune(t.Context(), tune))
	paid(t, s, j, "train", nano)
	finish(t, s, j)
}

// TestReturnsWithoutRows reads the returns where no row is left that a dream made: what models learned from was forgotten.
func TestReturnsWithoutRows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		examine(t, s, "1", 800, 5_800, "promote", taught(t, s, "drm_gone", "lead", "user"))
		got, err := s.Returns(t.Context(), "ten_1")
		must(t, err)
		for _, r := range got {
			if r.Rows != 0 || r.Tunes != 1 {
				t.Errorf("returns %+v", got)
			}
		}
	})
}

// TestReturns divides a dream's costs among the rows that models were asked about, a tune's costs and points among all
// of its rows, and counts a row once that two tunes learned from.
func TestReturns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if none, err := s.Returns(t.Context(), "ten_1"); err != nil || len(none) != 0 {
			t.Errorf("before any tune: %+v, %v", none, err)
		}
		dream := running(t, s, "ten_1", "drm_1")
		must(t, s.AddDream(t.Context(), learn.Dream{ID: "drm_1", Tenant: "ten_1", Job: dream.ID, Mode: "live"}))
		rows := taught(t, s, "drm_1", "user", "lead", "lead", "imagined", "recorded") // the last one is not trained on
		paid(t, s, dream, "replay", 4_000)
		finish(t, s, dream)
		examine(t, s, "1", 800, 5_800, "promote", rows[:4])
		examine(t, s, "2", 400, 6_000, "undecided", rows[1:3])
		got, err := s.Returns(t.Context(), "ten_1")
		must(t, err)
		want := []store.Return{
			{Source: "imagined", Rows: 1, Nano: 1_000 + 200, Points: 200, Tunes: 1},
			{Source: "lead", Rows: 2, Nano: 2_000 + 400 + 400, Points: 400, Tunes: 2},
			{Source: "user", Rows: 1, Nano: 200, Points: 200, Tunes: 1},
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("returns %+v, want %+v", got, want)
		}
		if nano, ok := got[1].PerPoint(); !ok || nano != 700 {
			t.Errorf("a point cost %d, %v", nano, ok)
		}
		if _, ok := (store.Return{Nano: 5}).PerPoint(); ok {
			t.Error("a point that is not there has a price")
		}
		if other, err := s.Returns(t.Context(), "ten_2"); err != nil || len(other) != 0 {
			t.Errorf("of another tenant: %+v, %v", other, err)
		}
	})
}
