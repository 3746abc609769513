package tune

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/mix"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// alone asks for a training of a client's file, as POST /v1/fine_tuning/jobs does.
func (b *bench) alone(provider string) job.NewJob {
	b.Helper()
	s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 100}}, newHeldOut())
	for i := range 12 {
		s.add(example(fmt.Sprint(i), fmt.Sprintf("Please explain the %s.", topics[i]), answerFor(topics[i]), 1))
	}
	made := s.done("")
	job := job.NewJob{
		ID: db.NewID("job_"), Tenant: b.tenant, Kind: string(tasks.TuneStart), Lane: string(tasks.Tune),
		Subject: db.NewID("ftjob-"),
	}
	object := blob.FileObject("file-" + job.Subject)
	b.must(b.deps.Bucket.Create(b.ctx, object, strings.NewReader(string(made.file))))
	job.Input = plainjson.Of(tasks.TrainInput{Training: job.Subject})
	b.accept(job, func(q *store.Queries) error {
		return q.AddTraining(b.ctx, learn.Training{
			ID: job.Subject, Tenant: b.tenant, Job: job.ID, File: "file-1", Provider: provider,
			Base: strings.SplitN(b.base, "/", 2)[1], Status: statusValidating, Spec: plainjson.Of(tasks.TrainingSpec{
				SHA256: made.manifest.SHA256, Bytes: made.manifest.Bytes, Object: object,
			}),
		})
	})
	return job
}

func (b *bench) trainingOf(job job.NewJob) learn.Training {
	b.Helper()
	training, err := b.store.Training(b.ctx, b.tenant, job.Subject)
	b.must(err)
	return training
}

// A training alone ends with a model that is registered and costs nothing: it is
// deployed nowhere, and a call to it says so.
func TestTrainingAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{})
	job := b.alone("together")
	b.run(nil)
	training := b.trainingOf(job)
	if training.Status != learn.TrainingSucceeded || training.Finished.IsZero() || training.Cost == 0 {
		t.Fatalf("training %+v", training)
	}
	model, err := b.store.Model(b.ctx, b.tenant, training.Model)
	if err != nil || model.State != learn.ModelTrained {
		t.Errorf("model %+v, %v", model, err)
	}
	if n := b.count("POST", "/v2/projects/sandbox/endpoints"); n != 0 || b.paid("hosting:") != 0 {
		t.Errorf("%d endpoints were made, %d paid for hosting", n, b.paid("hosting:"))
	}
	_, err = b.deps.Caller.Resolve(b.ctx, b.store.Queries, b.tenant, training.Model, "")
	if !handlers.Failed(err, "model_not_found") || !strings.Contains(err.Error(), "is not deployed") {
		t.Errorf("a call to it fails with %v", err)
	}
	b.reap(2)
	b.wantNothingServed()
	b.wantBooksClosed()
}

// TestTrainingWithValidation brings the file that a training is measured on to the
// vendor, which refuses one that it has not.
func TestTrainingWithValidation(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{})
	job := b.alone("together")
	training := b.trainingOf(job)
	var spec tasks.TrainingSpec
	b.must(json.Unmarshal(training.Spec, &spec))
	row := `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}` + "\n"
	object := blob.FileObject("file-validation-" + job.Subject)
	b.must(b.deps.Bucket.Create(b.ctx, object, strings.NewReader(row)))
	sum := sha256.Sum256([]byte(row))
	spec.Validation = &tasks.ValidationFile{
		File: "file-2", SHA256: hex.EncodeToString(sum[:]), Object: object, Bytes: int64(len(row)),
	}
	training.Spec = plainjson.Of(spec)
	b.must(b.store.Tx(b.ctx, db.Synced, func(q *store.Queries) error { return q.SetTraining(b.ctx, training) }))
	b.run(nil)
	training = b.trainingOf(job)
	b.must(json.Unmarshal(training.Spec, &spec))
	if training.Status != learn.TrainingSucceeded || spec.Validation.FileID == "" || spec.Validation.FileID == spec.FileID {
		t.Errorf("%s, %+v: %s", training.Status, spec.Validation, training.Error)
	}
}

// What was served for a training alone, and nothing routes to, is ended.
func TestServedForNobodyIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	b.decided(id)
	name := b.training(id).Model
	_, err := b.store.Driver().Exec(b.ctx, "UPDATE models SET tune = NULL WHERE name = $1", name)
	b.must(err)
	b.reap(3)
	b.wantPromoted()
	tuned, err := b.store.Route(b.ctx, b.tenant, learn.DefaultAlias)
	b.must(err)
	route := tuned
	route.Targets, route.Origin = []learn.RouteTarget{{Model: baseModel, Weight: 1}}, 0
	route, err = b.store.SetRoute(b.ctx, route)
	b.must(err)
	b.reap(3)
	b.wantPromoted() // it is kept for the hold time, as a rollback leads to it
	b.ahead += time.Hour
	b.reap(3)
	b.wantNothingServed()
	tuned.Version = route.Version // a rollback behind that starts it again
	_, err = b.store.SetRoute(b.ctx, tuned)
	b.must(err)
	b.reap(4)
	b.wantPromoted()
}

// A tenant's deletion ends the cost, whatever routes to the model.
func TestWithdrawnModelIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	b.decided(id)
	name := b.training(id).Model
	b.must(b.store.WithdrawModel(b.ctx, b.tenant, name))
	b.reap(3)
	b.wantNothingServed()
	_, err := b.deps.Caller.Resolve(b.ctx, b.store.Queries, b.tenant, name, "")
	if !handlers.Failed(err, "model_not_found") {
		t.Errorf("a call to it fails with %v", err)
	}
	tiers, err := b.deps.Caller.Resolve(b.ctx, b.store.Queries, b.tenant, learn.DefaultAlias, "")
	if err != nil || tiers[0][0].String() != baseModel {
		t.Errorf("the alias goes to %v, %v", tiers, err)
	}
}

// A training whose vendor has no fine-tuning, or is not configured, ends with its
// job and holds up nobody else's.
func TestTrainingEndsWithItsJob(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{})
	var bad []job.NewJob
	for range maxReaped + 1 {
		bad = append(bad, b.alone("nobody"))
	}
	b.run(nil)
	shown := b.trainingOf(bad[0]).Shown()
	if shown.Status != learn.TrainingFailed || !strings.Contains(shown.Error, "nobody") {
		t.Errorf("before the reaper it is %s: %s", shown.Status, shown.Error)
	}
	good := b.alone("together")
	b.run(func() bool { return decode[tasks.TrainingSpec](b, b.trainingOf(good).Spec).Phase == phaseTrain })
	b.cancelJob(good.ID)
	for range 3 {
		_, err := Reap(b.ctx, b.store, b.deps)
		b.must(err)
		b.pass()
	}
	for _, job := range append(bad, good) {
		training := b.trainingOf(job)
		if !training.Ended() || training.Finished.IsZero() || (training.Error == "") != (job.ID == good.ID) {
			t.Errorf("training %s: %q, finished %v", training.Status, training.Error, training.Finished)
		}
	}
	b.wantBooksClosed()
}

// A cancel is carried out at once, without any clock.
func TestCancelIsCarriedOutAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{})
	j := b.alone("together")
	b.run(func() bool { return decode[tasks.TrainingSpec](b, b.trainingOf(j).Spec).Phase == phaseTrain })
	b.cancelJob(j.ID)
	if shown := b.trainingOf(j).Shown(); shown.Status != learn.TrainingCancelled || shown.Error != "" {
		t.Errorf("it is shown as %s: %s", shown.Status, shown.Error)
	}
	b.accept(job.NewJob{
		Tenant: "system", Kind: string(tasks.TuneReap), Lane: string(tasks.Tune),
		Input: plainjson.Of(tasks.ReapInput{Tenant: b.tenant, Training: j.Subject}),
	}, func(*store.Queries) error { return nil })
	for b.turn() { // nobody waits for time to pass
	}
	at := "/v1/fine-tunes/" + b.trainingOf(j).VendorID + "/cancel"
	if n := b.count("POST", at); n != 1 {
		t.Errorf("the vendor was asked to cancel %d times", n)
	}
}

// A clock of the reaper's own goes round without any schedule.
func TestReaperHasItsOwnClock(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{})
	job := b.alone("nobody")
	b.run(nil)
	ctx, stop := context.WithCancel(b.ctx)
	rounds, ended := make(chan struct{}), make(chan error, 1)
	r := &Reaper{Store: b.store, Deps: b.deps, Every: time.Millisecond, rounds: rounds}
	go func() { ended <- r.Run(ctx) }()
	<-rounds
	go func() {
		for range rounds { // the last round may have begun
		}
	}()
	stop()
	b.must(<-ended)
	close(rounds)
	if !b.trainingOf(job).Ended() {
		t.Error("the reaper did not go round")
	}
}
