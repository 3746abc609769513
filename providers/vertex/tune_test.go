package vertex_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/vertex"
)

const scout = "meta/llama-4-scout-17b-16e-instruct-maas"

// tuningAt opens a driver on a server that gives tokens and leaves the rest to a handler.
func tuningAt(t *testing.T, handler http.HandlerFunc) providers.Driver {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if isToken(r) {
			say(t, w, `{"access_token":"t","expires_in":3599,"token_type":"Bearer"}`)
			return
		}
		handler(w, r)
	}))
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := vertex.Vendor.Open(providers.Config{Values: settings(server.URL), HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func say(t *testing.T, w io.Writer, body string) {
	t.Helper()
	if _, err := io.WriteString(w, body); err != nil {
		t.Error(err)
	}
}

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
		Base: scout, File: "gs://dreamlab-batches/vertex/tunes/x.jsonl", Suffix: "dl-1", Epochs: 3, BatchSize: 4,
		LearningRate: 2e-5, Rank: 20, Alpha: 40, Seed: 1,
	}
}

// A training is asked for in the version that has open models, in a region, by the name of the
// weights, with long numbers as texts and a directory of its own.
func TestTrainingOnTheWire(t *testing.T) {
	t.Parallel()
	var asked struct {
		Base   string            `json:"baseModel"`
		Labels map[string]string `json:"labels"`
		Output string            `json:"outputUri"`
		Spec   json.RawMessage   `json:"supervisedTuningSpec"`
	}
	driver := tuningAt(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1beta1/projects/dreamlab-sandbox/locations/us-central1/tuningJobs" {
			t.Errorf("asked %s", r.URL.Path)
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		say(t, w, `{"name":"projects/123/locations/us-east5/tuningJobs/77","state":"JOB_STATE_PENDING","labels":{"dreamlab":"dl-1"},`+
			`"createTime":"2026-08-21T10:00:00Z","outputUri":"gs://dreamlab-batches/vertex/tuned/dl-1"}`)
	})
	made, err := trainer(t, driver).Start(t.Context(), hyper())
	if err != nil || made.ID != "77" || made.State != providers.TrainingQueued || made.Suffix != "dl-1" || made.Created.Year() != 2026 {
		t.Errorf("made %+v, %v", made, err)
	}
	const spec = `{"trainingDatasetUri":"gs://dreamlab-batches/vertex/tunes/x.jsonl","tuningMode":"TUNING_MODE_PEFT_ADAPTER",` +
		`"hyperParameters":{"epochCount":"3","batchSize":"4","learningRate":0.00002,"adapterSize":"ADAPTER_SIZE_SIXTEEN"}}`
	if asked.Base != "meta/llama4@llama-4-scout-17b-16e-instruct" || asked.Output != "gs://dreamlab-batches/vertex/tuned/dl-1" ||
		asked.Labels["dreamlab"] != "dl-1" || string(asked.Spec) != spec {
		t.Errorf("asked for %+v with %s", asked, asked.Spec)
	}
}

// No state that Google may invent is an end; the billed tokens are those of all epochs.
func TestStatesOfTrainings(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]providers.TrainingState{
		"JOB_STATE_PAUSED": providers.TrainingRunning, "JOB_STATE_CANCELLING": providers.TrainingRunning,
		"JOB_STATE_MOVED": providers.TrainingRunning, "JOB_STATE_PARTIALLY_SUCCEEDED": providers.TrainingSucceeded,
		"JOB_STATE_EXPIRED": providers.TrainingFailed, "JOB_STATE_CANCELLED": providers.TrainingCancelled,
	} {
		driver := tuningAt(t, func(w http.ResponseWriter, _ *http.Request) {
			say(t, w, `{"name":"projects/1/locations/us-central1/tuningJobs/7","state":"`+state+`","supervisedTuningSpec":`+
				`{"hyperParameters":{"epochCount":"3"}},"tuningDataStats":{"supervisedTuningDataStats":{"totalBillableTokenCount":"100"}}}`)
		})
		got, err := trainer(t, driver).Poll(t.Context(), providers.Handle(`{"job":"7"}`))
		if err != nil || got.State != want || got.Tokens != 300 {
			t.Errorf("%s: %+v, %v", state, got, err)
		}
	}
}

// A training is looked for on every page of the list, since the list has no filter.
func TestTrainingIsFoundOnTheLastPage(t *testing.T) {
	t.Parallel()
	driver := tuningAt(t, func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("pageToken")
		if page == "" || page == "1" {
			say(t, w, fmt.Sprintf(`{"tuningJobs":[{"name":"x/5","labels":{"dreamlab":"other"}}],"nextPageToken":"%s1"}`, page))
			return
		}
		say(t, w, `{"tuningJobs":[{"name":"x/7","labels":{"dreamlab":"dl-1"},"createTime":"2026-08-21T10:00:00Z",`+
			`"supervisedTuningSpec":{"trainingDatasetUri":"gs://dreamlab-batches/vertex/tunes/x.jsonl"}}]}`)
	})
	found, ok, err := trainer(t, driver).Find(t.Context(), hyper(), time.Date(2026, 8, 21, 10, 2, 0, 0, time.UTC))
	if err != nil || !ok || found.ID != "7" {
		t.Errorf("found %v %+v, %v", ok, found, err)
	}
	if _, ok, err = trainer(t, driver).Find(t.Context(), hyper(), time.Date(2026, 8, 22, 0, 0, 0, 0, time.UTC)); ok || err != nil {
		t.Errorf("an older one was adopted (%v)", err)
	}
}

// A deployment that failed says so, and one whose endpoint is not there yet starts.
func TestDeploymentIsToldByItsOperation(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]providers.DeploymentState{
		`{"name":"o","done":false,"metadata":{"modelId":"dreamlab-x"}}`:                               providers.DeploymentStarting,
		`{"name":"o","done":true,"error":{"message":"no quota"},"metadata":{"modelId":"dreamlab-x"}}`: providers.DeploymentFailed,
		`{"name":"o","done":false,"metadata":{"modelId":"dreamlab-other"}}`:                           providers.DeploymentStopped,
		`{"name":"o","done":true,"response":{"endpoint":"e"},"metadata":{"modelId":"dreamlab-x"}}`:    providers.DeploymentStopped,
	} {
		driver := tuningAt(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1beta1/projects/dreamlab-sandbox/locations/us-central1/operations" {
				say(t, w, `{"operations":[`+said+`]}`)
				return
			}
			w.WriteHeader(http.StatusNotFound)
			say(t, w, `{"error":{"code":404,"message":"absent","status":"NOT_FOUND"}}`)
		})
		host, _ := driver.(providers.Host)
		now, err := host.Deployment(t.Context(), providers.Handle(`{"endpoint":"dreamlab-x","base":"`+scout+`"}`))
		if err != nil || now.State != want {
			t.Errorf("%s is %+v, %v", said, now, err)
		}
	}
}
