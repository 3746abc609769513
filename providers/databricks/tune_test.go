package databricks_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/databricks"
	"dreamlab/providers/databricks/emulator"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

const base = "databricks-meta-llama-3-1-8b-instruct"

// connect returns a driver whose calls handler answers; change changes its settings.
func connect(t *testing.T, handler http.Handler, change map[string]string) providers.Driver {
	t.Helper()
	server := httptest.NewServer(handler)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	settings := values(server.URL)
	for env, value := range change {
		settings[env] = value
	}
	driver, err := databricks.Vendor.Open(providers.Config{Values: settings, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func trainer(t *testing.T, driver providers.Driver) providers.Trainer {
	t.Helper()
	trains, ok := driver.(providers.Trains)
	if !ok {
		t.Fatal("the driver does not train")
	}
	return trains.Trainer()
}

func spec() providers.TrainSpec {
	return providers.TrainSpec{
		Base: base, File: "/Volumes/dreamlab/tuning/files/rows/x.jsonl", Suffix: "dl-1", Epochs: 3, LearningRate: 1e-4, Rank: 16,
		Alpha: 32, Seed: 1,
	}
}

// wire answers a training's calls and keeps their bodies by their paths.
func wire(t *testing.T, asked map[string]map[string]any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", "3000")
			return
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		asked[r.URL.Path] = body
		if _, err := io.WriteString(w, `{"run_id":77}`); err != nil {
			t.Error(err)
		}
	})
}

// A run is one task on the accelerator of its base, paid once: nothing is tried again, its
// token holds for a repetition, and its time is bounded.
func TestTrainingOnTheWire(t *testing.T) {
	t.Parallel()
	asked := map[string]map[string]any{}
	made, err := trainer(t, connect(t, wire(t, asked), nil)).Start(t.Context(), spec())
	if err != nil || made.ID != "77" || made.State != providers.TrainingQueued {
		t.Fatalf("made %+v, %v", made, err)
	}
	submitted := asked["/api/2.2/jobs/runs/submit"]
	token, _ := submitted["idempotency_token"].(string)
	name, _ := submitted["run_name"].(string)
	task, _ := submitted["tasks"].([]any)[0].(map[string]any)
	sent, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	if len(token) != 64 || !strings.Contains(name, "dl-1") || submitted["timeout_seconds"] != 10809.0 {
		t.Errorf("submitted %v", submitted)
	}
	for _, part := range []string{
		`"max_retries":0`, `"retry_on_timeout":false`, `"accelerator_type":"GPU_1xH100"`, `"accelerator_count":1`,
		`"command_path":"/Workspace/Shared/dreamlab/dl-1.sh"`, `"mlflow_experiment_directory":"/Workspace/Shared/dreamlab"`,
	} {
		if !strings.Contains(string(sent), part) {
			t.Errorf("the task lacks %s: %s", part, sent)
		}
	}
	content, _ := asked["/api/2.0/workspace/import"]["content"].(string)
	command, err := base64.StdEncoding.DecodeString(content)
	if err != nil || !strings.HasPrefix(string(command), "#!/bin/bash\n") ||
		!strings.Contains(string(command), `"model":"dreamlab.tuning.dreamlab_dl_1"`) ||
		!strings.Contains(string(command), `"weights":"system.ai.meta_llama_v3_1_8b_instruct"`) {
		t.Errorf("command %.200s, %v", command, err)
	}
}

// No state that Databricks may invent is an end, and no result but success is one.
func TestStatesOfRuns(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]providers.TrainingState{
		`"life_cycle_state":"PENDING"`: providers.TrainingQueued, `"life_cycle_state":"BLOCKED"`: providers.TrainingQueued,
		`"life_cycle_state":"WAITING_FOR_RETRY"`: providers.TrainingQueued, `"life_cycle_state":"RUNNING"`: providers.TrainingRunning,
		`"life_cycle_state":"TERMINATING"`: providers.TrainingRunning, `"life_cycle_state":"DREAMING"`: providers.TrainingRunning,
		`"life_cycle_state":"SKIPPED"`:                                        providers.TrainingFailed,
		`"life_cycle_state":"INTERNAL_ERROR"`:                                 providers.TrainingFailed,
		`"life_cycle_state":"TERMINATED","result_state":"SUCCESS"`:            providers.TrainingSucceeded,
		`"life_cycle_state":"TERMINATED","result_state":"CANCELED"`:           providers.TrainingCancelled,
		`"life_cycle_state":"TERMINATED","result_state":"TIMEDOUT"`:           providers.TrainingFailed,
		`"life_cycle_state":"TERMINATED","result_state":"UPSTREAM_EVAPORATE"`: providers.TrainingFailed,
		`"life_cycle_state":"TERMINATED"`:                                     providers.TrainingFailed,
		``:                                                                    providers.TrainingRunning,
	} {
		driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := fmt.Fprintf(w, `{"run_id":77,"state":{%s}}`, state); err != nil {
				t.Error(err)
			}
		}), nil)
		got, err := trainer(t, driver).Poll(t.Context(), providers.Handle(`{"run":77,"model":"m","base":"`+base+`"}`))
		if err != nil || got.State != want || got.State == providers.TrainingFailed && got.Reason == "" {
			t.Errorf("%s is %+v (%v), want %s", state, got, err, want)
		}
	}
}

// world is an emulator on a clock that only the test moves, and a driver.
type world struct {
	providers.Driver
	lab *lab.Lab
}

func newWorld(t *testing.T, change map[string]string) *world {
	t.Helper()
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
	return &world{connect(t, emulator.New(l), change), l}
}

// upload brings some rows into the volume and returns a training on them.
func (w *world) upload(t *testing.T) providers.TrainSpec {
	t.Helper()
	filer, _ := trainer(t, w).(providers.Filer)
	rows := strings.Repeat(`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`+"\n", 12)
	file, err := filer.Upload(t.Context(), providers.Upload{
		Name: "rows.jsonl", Size: int64(len(rows)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(rows)), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := spec()
	asked.File = file.ID
	return asked
}

// Trainer and Trains pass through the embedded driver.
func (w *world) Trainer() providers.Trainer {
	trains, _ := w.Driver.(providers.Trains)
	return trains.Trainer()
}

func (w *world) paid(prefix string) (nano int64) {
	for _, p := range w.lab.Payments() {
		if strings.HasPrefix(p.Model, prefix) {
			nano += p.NanoUSD
		}
	}
	return nano
}

// However often a training is submitted, there is one run, and one bill.
func TestTrainingIsStartedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	asked, training := w.upload(t), trainer(t, w)
	if err := w.lab.AddFault(lab.Fault{Vendor: "databricks", Method: "POST", Route: "/submit$", Kind: lab.FaultDropAfter, Times: new(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := training.Start(t.Context(), asked); err == nil {
		t.Fatal("the lost answer is no error")
	}
	once := w.paid("fine-tune:")
	var ids []string
	for range 3 {
		w.lab.Advance(time.Minute)
		made, err := training.Start(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, made.ID)
	}
	found, ok, err := training.Find(t.Context(), asked, time.Time{})
	if err != nil || !ok || slices.ContainsFunc(ids, func(id string) bool { return id != found.ID }) {
		t.Errorf("runs %v, found %+v, %v", ids, found, err)
	}
	if again := w.paid("fine-tune:"); once <= 0 || again != once {
		t.Errorf("paid %d, then %d", once, again)
	}
}

// What a run is told to have cost is what was billed: DBU by the time that it ran, and no
// more than was estimated.
func TestTrainingIsBilledByTheHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	asked, training := w.upload(t), trainer(t, w)
	estimator, _ := training.(providers.Estimator)
	estimate, err := estimator.Estimate(t.Context(), asked)
	if err != nil || !estimate.Available {
		t.Fatalf("estimate %+v, %v", estimate, err)
	}
	made, err := training.Start(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	w.lab.Advance(24 * time.Hour)
	done, err := training.Poll(t.Context(), made.Handle)
	if paid := w.paid("fine-tune:"); err != nil || done.State != providers.TrainingSucceeded || done.Nano != paid || paid > estimate.Nano {
		t.Errorf("%+v, %v: paid %d, estimated %d", done, err, paid, estimate.Nano)
	}
}

// A run on hardware that is out of order fails, and costs what it ran.
func TestTrainingFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	asked, training := w.upload(t), trainer(t, w)
	if err := w.lab.AddFault(lab.Fault{Vendor: "databricks", Kind: lab.FaultFailTraining, Message: "The node was lost."}); err != nil {
		t.Fatal(err)
	}
	made, err := training.Start(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	w.lab.Advance(24 * time.Hour)
	done, err := training.Poll(t.Context(), made.Handle)
	if err != nil || done.State != providers.TrainingFailed || done.Reason != "The node was lost." || done.Nano != w.paid("fine-tune:") {
		t.Errorf("%+v, %v: paid %d", done, err, w.paid("fine-tune:"))
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for env, value := range map[string]string{
		"DATABRICKS_HOST": "nowhere", "DATABRICKS_TOKEN": "", "DATABRICKS_VOLUME": "/tmp", "DATABRICKS_FOLDER": "Shared",
		"DATABRICKS_TUNED": "a", "DATABRICKS_TRAINING": "a=GPU/many", "DATABRICKS_SERVING": "a=0", "DATABRICKS_DBU_USD": "cheap",
	} {
		settings := values("http://127.0.0.1:1")
		settings[env] = value
		_, err := databricks.Vendor.Open(providers.Config{Values: settings})
		if err == nil || !strings.Contains(err.Error(), env) || strings.Contains(err.Error(), providertest.Key) {
			t.Errorf("%s: %v", env, err)
		}
	}
	settings := values("http://127.0.0.1:1")
	delete(settings, "DATABRICKS_VOLUME")
	driver, err := databricks.Vendor.Open(providers.Config{Values: settings})
	if err != nil {
		t.Fatal(err)
	}
	if _, trains := driver.(providers.Trains); trains {
		t.Error("a driver without a volume trains")
	}
}

// A service principal's tokens are renewed, and its secret is never shown.
func TestServicePrincipal(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]providers.Kind{providertest.Key: "", "wrong-secret-1234567890": providers.KindAuth} {
		w := newWorld(t, map[string]string{
			"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_ID": emulator.Client, "DATABRICKS_CLIENT_SECRET": secret,
		})
		for range 3 {
			_, err := w.Models(t.Context())
			if (err != nil) != (want != "") || err != nil && providers.KindOf(err) != want || err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("models: %v, want %q", err, want)
			}
		}
		asked := 0
		for _, r := range w.lab.Requests() {
			if r.Path == "/oidc/v1/token" {
				asked++
			}
		}
		if want == "" && asked != 1 {
			t.Errorf("%d tokens were asked for", asked)
		}
	}
}
