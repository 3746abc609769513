package forget_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"dreamlab/handlers/handlertest"
	"dreamlab/handlers/tune"
	"dreamlab/providers"
	"dreamlab/store/blob"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// train leaves the conversation in a vendor's file, which a training reads, and in a model.
func (s *scene) train(dataset learn.Dataset) (providers.Filer, learn.Training) {
	s.t.Helper()
	trainer, err := s.Router.Trainer("together")
	must(s.t, err)
	filer, ok := trainer.(providers.Filer)
	if !ok {
		s.t.Fatal("together takes no files")
	}
	content := []byte(strings.Repeat(rowOf(secret)+"\n", 12))
	file, err := filer.Upload(s.t.Context(), providers.Upload{Name: "rows.jsonl", Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }})
	must(s.t, err)
	run := s.Claim(s.t, job.NewJob{Kind: string(tasks.TuneCurate), Subject: "tun_1"}, tasks.TuneInput{})
	tune := learn.Tune{ID: "tun_1", Tenant: s.Tenant, Alias: "assistant", Base: handlertest.Base, Job: run.Job.ID,
		Stage: "train", State: []byte("{}")}
	must(s.t, s.Store.AddTune(s.t.Context(), tune))
	tune.Dataset = dataset.ID
	must(s.t, s.Store.SetTune(s.t.Context(), tune))
	training := learn.Training{ID: "ftjob-1", Tenant: s.Tenant, Tune: "tun_1", Job: run.Job.ID, Provider: "together",
		Base: "b", Status: "running", Spec: plainjson.Of(tasks.TrainingSpec{FileID: file.ID})}
	must(s.t, s.Store.AddTraining(s.t.Context(), training))
	must(s.t, s.Store.AddModel(s.t.Context(), learn.Model{Name: "together/tuned", Tenant: s.Tenant, Alias: "assistant",
		Provider: "together", Base: handlertest.Base, Tune: "tun_1", Training: "ftjob-1", State: learn.ModelServing}))
	return filer, training
}

// TestForgetMarksModels has the vendor's file go once the training that reads it has
// ended; what learned from the conversation is marked and named.
func TestForgetMarksModels(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		s := newScene(t, b)
		s.Put(t, blob.DatasetObject("own"), []byte(rowOf(secret)+"\n"))
		dataset := s.freeze(s.Tenant, "own", s.teach())
		s.endDream()
		filer, training := s.train(dataset)
		run := s.begin()
		end, err := s.round(run)
		must(t, err)
		done := s.Finish(t, run, end)
		s.check(done)
		if _, found, err := filer.FindFile(t.Context(), "rows.jsonl"); !found || err != nil {
			t.Errorf("the file went while it was read: %v", err)
		}
		training.Status = learn.TrainingSucceeded
		must(t, s.Store.SetTraining(t.Context(), training))
		reaper := tune.Deps{Caller: b.Caller(), Vendors: b.Router, Bucket: b.Bucket, Prices: b.Prices}
		_, err = tune.Reap(t.Context(), b.Store, reaper)
		must(t, err)
		if left, err := b.Store.TaintedTrainings(t.Context(), 9); err != nil || len(left) > 0 {
			t.Errorf("left for the next round: %v, %v", left, err)
		}
		if _, found, err := filer.FindFile(t.Context(), "rows.jsonl"); found || err != nil {
			t.Errorf("the vendor has the file still: %v, %v", found, err)
		}
		var told tasks.Forgotten
		must(t, json.Unmarshal(done.Result, &told))
		one := []string{"together/tuned"}
		if !slices.Equal(told.Models, one) || !slices.Equal(told.Serving, one) || !strings.Contains(told.Advice, "POST /v1/tunes") {
			t.Errorf("told %s", done.Result)
		}
		s.tainted(dataset.ID)
	})
}

// tainted makes sure that all is marked, and that the model can not be given traffic.
func (s *scene) tainted(dataset string) {
	s.t.Helper()
	d, errD := s.Store.Dataset(s.t.Context(), s.Tenant, dataset)
	tune, errT := s.Store.Tune(s.t.Context(), s.Tenant, "tun_1")
	model, errM := s.Store.Model(s.t.Context(), s.Tenant, "together/tuned")
	must(s.t, errors.Join(errD, errT, errM))
	if d.Tainted.IsZero() || tune.Tainted.IsZero() || model.Tainted.IsZero() {
		s.t.Errorf("not marked: dataset %v, tune %v, model %v", d.Tainted, tune.Tainted, model.Tainted)
	}
	later := learn.Model{Name: "together/later", Tenant: s.Tenant, Provider: "together", Tune: "tun_1", State: learn.ModelTrained}
	must(s.t, s.Store.AddModel(s.t.Context(), later))
	for _, name := range []string{"together/tuned", "together/later"} {
		route, err := s.Store.Route(s.t.Context(), s.Tenant, "assistant")
		must(s.t, err)
		route.Tenant, route.Targets = s.Tenant, []learn.RouteTarget{{Model: name, Weight: 1}}
		_, err = s.Store.SetRoute(s.t.Context(), route)
		var tainted *learn.TaintedError
		if !errors.As(err, &tainted) || tainted.Model != name {
			s.t.Errorf("%s was given traffic: %v", name, err)
		}
	}
}
