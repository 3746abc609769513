package azure_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/azure"
	"dreamlab/providers/azure/emulator"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

func trainer(t *testing.T, driver providers.Driver) providers.Trainer {
	t.Helper()
	trains, ok := driver.(providers.Trains)
	if !ok {
		t.Fatal("the driver does not train")
	}
	return trains.Trainer()
}

func hyper() providers.TrainSpec {
	return providers.TrainSpec{
		Base: "fast", File: "file-1", Suffix: "dl-1", Epochs: 3, LearningRate: 1e-4, Rank: 16, Alpha: 32, Seed: 1,
	}
}

// The file of a training begins with the mark of byte order, and the job goes to the version
// of the routes that takes a type of training, for the model behind the deployment.
func TestTrainingOnTheWire(t *testing.T) {
	t.Parallel()
	var file string
	var job map[string]any
	driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/openai/v1/files"):
			part, _, err := r.FormFile("file")
			if err != nil {
				t.Error(err)
				return
			}
			text, err := io.ReadAll(part)
			if err != nil || r.FormValue("purpose") != "fine-tune" {
				t.Errorf("purpose %q, %v", r.FormValue("purpose"), err)
			}
			file = string(text)
			answer(201, nil, `{"id":"file-1","status":"pending","filename":"x.jsonl"}`)(w, r)
		case r.URL.RequestURI() == "/openai/fine_tuning/jobs?api-version=2025-04-01-preview":
			if err := json.NewDecoder(r.Body).Decode(&job); err != nil {
				t.Error(err)
			}
			answer(201, nil, `{"id":"ftjob-1","status":"pending","suffix":"dl-1","training_file":"file-1","result_files":null,`+
				`"trained_tokens":null,"fine_tuned_model":null,"created_at":1764000000,"finished_at":null,"error":null}`)(w, r)
		default:
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
	}), map[string]string{"AZURE_OPENAI_DEPLOYMENTS": "fast=gpt-4.1-mini-2025-04-14"})
	training := trainer(t, driver)
	filer, _ := training.(providers.Filer)
	_, err := filer.Upload(t.Context(), providers.Upload{
		Name: "x.jsonl", Size: 3, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("{}\n")), nil },
	})
	if err != nil || file != "\ufeff{}\n" {
		t.Errorf("uploaded %q, %v", file, err)
	}
	made, err := training.Start(t.Context(), hyper())
	if err != nil || made.State != providers.TrainingQueued || made.Base != "fast" || made.Created.Unix() != 1764000000 {
		t.Errorf("made %+v, %v", made, err)
	}
	sent, _ := job["hyperparameters"].(map[string]any)
	if job["model"] != "gpt-4.1-mini-2025-04-14" || job["trainingType"] != "globalStandard" || job["seed"] != 1.0 ||
		sent["n_epochs"] != 3.0 || sent["learning_rate_multiplier"] != 0.1 {
		t.Errorf("asked for %v", job)
	}
	pairs := hyper()
	pairs.Beta, job = 0.1, nil
	if _, err := training.Start(t.Context(), pairs); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"type": "dpo", "dpo": map[string]any{"hyperparameters": map[string]any{
		"n_epochs": 3.0, "learning_rate_multiplier": 0.1, "beta": 0.1,
	}}}
	if !reflect.DeepEqual(job["method"], want) || job["hyperparameters"] != nil {
		t.Errorf("asked for %v", job)
	}
	pairs.Base = "gpt-5-nano"
	if _, err := training.Start(t.Context(), pairs); providers.KindOf(err) != providers.KindInvalid {
		t.Errorf("a model without preferences: %v", err)
	}
}

// No state that Azure may invent is an end.
func TestUnknownStateIsNoEnd(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]providers.TrainingState{
		"pausing": providers.TrainingRunning, "paused": providers.TrainingPaused, "resuming": providers.TrainingRunning,
		"evaluating": providers.TrainingRunning, "Succeeded": providers.TrainingSucceeded, "failed": providers.TrainingFailed,
		"canceled": providers.TrainingCancelled, "created": providers.TrainingQueued, "": providers.TrainingRunning,
	} {
		driver := connect(t, answer(200, nil, `{"id":"ftjob-1","status":"`+status+`"}`), nil)
		got, err := trainer(t, driver).Poll(t.Context(), providers.Handle(`{"id":"ftjob-1","base":"fast"}`))
		if err != nil || got.State != want {
			t.Errorf("%q is %s (%v), want %s", status, got.State, err, want)
		}
	}
}

func TestHostSettings(t *testing.T) {
	t.Parallel()
	for env, value := range map[string]string{
		"AZURE_OPENAI_RESOURCE_ID": "/subscriptions/s/accounts/a", "AZURE_RESOURCE_MANAGER_URL": "nowhere",
		"AZURE_CLIENT_SECRET": "",
	} {
		values := azure.Vendor.Sandbox("http://127.0.0.1:1", providertest.Key)
		values[env] = value
		if _, err := azure.Vendor.Open(providers.Config{Values: values}); err == nil ||
			strings.Contains(err.Error(), providertest.Key) || env != "AZURE_CLIENT_SECRET" && !strings.Contains(err.Error(), env) {
			t.Errorf("%s: %v", env, err)
		}
	}
	values := azure.Vendor.Sandbox("http://127.0.0.1:1", providertest.Key)
	delete(values, "AZURE_OPENAI_RESOURCE_ID")
	driver, err := azure.Vendor.Open(providers.Config{Values: values})
	if err != nil {
		t.Fatal(err)
	}
	if _, hosts := driver.(providers.Host); hosts {
		t.Error("a driver without its resource's id hosts")
	}
}

// A deployment on trial ends after a day, one in service 15 days after its last call. What
// was trained can be deployed again under its name.
func TestDeploymentsEndByThemselves(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	l, err := lab.New(lab.Options{Credential: providertest.Key, Now: func() time.Time { return began }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	driver := connect(t, emulator.New(l), nil)
	host, _ := driver.(providers.Host)
	keeper, _ := driver.(providers.Keeper)
	spec := providers.DeploySpec{Name: "dl-1", Base: "gpt-4.1-mini", Trained: train(t, l, driver)}
	deployed := func() providers.Deployment {
		made, err := host.Deploy(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		l.Advance(time.Hour)
		return made
	}
	is := func(made providers.Deployment, want providers.DeploymentState, when string) {
		t.Helper()
		if now, err := host.Deployment(t.Context(), made.Handle); err != nil || now.State != want {
			t.Errorf("%s it is %s (%v), want %s", when, now.State, err, want)
		}
	}
	trial := deployed()
	is(trial, providers.DeploymentReady, "after an hour")
	l.Advance(24 * time.Hour)
	is(trial, providers.DeploymentStopped, "after a day on trial")
	again := deployed()
	if _, err := keeper.Keep(t.Context(), again.Handle); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l.Advance(14 * 24 * time.Hour)
		if _, err := driver.Chat(t.Context(), request(again.Direct), nil); err != nil {
			t.Errorf("asked every fortnight: %v", err)
		}
	}
	l.Advance(16 * 24 * time.Hour)
	is(again, providers.DeploymentStopped, "after 16 days without a call")
	if _, err := driver.Chat(t.Context(), request(again.Direct), nil); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("asked of what is gone: %v", err)
	}
	is(deployed(), providers.DeploymentReady, "deployed again")
}

// train trains a model and returns what it takes to deploy it.
func train(t *testing.T, l *lab.Lab, driver providers.Driver) providers.Handle {
	t.Helper()
	training := trainer(t, driver)
	filer, _ := training.(providers.Filer)
	rows := strings.Repeat(`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`+"\n", 12)
	file, err := filer.Upload(t.Context(), providers.Upload{
		Name: "rows.jsonl", Size: int64(len(rows)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(rows)), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Advance(time.Hour)
	spec := hyper()
	spec.Base, spec.File = "gpt-4.1-mini", file.ID
	made, err := training.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	l.Advance(24 * time.Hour)
	done, err := training.Poll(t.Context(), made.Handle)
	if err != nil || done.State != providers.TrainingSucceeded {
		t.Fatalf("training %+v, %v", done, err)
	}
	return done.Handle
}
