package databricks_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

func host(t *testing.T, driver providers.Driver) providers.Host {
	t.Helper()
	hosts, ok := driver.(providers.Host)
	if !ok {
		t.Fatal("the driver does not host")
	}
	return hosts
}

// An endpoint serves when it is ready and its configuration in force. A word that is not known
// is no end.
func TestStatesOfEndpoints(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]providers.DeploymentState{
		`{"state":{"ready":"READY","config_update":"NOT_UPDATING"}}`:         providers.DeploymentReady,
		`{"state":{"ready":"READY","config_update":"IN_PROGRESS"}}`:          providers.DeploymentStarting,
		`{"state":{"ready":"NOT_READY","config_update":"IN_PROGRESS"}}`:      providers.DeploymentStarting,
		`{"state":{"ready":"NOT_READY","config_update":"UPDATE_FAILED"}}`:    providers.DeploymentFailed,
		`{"state":{"ready":"NOT_READY","config_update":"UPDATE_CANCELED"}}`:  providers.DeploymentFailed,
		`{"state":{"ready":"NOT_READY","config_update":"UPDATE_PONDERING"}}`: providers.DeploymentStarting,
		`{}`: providers.DeploymentStarting,
		`{"state":{"ready":"NOT_READY","config_update":"NOT_UPDATING"},"pending_config":{"served_entities":[` +
			`{"state":{"deployment":"DEPLOYMENT_FAILED","deployment_state_message":"no GPU"}}]}}`: providers.DeploymentFailed,
		`{"state":{"ready":"NOT_READY","config_update":"IN_PROGRESS"},"pending_config":{"served_entities":[` +
			`{"state":{"deployment":"DEPLOYMENT_RECOVERING"}}]}}`: providers.DeploymentStarting,
	} {
		driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.WriteString(w, body); err != nil {
				t.Error(err)
			}
		}), nil)
		got, err := host(t, driver).Deployment(t.Context(), providers.Handle(`{"endpoint":"dreamlab-x","nano":5}`))
		if err != nil || got.State != want || got.NanoPerHour != 5 || strings.Contains(body, "no GPU") && got.Message != "no GPU" {
			t.Errorf("%s is %+v (%v), want %s", body, got, err, want)
		}
	}
}

// workspace answers for one registered model, whose endpoint another has just made.
type workspace struct {
	t     *testing.T
	asked map[string]any
	made  bool
}

func (w *workspace) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var answer string
	status := http.StatusOK
	switch {
	case strings.HasSuffix(r.URL.Path, "/versions"):
		answer = `{"model_versions":[{"version":1,"status":"READY"},{"version":3,"status":"READY"},` +
			`{"version":4,"status":"PENDING_REGISTRATION"}]}`
	case strings.Contains(r.URL.Path, "/get-model-optimization-info/"):
		answer = `{"optimizable":true,"throughput_chunk_size":980}`
	case r.Method == http.MethodPost:
		w.made = true
		if err := json.NewDecoder(r.Body).Decode(&w.asked); err != nil {
			w.t.Error(err)
		}
		answer, status = `{"error_code":"RESOURCE_ALREADY_EXISTS","message":"exists"}`, http.StatusConflict
	case w.made:
		answer = `{"name":"dreamlab-tun-1","state":{"ready":"READY","config_update":"NOT_UPDATING"}}`
	default:
		answer, status = `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"none"}`, http.StatusNotFound
	}
	rw.WriteHeader(status)
	if _, err := io.WriteString(rw, answer); err != nil {
		w.t.Error(err)
	}
}

// The newest version that is ready is served, at one chunk of throughput and with all of the
// traffic; an endpoint that another made meanwhile is adopted.
func TestDeploymentOnTheWire(t *testing.T) {
	t.Parallel()
	w := &workspace{t: t}
	got, err := host(t, connect(t, w, nil)).Deploy(t.Context(), providers.DeploySpec{
		Name: "tun.1", Base: base, Trained: providers.Handle(`{"run":7,"model":"main.lab.x"}`),
	})
	if err != nil || got.State != providers.DeploymentReady || got.Direct != "dreamlab-tun-1" || got.NanoPerHour != 3_749_970_000 {
		t.Fatalf("deployed %+v, %v", got, err)
	}
	sent, err := json.Marshal(w.asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"name":"dreamlab-tun-1"`, `"entity_name":"main.lab.x"`, `"entity_version":"3"`, `"min_provisioned_throughput":980`,
		`"max_provisioned_throughput":980`, `"served_model_name":"x-3"`, `"traffic_percentage":100`,
	} {
		if !strings.Contains(string(sent), part) {
			t.Errorf("the endpoint lacks %s: %s", part, sent)
		}
	}
}

// What has no version, or an architecture that is not served, is refused before anything is
// made.
func TestNothingToServe(t *testing.T) {
	t.Parallel()
	for _, answers := range [][2]string{{`{}`, `{}`}, {`{"model_versions":[{"version":1,"status":"READY"}]}`, `{"optimizable":false}`}} {
		driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := ""
			switch {
			case strings.HasSuffix(r.URL.Path, "/versions"):
				answer = answers[0]
			case strings.Contains(r.URL.Path, "/get-model-optimization-info/"):
				answer = answers[1]
			case r.Method == http.MethodPost:
				t.Error("an endpoint is made")
			default:
				w.WriteHeader(http.StatusNotFound)
			}
			if _, err := fmt.Fprint(w, answer); err != nil {
				t.Error(err)
			}
		}), nil)
		_, err := host(t, driver).Deploy(t.Context(), providers.DeploySpec{
			Name: "tun-1", Base: base, Trained: providers.Handle(`{"run":7,"model":"main.lab.x"}`),
		})
		if providers.KindOf(err) != providers.KindModelGone {
			t.Errorf("%v: %v", answers, err)
		}
	}
}

// An endpoint that is deleted can be made anew, and costs nothing in between.
func TestEndpointStopsCosting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	made, err := trainer(t, w).Start(t.Context(), w.upload(t))
	if err != nil {
		t.Fatal(err)
	}
	w.lab.Advance(24 * time.Hour)
	spec := providers.DeploySpec{Name: "tun-1", Base: base, Trained: made.Handle}
	serves := host(t, w.Driver)
	for range 2 {
		up, err := serves.Deploy(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		w.lab.Advance(time.Hour)
		if now, err := serves.Deployment(t.Context(), up.Handle); err != nil || now.State != providers.DeploymentReady {
			t.Fatalf("after an hour %+v, %v", now, err)
		}
		if _, err := serves.Stop(t.Context(), up.Handle); err != nil {
			t.Fatal(err)
		}
		w.lab.Advance(time.Hour)
		paid := w.paid("hosting:")
		w.lab.Advance(100 * time.Hour)
		if after := w.paid("hosting:"); after != paid || paid == 0 {
			t.Errorf("paid %d, and after 100 hours without an endpoint %d", paid, after)
		}
	}
}
