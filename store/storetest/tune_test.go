package storetest_test

import (
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

func TestTune(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		job := running(t, s, "ten_1", "tun_1")
		tune := learn.Tune{
			ID: "tun_1", Tenant: "ten_1", Alias: "assistant", Base: "groq/b", Job: job.ID, Stage: "curate",
		}
		must(t, s.AddTune(t.Context(), tune))
		other := tune
		other.ID = "tun_2"
		want(t, s.AddTune(t.Context(), other), db.ErrConflict)

		tune.Stage, tune.Dataset, tune.Training, tune.Evaluation = "done", "ds_1", "ftjob-1", "evl_1"
		tune.Decision, tune.State = &learn.Decision{Promoted: true, Reason: "better"}, []byte(`{"x":1}`)
		must(t, s.SetTune(t.Context(), tune))
		finish(t, s, job)
		got, err := s.Tune(t.Context(), "ten_1", "tun_1")
		must(t, err)
		recent(t, got.Finished)
		if !got.Decision.Promoted || got.Training != "ftjob-1" || string(got.State) != `{"x":1}` {
			t.Errorf("got %+v", got)
		}
		must(t, s.AddTune(t.Context(), other))
		listed(t, []string{"tun_1", "tun_2"}, func(tune learn.Tune) string { return tune.ID },
			func(p db.Page) ([]learn.Tune, bool, error) { return s.Tunes(t.Context(), "ten_1", db.Filter{}, p) })
		want(t, s.SetTune(t.Context(), learn.Tune{ID: "tun_3"}), db.ErrNotFound)
	})
}

func TestTraining(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		training := learn.Training{
			ID: "ftjob-1", Tenant: "ten_1", Job: "job_1", File: "file-1", Provider: "groq", Base: "b", Suffix: "s",
			Status: "queued", Spec: []byte(`{"epochs":3}`),
		}
		must(t, s.AddTraining(t.Context(), training))
		want(t, s.AddTraining(t.Context(), training), db.ErrConflict)
		training.Status, training.Model, training.Tokens, training.Cost = "succeeded", "groq/tuned", 1<<40, 1<<50
		must(t, s.SetTraining(t.Context(), training))
		first, err := s.Training(t.Context(), "ten_1", "ftjob-1")
		must(t, err)
		recent(t, first.Finished)
		must(t, s.SetTraining(t.Context(), training))
		again, err := s.Training(t.Context(), "ten_1", "ftjob-1")
		if err != nil || !again.Finished.Equal(first.Finished) || again.Cost != 1<<50 || again.Tune != "" {
			t.Errorf("got %+v, %v", again, err)
		}
		listed(t, []string{"ftjob-1"}, func(training learn.Training) string { return training.ID },
			func(p db.Page) ([]learn.Training, bool, error) {
				return s.Trainings(t.Context(), "ten_1", db.Filter{}, p)
			})
	})
}

func TestModelAndEvaluation(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		model := learn.Model{
			Name: "groq/ft:b:x", Tenant: "ten_1", Alias: "assistant", Provider: "groq", Base: "groq/b", Tune: "tun_1",
			State: "candidate", Priced: "groq/b", NanoPerHour: 9_000_000_000,
		}
		for range 2 {
			must(t, s.AddModel(t.Context(), model))
		}
		must(t, s.SetModelState(t.Context(), model.Name, "serving"))
		got, err := s.Model(t.Context(), "ten_1", model.Name)
		if err != nil || got.State != "serving" || got.NanoPerHour != 9_000_000_000 || got.Handle != nil {
			t.Errorf("got %+v, %v", got, err)
		}
		want(t, s.SetModelState(t.Context(), "groq/none", "stopped"), db.ErrNotFound)

		must(t, s.AddEvaluation(t.Context(), learn.Evaluation{
			ID: "evl_1", Tenant: "ten_1", Alias: "assistant", Tune: "tun_1",
			Candidate: model.Name, Incumbent: "groq/b",
			Report: learn.Report{Wins: 20, Floors: map[string]learn.Floor{"safety": {Floor: 9900, Passed: true}}},
		}))
		report, err := s.Evaluation(t.Context(), "ten_1", "evl_1")
		if err != nil || report.Report.Wins != 20 || !report.Report.Floors["safety"].Passed {
			t.Errorf("got %+v, %v", report, err)
		}
	})
}

// A comparison is stored once, only while its experience is there, and is found by its filters.
func TestComparisons(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, id := range []string{"exp_1", "exp_2"} {
			e := learn.Experience{ID: id, Tenant: "ten_1", External: id, Prompt: []byte(`[]`), Answer: []byte(`{}`)}
			e.Seal()
			must(t, s.AddExperience(t.Context(), e))
		}
		lost := learn.Comparison{Experience: "exp_1", Outcome: learn.Loss, Judged: true, Said: &learn.Said{Candidate: "no"}}
		for range 2 {
			must(t, s.AddComparison(t.Context(), "ten_1", "evl_1", lost))
		}
		must(t, s.AddComparison(t.Context(), "ten_1", "evl_1", learn.Comparison{Experience: "exp_2", Outcome: learn.Win, Checked: true}))
		must(t, s.AddComparison(t.Context(), "ten_1", "evl_1", learn.Comparison{Experience: "exp_gone"}))
		must(t, s.AddComparison(t.Context(), "ten_2", "evl_1", learn.Comparison{Experience: "exp_1"}))
		for want, f := range map[string]learn.ComparisonFilter{
			"exp_1 exp_2": {}, "exp_1": {Lost: new(true), Disagreed: new(true)}, "exp_2": {Checked: new(true), Outcome: learn.Win},
			"": {Lost: new(true), Checked: new(true)},
		} {
			rows, _, err := s.Comparisons(t.Context(), "ten_1", "evl_1", f, db.Page{Ascending: true})
			must(t, err)
			var got []string
			for _, p := range rows {
				got = append(got, p.Experience)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%+v finds %v, want %q", f, got, want)
			}
		}
		got, err := s.Comparison(t.Context(), "ten_1", "evl_1", "exp_1")
		if err != nil || got.Outcome != learn.Loss || got.Said.Candidate != "no" || got.Conversation == "" {
			t.Errorf("got %+v, %v", got, err)
		}
		_, err = s.Comparison(t.Context(), "ten_2", "evl_1", "exp_1")
		want(t, err, db.ErrNotFound)
	})
}
