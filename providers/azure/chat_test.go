package azure_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/azure"
	"dreamlab/providers/completion"
	"dreamlab/providers/providertest"
)

// connect opens the driver over a server that answers by the handler.
func connect(t *testing.T, handler http.Handler, more map[string]string) providers.Driver {
	t.Helper()
	server := httptest.NewServer(handler)
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	values := family("v1")(server.URL)
	maps.Copy(values, more)
	driver, err := azure.Vendor.Open(providers.Config{Values: values, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func answer(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		if _, err := io.WriteString(w, body); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func request(model string) *providers.Request {
	return &providers.Request{
		Model: model, Settings: completion.Settings{MaxTokens: 50},
		Messages: []providers.Message{providers.TextMessage("user", "hello")},
	}
}

// sent is what a server was asked.
type sent struct {
	uri    string
	header http.Header
	body   map[string]any
}

// record answers each request with a failure, after it has told what it was.
func record(t *testing.T, into chan<- sent) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got := sent{uri: r.URL.RequestURI(), header: r.Header.Clone()}
		if err := json.NewDecoder(r.Body).Decode(&got.body); err != nil {
			t.Error(err)
		}
		into <- got
		answer(http.StatusBadRequest, nil, `{}`)(w, r)
	}
}

func TestRoutesOnTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings map[string]string
		uri      string
	}{
		"v1":      {nil, "/openai/v1/chat/completions"},
		"classic": {map[string]string{"AZURE_OPENAI_ROUTES": "classic"}, "/openai/deployments/my%20own/chat/completions?api-version=2024-10-21"},
		"preview": {map[string]string{"AZURE_OPENAI_ROUTES": "classic", "OPENAI_API_VERSION": "2025-04-01-preview"},
			"/openai/deployments/my%20own/chat/completions?api-version=2025-04-01-preview"},
		"models": {map[string]string{"AZURE_OPENAI_ROUTES": "models"}, "/models/chat/completions?api-version=2024-05-01-preview"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			into := make(chan sent, 1)
			driver := connect(t, record(t, into), c.settings)
			if _, err := driver.Chat(t.Context(), request("my own"), nil); err == nil {
				t.Error("no error")
			}
			got := <-into
			if got.uri != c.uri || got.header.Get("Api-Key") != providertest.Key || got.header.Get("Authorization") != "" ||
				got.body["model"] != "my own" {
				t.Errorf("asked %+v", got)
			}
		})
	}
}

// Reasoning models of OpenAI refuse max_tokens, and all others take it.
func TestBoundOfTheAnswer(t *testing.T) {
	t.Parallel()
	into := make(chan sent, 1)
	driver := connect(t, record(t, into), map[string]string{"AZURE_OPENAI_DEPLOYMENTS": "fast = o4-mini, slow=gpt-35-turbo"})
	for model, reasons := range map[string]bool{
		"gpt-5-nano": true, "GPT-5.6-sol": true, "o3": true, "fast": true,
		"gpt-4.1-mini": false, "gpt-35-turbo": false, "slow": false, "gpt-oss-120b": false, "Llama-4-Scout-17B-16E-Instruct": false,
	} {
		if _, err := driver.Chat(t.Context(), request(model), nil); err == nil {
			t.Error("no error")
		}
		want, none := "max_tokens", "max_completion_tokens"
		if reasons {
			want, none = none, want
		}
		if got := (<-into).body; got[want] != 50.0 || got[none] != nil {
			t.Errorf("%s is asked %v, want %s", model, got, want)
		}
	}
}

// What a model does not have is refused by its name, before Azure is asked.
func TestModelOfTextAlone(t *testing.T) {
	t.Parallel()
	driver := connect(t, answer(http.StatusInternalServerError, nil, ""), nil)
	for param, change := range map[string]func(*providers.Request){
		"tools":           func(r *providers.Request) { r.Tools = []byte(`[{"type":"function","function":{"name":"f"}}]`) },
		"response_format": func(r *providers.Request) { r.ResponseFormat = []byte(`{"type":"json_object"}`) },
	} {
		req := request("Llama-4-Maverick-17B-128E-Instruct-FP8")
		change(req)
		_, err := driver.Chat(t.Context(), req, nil)
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != providers.KindUnsupported || e.Param != param {
			t.Errorf("%s: got %+v", param, e)
		}
	}
}

func TestAzuresFailures(t *testing.T) {
	t.Parallel()
	const filtered = `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content ` +
		`management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":` +
		`{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true,"severity":"high"}}}}}`
	const limited = `{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation under Azure OpenAI API ` +
		`version 2023-12-01-preview have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 22 ` +
		`seconds. Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."}}`
	for name, c := range map[string]struct {
		status int
		header map[string]string
		body   string
		kind   providers.Kind
		charge providers.Charge
		wait   time.Duration
	}{
		"wrong key": {401, nil, `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}`,
			providers.KindAuth, providers.ChargeNone, 0},
		"no role": {401, nil, `{"error":{"code":"PermissionDenied","message":"The principal lacks the required data action."}}`,
			providers.KindPermission, providers.ChargeNone, 0},
		"firewall": {403, nil, `{"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}}`,
			providers.KindPermission, providers.ChargeNone, 0},
		"blocked": {403, nil, `{"error":{"code":"403","message":"Your resource has been temporarily blocked because we detected behavior."}}`,
			providers.KindPermission, providers.ChargeNone, 0},
		"no deployment": {404, nil, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`,
			providers.KindModelGone, providers.ChargeNone, 0},
		"unknown model": {400, nil, `{"error":{"code":"unknown_model","message":"Unknown model: x"}}`,
			providers.KindModelGone, providers.ChargeNone, 0},
		"filtered": {400, nil, filtered, providers.KindContentFilter, providers.ChargeUnknown, 0},
		"too long": {400, nil, `{"error":{"message":"This model's maximum context length is 400000 tokens.","type":"invalid_request_error",` +
			`"param":"messages","code":"context_length_exceeded"}}`, providers.KindContext, providers.ChargeUnknown, 0},
		"unsupported": {400, nil, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model.",` +
			`"type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`,
			providers.KindUnsupported, providers.ChargeNone, 0},
		"limit in words":  {429, nil, limited, providers.KindRateLimit, providers.ChargeNone, 22 * time.Second},
		"limit in header": {429, map[string]string{"Retry-After": "23"}, limited, providers.KindRateLimit, providers.ChargeNone, 23 * time.Second},
		"limit in milliseconds": {429, map[string]string{"Retry-After": "23", "retry-after-ms": "22500"}, limited,
			providers.KindRateLimit, providers.ChargeNone, 22500 * time.Millisecond},
		"limit by reset": {429, map[string]string{"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "7",
			"x-ratelimit-reset-requests": "1"}, `{"error":{"code":"RateLimitReached","message":"Rate limit is exceeded."}}`,
			providers.KindRateLimit, providers.ChargeNone, 7 * time.Second},
		"no capacity": {429, nil, `{"error":{"code":"NoCapacity","message":"The system is currently experiencing high demand."}}`,
			providers.KindCapacity, providers.ChargeNone, 0},
		"high demand": {429, nil, `{"error":{"code":"429","message":"The system is currently experiencing High Demand and cannot process it."}}`,
			providers.KindCapacity, providers.ChargeNone, 0},
		"slow":   {408, nil, `{"error":{"code":"Timeout","message":"The operation was timeout."}}`, providers.KindTimeout, providers.ChargeUnknown, 0},
		"failed": {500, nil, `{"error":{"code":"InternalServerError","message":"The server had an error."}}`, providers.KindServer, providers.ChargeUnknown, 0},
		"away":   {503, nil, `{"error":{"code":"ServiceUnavailable","message":"Try again later."}}`, providers.KindCapacity, providers.ChargeNone, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connect(t, answer(c.status, c.header, c.body), nil).Chat(t.Context(), request("gpt-5-nano"), nil)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Charge != c.charge || e.RetryAfter != c.wait {
				t.Errorf("got %+v, want %s charged %s after %v", e, c.kind, c.charge, c.wait)
			}
		})
	}
}

// recorded is a stream as the routes of v1 send it: the filter's word on the prompt comes
// first, in a chunk that has nothing else, and the usage in one without choices.
const recorded = `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"jailbreak":{"detected":false,"filtered":false}}}]}

data: {"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1777717540,"id":"chatcmpl-D1","model":"gpt-5-nano-2025-08-07","obfuscation":"aRKq","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":null,"usage":null}

data: {"choices":[{"content_filter_results":{},"delta":{"content":"Hi there"},"finish_reason":null,"index":0,"logprobs":null}],"created":1777717540,"id":"chatcmpl-D1","model":"gpt-5-nano-2025-08-07","obfuscation":"x","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":null,"usage":null}

data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":1777717540,"id":"chatcmpl-D1","model":"gpt-5-nano-2025-08-07","obfuscation":"x","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":null,"usage":null}

data: {"choices":[],"created":1777717540,"id":"chatcmpl-D1","latency_checkpoint":{"engine_ttft_ms":35},"model":"gpt-5-nano-2025-08-07","obfuscation":"","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":null,"usage":{"completion_tokens":85,"completion_tokens_details":{"accepted_prediction_tokens":0,"audio_tokens":0,"reasoning_tokens":64,"rejected_prediction_tokens":0},"prompt_tokens":19,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":3},"total_tokens":104}}

data: [DONE]

`

func TestRecordedStream(t *testing.T) {
	t.Parallel()
	driver := connect(t, answer(http.StatusOK, map[string]string{"Content-Type": "text/event-stream"}, recorded), nil)
	var chunks []string
	reply, err := driver.Chat(t.Context(), request("gpt-5-nano"), func(chunk providers.Chunk) error {
		chunks = append(chunks, string(chunk.Data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := providers.Usage{Input: 19, CachedInput: 3, Output: 85, Reasoning: 64}
	if reply.Content != "Hi there" || reply.Finish != "stop" || reply.Usage != want || reply.Model != "gpt-5-nano-2025-08-07" {
		t.Errorf("got %+v", reply)
	}
	for _, member := range []string{"prompt_filter_results", "content_filter_results", "service_tier", "latency_checkpoint"} {
		if !strings.Contains(strings.Join(chunks, ""), `"`+member+`"`) {
			t.Errorf("%s is lost", member)
		}
	}
}

func TestFilteredAnswer(t *testing.T) {
	t.Parallel()
	body := `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"content_filter",` +
		`"content_filter_results":{"violence":{"filtered":true,"severity":"high"}}}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}`
	_, err := connect(t, answer(http.StatusOK, nil, body), nil).Chat(t.Context(), request("gpt-5-nano"), nil)
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.KindContentFilter || e.Charge != providers.ChargeUsage || e.Usage.Output != 4 {
		t.Errorf("got %+v", e)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	base := map[string]string{"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/openai/v1/", "AZURE_OPENAI_API_KEY": "k"}
	for name, change := range map[string]map[string]string{
		"":                         {},
		"AZURE_OPENAI_ENDPOINT":    {"AZURE_OPENAI_ENDPOINT": "r.openai.azure.com"},
		"AZURE_OPENAI_API_KEY":     {"AZURE_OPENAI_API_KEY": "", "AZURE_TENANT_ID": "t"},
		"AZURE_CLIENT_SECRET":      {"AZURE_OPENAI_ENDPOINT": "https://r.services.ai.azure.com/api/projects/p"},
		"AZURE_OPENAI_ROUTES":      {"AZURE_OPENAI_ROUTES": "v2"},
		"AZURE_OPENAI_DEPLOYMENTS": {"AZURE_OPENAI_DEPLOYMENTS": "a=b=c"},
		"AZURE_AUTHORITY_HOST": {"AZURE_OPENAI_API_KEY": "", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c",
			"AZURE_CLIENT_SECRET": "s", "AZURE_AUTHORITY_HOST": "login"},
	} {
		values := maps.Clone(base)
		maps.Copy(values, change)
		_, err := azure.Vendor.Open(providers.Config{Values: values})
		if (err == nil) != (name == "") || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want an error that names %q", err, name)
		}
	}
}

// Where the operator names the deployments, these are listed; else what Azure lists.
func TestListedDeployments(t *testing.T) {
	t.Parallel()
	handler, _ := start(t)
	driver := connect(t, handler, map[string]string{"AZURE_OPENAI_DEPLOYMENTS": "fast=gpt-5-nano,own"})
	infos, err := driver.Models(t.Context())
	if err != nil || len(infos) != 2 || infos[0].ID != "fast" || infos[1].ID != "own" || !infos[1].Active {
		t.Errorf("%+v, %v", infos, err)
	}
}
