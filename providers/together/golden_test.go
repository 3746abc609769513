package together_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/providertest"
	"dreamlab/providers/together"
)

// replay is a Together that answers from recorded bodies, by "METHOD path".
type replay struct {
	t       *testing.T
	answers map[string]string

	mu   sync.Mutex
	sent map[string]string
}

func (p *replay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Error(err)
	}
	p.mu.Lock()
	p.sent[r.Method+" "+r.URL.Path] = string(body)
	p.mu.Unlock()
	answer, found := p.answers[r.Method+" "+r.URL.RequestURI()]
	if !found {
		w.WriteHeader(http.StatusNotFound)
		answer = fmt.Sprintf(`{"message":"no %s %s"}`, r.Method, r.URL.RequestURI())
	}
	if _, err := io.WriteString(w, answer); err != nil {
		p.t.Error(err)
	}
}

func connect(t *testing.T, answers map[string]string) (providers.Driver, *replay) {
	t.Helper()
	p := &replay{t: t, answers: answers, sent: map[string]string{}}
	server := httptest.NewServer(p)
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := together.Vendor.Open(providers.Config{
		Values: settings(server.URL), HTTP: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	return driver, p
}

// ft1 finds the training ft-1, which has made nothing yet.
var ft1 = providers.Handle(`{"id":"ft-1"}`)

func TestCreateLeavesNothingToDefaults(t *testing.T) {
	t.Parallel()
	driver, p := connect(t, map[string]string{"POST /v1/fine-tunes": `{"id":"ft-1","status":"pending"}`})
	spec := providers.TrainSpec{
		Base: "openai/gpt-oss-20b", File: "file-1", Suffix: "dl-1", Epochs: 3, Checkpoints: 1,
		LearningRate: 1e-4, Rank: 16, Alpha: 32, Seed: 42,
	}
	created, err := driver.(providers.Trains).Trainer().Start(t.Context(), spec)
	if err != nil || created.ID != "ft-1" || created.State != providers.TrainingQueued {
		t.Fatalf("%+v, %v", created, err)
	}
	want := `{"training_file":"file-1","model":"openai/gpt-oss-20b","suffix":"dl-1","n_epochs":3,` +
		`"n_checkpoints":1,"n_evals":0,` +
		`"batch_size":"max","learning_rate":0.0001,"lr_scheduler":{"lr_scheduler_args":{"min_lr_ratio":0,` +
		`"num_cycles":0.5},` +
		`"lr_scheduler_type":"cosine"},"warmup_ratio":0,"max_grad_norm":1,"weight_decay":0,"random_seed":42,` +
		`"packing":true,` +
		`"training_type":{"lora_alpha":32,"lora_dropout":0,"lora_r":16,` +
		`"lora_trainable_modules":"all-linear","type":"Lora"},` +
		`"training_method":{"method":"sft","train_on_inputs":false}}`
	if got := p.sent["POST /v1/fine-tunes"]; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	spec.Beta = 0.1
	if _, err := driver.(providers.Trains).Trainer().Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	pairs := strings.Replace(want, `{"method":"sft","train_on_inputs":false}`,
		`{"dpo_beta":0.1,"dpo_normalize_logratios_by_length":false,"dpo_reference_free":false,"method":"dpo"}`, 1)
	if got := p.sent["POST /v1/fine-tunes"]; got != pairs {
		t.Errorf("sent %s, want %s", got, pairs)
	}
	spec.Beta, spec.Validation = 0, "file-2"
	if _, err := driver.(providers.Trains).Trainer().Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	want = strings.Replace(strings.Replace(want, `"model"`, `"validation_file":"file-2","model"`, 1), `"n_evals":0`, `"n_evals":3`, 1)
	if got := p.sent["POST /v1/fine-tunes"]; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestTrainingStates(t *testing.T) {
	t.Parallel()
	cases := map[string]providers.TrainingState{
		"pending": providers.TrainingQueued, "queued": providers.TrainingQueued,
		"running": providers.TrainingRunning, "compressing": providers.TrainingRunning,
		"uploading": providers.TrainingRunning, "cancel_requested": providers.TrainingRunning,
		"a_new_word": providers.TrainingRunning, "": providers.TrainingRunning,
		"completed": providers.TrainingSucceeded, "COMPLETED": providers.TrainingSucceeded,
		"error": providers.TrainingFailed, "user_error": providers.TrainingFailed,
		"cancelled": providers.TrainingCancelled,
	}
	for word, want := range cases {
		driver, _ := connect(t, map[string]string{"GET /v1/fine-tunes/ft-1": `{"id":"ft-1",` +
			`"status":"` + word + `"}`})
		got, err := driver.(providers.Trains).Trainer().Poll(t.Context(), ft1)
		if err != nil || got.State != want || got.Status != word {
			t.Errorf("%q: %+v, %v; want %s", word, got, err, want)
		}
	}
}

func TestTrainingInEveryForm(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	full := providers.Training{
		ID: "ft-1", State: providers.TrainingSucceeded, Status: "completed", Base: "b", Suffix: "s", File: "file-1",
		Nano: 1234567890, Tokens: 1000, Steps: 8, Total: 8, Output: "acct/b:s:ft-1",
		Handle:  providers.Handle(`{"id":"ft-1","model":"ml_1/revisions/rv_1"}`),
		Created: created, Finished: created.Add(time.Hour),
	}
	cases := map[string]struct {
		body string
		want func(*providers.Training)
	}{
		"newest": {`{"id":"ft-1","status":"completed","model":"b","suffix":"s","training_file":"file-1",` +
			`"total_price":1234567890,` +
			`"token_count":1000,"steps_completed":8,"total_steps":8,"model_output_name":"acct/b:s:ft-1",` +
			`"model_object_id":"ml_1",` +
			`"model_object_revision_id":"rv_1","created_at":"2026-11-01T10:00:00Z",` +
			`"updated_at":"2026-11-01T11:00:00.000Z","new_field":{"x":[1]}}`,
			func(*providers.Training) {}},
		"older": {`{"id":"ft-1","status":"completed","model":"b","suffix":"s","training_file":"file-1",` +
			`"total_price":1234567890.0,` +
			`"token_count":"1000","steps_completed":8,"total_steps":8,"x_model_output_name":"acct/b:s:ft-1",` +
			`"adapter_object_id":"ml_1",` +
			`"created_at":1793527200,"updated_at":1793530800}`,
			func(t *providers.Training) { t.Handle = providers.Handle(`{"id":"ft-1","model":"ml_1"}`) }},
		"nulls": {`{"id":"ft-1","status":"completed","model":"b","suffix":"s","training_file":"file-1",` +
			`"total_price":null,"token_count":null,` +
			`"steps_completed":null,"total_steps":null,"created_at":null,"updated_at":"soon"}`,
			func(t *providers.Training) {
				*t = providers.Training{ID: t.ID, Handle: ft1, State: t.State, Status: t.Status, Base: t.Base, Suffix: t.Suffix,
					File: t.File}
			}},
	}
	for name, c := range cases {
		want := full
		c.want(&want)
		driver, _ := connect(t, map[string]string{"GET /v1/fine-tunes/ft-1": c.body})
		if got, err := driver.(providers.Trains).Trainer().Poll(t.Context(), ft1); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	driver, _ := connect(t, map[string]string{"GET /v1/fine-tunes/ft-1": `{"id":"ft-2"}`})
	if _, err := driver.(providers.Trains).Trainer().Poll(t.Context(),
		ft1); providers.KindOf(err) != providers.KindServer || err == nil {
		t.Errorf("another training's answer: %v", err)
	}
}

func TestEstimates(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		body string
		want providers.Estimate
		fail bool
	}{
		"allowed": {`{"estimation_available":true,"allowed_to_proceed":true,"estimated_total_price":1.2345,` +
			`"estimated_train_token_count":900,"user_limit":10}`,
			providers.Estimate{Available: true, Allowed: true, Nano: 1_234_500_000, TrainTokens: 900}, false},
		"too dear": {`{"estimation_available":true,"allowed_to_proceed":false,"estimated_total_price":1e3,` +
			`"estimated_train_token_count":900}`,
			providers.Estimate{Available: true, Nano: 1_000_000_000_000, TrainTokens: 900}, false},
		"not yet": {`{"estimation_available":false,"unavailable_reason":"train_file_not_validated"}`,
			providers.Estimate{Reason: "train_file_not_validated"}, false},
		"no price": {`{"estimation_available":true,"allowed_to_proceed":true}`, providers.Estimate{}, true},
		"negative": {`{"estimation_available":true,"estimated_total_price":-1}`, providers.Estimate{}, true},
	}
	for name, c := range cases {
		driver, _ := connect(t, map[string]string{"POST /v1/fine-tunes/estimate-price": c.body})
		got, err := driver.(providers.Trains).Trainer().(providers.Estimator).Estimate(t.Context(), providers.TrainSpec{File: "file-1"})
		if (err != nil) != c.fail || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

func TestEventsAndCheckpoints(t *testing.T) {
	t.Parallel()
	driver, _ := connect(t, map[string]string{
		"GET /v1/fine-tunes/ft-1/events": `{"data":[{"type":"TRAINING_START","level":"Info","message":"b",` +
			`"step":0,"created_at":"2026-11-01T10:00:02Z"},` +
			`{"type":"job_pending","level":null,"message":"a","created_at":"2026-11-01T10:00:01Z"},` +
			`{"type":"something_new","level":"legacy_warning","message":"c","step":3,` +
			`"created_at":"2026-11-01T10:00:03Z"}]}`,
		"GET /v1/fine-tunes/ft-1/checkpoints": `[{"step":8,"checkpoint_type":"Final Adapter",` +
			`"created_at":"2026-11-01T10:00:03Z"},` +
			`{"step":4,"checkpoint_type":"Intermediate","created_at":"2026-11-01T10:00:02Z"}]`,
	})
	trainer := driver.(providers.Trains).Trainer().(providers.Logger)
	events, err := trainer.Events(t.Context(), ft1)
	if err != nil || len(events) != 3 || events[0].Message != "a" || events[1].Type != "training_start" ||
		events[1].Level != "info" || events[2].Level != "warning" || events[2].Step != 3 {
		t.Errorf("%+v, %v", events, err)
	}
	checkpoints, err := trainer.Checkpoints(t.Context(), ft1)
	if err != nil || len(checkpoints) != 2 || checkpoints[0].ID != "ft-1:4" || checkpoints[0].Final ||
		!checkpoints[1].Final {
		t.Errorf("%+v, %v", checkpoints, err)
	}
}

func TestDeploymentStates(t *testing.T) {
	t.Parallel()
	cases := map[string]providers.DeploymentState{
		`"DEPLOYMENT_STATE_PROVISIONING"`:                      providers.DeploymentStarting,
		`"DEPLOYMENT_STATE_SCALING"`:                           providers.DeploymentStarting,
		`"DEPLOYMENT_STATE_SCALING","readyReplicas":1`:         providers.DeploymentReady,
		`"DEPLOYMENT_STATE_READY"`:                             providers.DeploymentReady,
		`"DEPLOYMENT_STATE_DEGRADED"`:                          providers.DeploymentStarting,
		`"DEPLOYMENT_STATE_DEGRADED","readyReplicas":1`:        providers.DeploymentReady,
		`"DEPLOYMENT_STATE_STOPPING"`:                          providers.DeploymentStopping,
		`"DEPLOYMENT_STATE_STOPPED"`:                           providers.DeploymentStopped,
		`"DEPLOYMENT_STATE_FAILED","message":"not in 6 hours"`: providers.DeploymentFailed,
		`"DEPLOYMENT_STATE_NEW_WORD"`:                          providers.DeploymentStarting,
	}
	for status, want := range cases {
		driver, _ := connect(t, map[string]string{
			"GET /v2/projects/proj_1/endpoints/ep_1": `{"id":"ep_1","name":"acct/dreamlab-x",` +
				`"etag":"e"}`,
			"GET /v2/projects/proj_1/endpoints/ep_1/deployments/dep_1": `{"id":"dep_1","name":"dreamlab-x",` +
				`"status":{"state":` + status + `}}`,
		})
		got, err := driver.(providers.Host).Deployment(t.Context(), providers.Handle(
			`{"project":"proj_1","endpoint":"ep_1","deployment":"dep_1","nano_per_hour":500}`))
		if err != nil || got.State != want || got.Direct != "acct/dreamlab-x/dreamlab-x" ||
			got.Routed != "acct/dreamlab-x" || got.NanoPerHour != 500 {
			t.Errorf("%s: %+v, %v; want %s", status, got, err, want)
		}
	}
}

func TestCheapestHardware(t *testing.T) {
	t.Parallel()
	driver, _ := connect(t, map[string]string{
		"GET /v1/whoami":                    `{"project_id":"proj_1","project_slug":"acct"}`,
		"GET /v2/projects/proj_1/endpoints": `{"data":[]}`,
		"GET /v2/supported-models?product=PRODUCT_DEDICATED": `{"data":[{"name":"other",` +
			`"deploymentProfiles":[]}],"next_cursor":"n 1"}`,
		"GET /v2/supported-models?product=PRODUCT_DEDICATED&after=n+1": `{"data":[{"name":"b",` +
			`"deploymentProfiles":[` +
			`{"config":"c1","model":"m1","gpuType":"h100","gpuCount":4},{"config":"c2","model":"m1",` +
			`"gpuType":"H100","gpuCount":2},` +
			`{"config":"c3","model":"m1","gpuType":"b200","gpuCount":1}]}]}`,
		"GET /v2/public/inference-instance-types": `{"data":[{"gpuType":"h100","gpuCount":4,` +
			`"priceCentsPerHour":2000},` +
			`{"gpuType":"h100","gpuCount":2,"priceCentsPerHour":999.5},{"gpuType":"b200","gpuCount":1}]}`,
	})
	got, err := driver.(providers.Host).Hosting(t.Context(), "b")
	if want := (providers.Hosting{Hardware: "2× H100", NanoPerHour: 9_995_000_000}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestChatInTogethersWords(t *testing.T) {
	t.Parallel()
	driver, p := connect(t, map[string]string{})
	req := &providers.Request{
		Model: "m", Settings: completion.Settings{
			MaxTokens: 9, Tools: json.RawMessage(`[{}]`), ToolChoice: json.RawMessage(`"none"`),
		}, Messages: []providers.Message{providers.TextMessage("user", "x")},
	}
	if _, err := driver.Chat(t.Context(), req, nil); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("got %v", err)
	}
	want := `{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":9}`
	if got := p.sent["POST /v1/chat/completions"]; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestTheOnlyToolIsRequiredByItsName(t *testing.T) {
	t.Parallel()
	driver, p := connect(t, map[string]string{})
	tool := `{"type":"function","function":{"name":"f"}}`
	req := &providers.Request{
		Model: "m", Settings: completion.Settings{
			Tools: json.RawMessage(`[` + tool + `]`), ToolChoice: json.RawMessage(`"required"`),
		},
		Messages: []providers.Message{providers.TextMessage("user", "x")},
	}
	if _, err := driver.Chat(t.Context(), req, nil); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("got %v", err)
	}
	want := `"tool_choice":{"function":{"name":"f"},"type":"function"}`
	if got := p.sent["POST /v1/chat/completions"]; !strings.Contains(got, want) {
		t.Errorf("sent %s, want %s in it", got, want)
	}
	req.Tools = json.RawMessage(`[` + tool + `,` + tool + `]`)
	var e *providers.Error
	if _, err := driver.Chat(t.Context(), req, nil); !errors.As(err, &e) || e.Param != "tool_choice" {
		t.Errorf("two tools: got %v", err)
	}
	req.Logprobs = true
	if _, err := driver.Chat(t.Context(), req, nil); !errors.As(err, &e) || e.Param != "logprobs" {
		t.Errorf("logprobs: got %v", err)
	}
}

func TestContextErrorThatLooksLikePermission(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, err := io.WriteString(w, `{"error":{"message":"input tokens + max_tokens must be < context length"}}`)
		if err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	driver, err := together.Vendor.Open(providers.Config{Values: settings(server.URL), HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	req := &providers.Request{Model: "m", Messages: []providers.Message{providers.TextMessage("user", "x")}}
	if _, err := driver.Chat(t.Context(), req, nil); providers.KindOf(err) != providers.KindContext {
		t.Errorf("got %v, want a context that is too long", err)
	}
}

// TestHostOfAModel sends each kind of name where it is served.
func TestHostOfAModel(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	listen := func(host string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked <- host
			w.WriteHeader(http.StatusNotFound)
		}))
		t.Cleanup(server.Close)
		return server.URL + "/v1"
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	driver, err := together.Vendor.Open(providers.Config{HTTP: client, Values: map[string]string{
		"TOGETHER_API_KEY": providertest.Key, "TOGETHER_BASE_URL": listen("shared"),
		"TOGETHER_INFERENCE_BASE_URL": listen("dedicated"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]string{
		"openai/gpt-oss-20b": "shared", "meta-llama/Llama-3.3-70B-Instruct-Turbo": "shared", "plain": "shared",
		"acct/dreamlab-tun-1": "dedicated", "acct/dreamlab-tun-1/dreamlab-tun-1": "dedicated",
		"acct/own/blue": "dedicated",
	} {
		req := &providers.Request{Model: model, Messages: []providers.Message{providers.TextMessage("user", "x")}}
		if _, err := driver.Chat(t.Context(), req, nil); providers.KindOf(err) != providers.KindModelGone {
			t.Errorf("%s: %v", model, err)
		}
		if got := <-asked; got != want {
			t.Errorf("%s was asked of the %s host, want %s", model, got, want)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{
		"TOGETHER_API_KEY":            {},
		"TOGETHER_BASE_URL":           {"TOGETHER_API_KEY": "k", "TOGETHER_BASE_URL": "https://api.together.ai"},
		"TOGETHER_INFERENCE_BASE_URL": {"TOGETHER_API_KEY": "k", "TOGETHER_INFERENCE_BASE_URL": "there"},
	} {
		if _, err := together.Vendor.Open(providers.Config{Values: values}); err == nil ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%v, want an error that names %s", err, name)
		}
	}
}
