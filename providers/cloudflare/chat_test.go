package cloudflare_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/cloudflare"
	"dreamlab/providers/cloudflare/emulator"
	"dreamlab/providers/completion"
	"dreamlab/providers/providertest"
)

// connect opens the driver over a server that answers by the handler, an hour before the
// day of its clock ends.
func connect(t *testing.T, handler http.Handler, settings func(string) map[string]string) providers.Driver {
	t.Helper()
	server := httptest.NewServer(handler)
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := cloudflare.Vendor.Open(providers.Config{
		Values: settings(server.URL), HTTP: &http.Client{Transport: transport},
		Now: func() time.Time { return time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func answer(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		if _, err := io.WriteString(w, body); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func request() *providers.Request {
	return &providers.Request{
		Model: "@cf/openai/gpt-oss-120b", Settings: completion.Settings{MaxTokens: 50},
		Messages: []providers.Message{providers.TextMessage("user", "hello")},
	}
}

func ignore(providers.Chunk) error { return nil }

// sent is what a server was asked.
type sent struct {
	path   string
	header http.Header
	body   map[string]any
}

// ask lets the driver ask a server for a chat and returns what came there.
func ask(t *testing.T, settings func(string) map[string]string, req *providers.Request) sent {
	t.Helper()
	into := make(chan sent, 1)
	driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sent{path: r.URL.EscapedPath(), header: r.Header.Clone()}
		if err := json.NewDecoder(r.Body).Decode(&got.body); err != nil {
			t.Error(err)
		}
		into <- got
		answer(http.StatusBadRequest, "application/json", `{}`)(w, r)
	}), settings)
	if _, err := driver.Chat(t.Context(), req, ignore); err == nil {
		t.Error("no error")
	}
	return <-into
}

func TestRequestInCloudflaresWords(t *testing.T) {
	t.Parallel()
	one := 1
	req := request()
	req.N, req.MaxTokens = &one, 0
	got := ask(t, direct, req)
	if got.path != "/client/v4/accounts/"+emulator.Account+"/ai/v1/chat/completions" ||
		got.header.Get("Authorization") != "Bearer "+providertest.Key || got.header.Get("Cf-Aig-Max-Attempts") != "" {
		t.Errorf("asked %+v", got)
	}
	if got.body["max_tokens"] != 4096.0 || got.body["n"] != nil || got.body["stream"] != true {
		t.Errorf("sent %v: without a bound the vendor cuts at 256 tokens", got.body)
	}
	got = ask(t, behind, request())
	if got.path != "/v1/"+emulator.Account+"/locked/workers-ai/v1/chat/completions" || got.body["max_tokens"] != 50.0 ||
		got.header.Get("Cf-Aig-Authorization") != "Bearer "+providertest.Key || got.header.Get("Cf-Aig-Max-Attempts") != "1" ||
		got.header.Get("Cf-Aig-Skip-Cache") != "true" {
		t.Errorf("the gateway is asked %+v", got)
	}
}

// A schema goes without OpenAI's envelope, and such an answer is not streamed.
func TestSchemaOnTheWire(t *testing.T) {
	t.Parallel()
	req := request()
	req.ResponseFormat = []byte(`{"type":"json_schema","json_schema":{"name":"v","strict":true,"schema":{"type":"object"}}}`)
	want := map[string]any{"type": "json_schema", "json_schema": map[string]any{"type": "object"}}
	if got := ask(t, direct, req).body; !reflect.DeepEqual(got["response_format"], want) || got["stream"] != nil {
		t.Errorf("sent %v", got)
	}
	req.ResponseFormat = []byte(`{"type":"json_object"}`)
	if got := ask(t, direct, req).body; !reflect.DeepEqual(got["response_format"], map[string]any{"type": "json_object"}) {
		t.Errorf("sent %v", got)
	}
}

func TestCloudflaresFailures(t *testing.T) {
	t.Parallel()
	envelope := func(code, message string) string {
		return `{"errors":[{"message":` + string(completion.Quoted(message)) + `,"code":` + code + `}],"success":false,"result":{},"messages":[]}`
	}
	for name, c := range map[string]struct {
		status int
		body   string
		kind   providers.Kind
		charge providers.Charge
		wait   time.Duration
	}{
		"no such model":       {400, envelope("5007", "No such model @cf/a or task"), providers.KindModelGone, providers.ChargeNone, 0},
		"invalid model":       {404, envelope("3042", "Invalid model ID"), providers.KindModelGone, providers.ChargeNone, 0},
		"bad data":            {400, envelope("5004", "Invalid data"), providers.KindInvalid, providers.ChargeNone, 0},
		"bad input":           {400, envelope("5006", "AiError: Bad input: required properties"), providers.KindInvalid, providers.ChargeNone, 0},
		"missing headers":     {400, envelope("3003", "Missing headers"), providers.KindInvalid, providers.ChargeNone, 0},
		"tune's files":        {400, envelope("3039", "Finetune files missing"), providers.KindInvalid, providers.ChargeNone, 0},
		"terms":               {403, envelope("5016", "User has not agreed to the terms"), providers.KindPermission, providers.ChargeNone, 0},
		"not allowed":         {403, envelope("5018", "Account not allowed"), providers.KindPermission, providers.ChargeNone, 0},
		"not allowed, older":  {403, envelope("3041", "Account not allowed"), providers.KindPermission, providers.ChargeNone, 0},
		"blocked":             {403, envelope("3023", "Account blocked"), providers.KindBilling, providers.ChargeNone, 0},
		"no LoRA":             {405, envelope("5005", "LoRA unsupported"), providers.KindInvalid, providers.ChargeNone, 0},
		"old SDK":             {405, envelope("5019", "Deprecated SDK"), providers.KindInvalid, providers.ChargeNone, 0},
		"too large":           {413, envelope("3006", "Request is too large"), providers.KindTooLarge, providers.ChargeNone, 0},
		"timeout":             {408, envelope("3007", "Timeout"), providers.KindTimeout, providers.ChargeUnknown, 0},
		"aborted":             {408, envelope("3008", "Aborted"), providers.KindTimeout, providers.ChargeUnknown, 0},
		"request timeout":     {408, envelope("3046", "Request timeout"), providers.KindTimeout, providers.ChargeUnknown, 0},
		"day used up":         {429, envelope("3036", "you have used up your daily free allocation of 10,000 neurons"), providers.KindQuota, providers.ChargeNone, time.Hour},
		"day used up, newer":  {429, envelope("4006", "you have used up your daily free allocation of 10,000 neurons"), providers.KindQuota, providers.ChargeNone, time.Hour},
		"day, without a code": {429, envelope("0", "you have used up your daily free allocation"), providers.KindQuota, providers.ChargeNone, time.Hour},
		"full":                {429, envelope("3040", "Capacity temporarily exceeded, please try again."), providers.KindCapacity, providers.ChargeNone, 0},
		"full, in words":      {429, envelope("1000", "InferenceUpstreamError: 3040: Capacity temporarily exceeded, please try again."), providers.KindCapacity, providers.ChargeNone, 0},
		"too many":            {429, envelope("971", "Please wait"), providers.KindRateLimit, providers.ChargeNone, 0},
		"spent":               {429, `{"success":false,"error":[{"code":2003,"message":"Spend limit reached"}]}`, providers.KindQuota, providers.ChargeNone, time.Hour},
		"context":             {413, envelope("5021", "The estimated number of input and maximum output tokens (208453) exceeded this model context window limit (65536)"), providers.KindContext, providers.ChargeNone, 0},
		"the engine's words": {400, envelope("8007", `{"object":"error","message":"This model's maximum context length is 24000 tokens.","type":"BadRequestError","code":400}`),
			providers.KindContext, providers.ChargeNone, 0},
		"filtered":                {400, envelope("8007", "AiError: flagged as NSFW"), providers.KindContentFilter, providers.ChargeNone, 0},
		"forced call":             {400, envelope("8006", "tool call cut"), providers.KindModelOutput, providers.ChargeUnknown, 0},
		"JSON mode":               {400, envelope("1", "JSON Mode couldn't be met"), providers.KindModelOutput, providers.ChargeUnknown, 0},
		"JSON mode, of a success": {200, envelope("1", "JSON Mode couldn't be met"), providers.KindModelOutput, providers.ChargeUnknown, 0},
		"JSON mode, as a text":    {200, `{"error":"AiError: JSON Mode couldn't be met"}`, providers.KindModelOutput, providers.ChargeUnknown, 0},
		"wrong token":             {401, envelope("10000", "Authentication error"), providers.KindAuth, providers.ChargeNone, 0},
		"no access":               {403, envelope("9109", "Unauthorized to access requested resource"), providers.KindAuth, providers.ChargeNone, 0},
		"wrong account":           {404, envelope("7003", "Could not route to /accounts/x"), providers.KindAuth, providers.ChargeNone, 0},
		"no gateway":              {400, `{"success":false,"result":[],"messages":[],"error":[{"code":2001,"message":"Please configure AI Gateway"}]}`, providers.KindPermission, providers.ChargeNone, 0},
		"gateway's token":         {401, `{"success":false,"result":[],"messages":[],"error":[{"code":2009,"message":"Unauthorized"}]}`, providers.KindAuth, providers.ChargeNone, 0},
		"failed, of a success":    {200, envelope("3043", "Internal server error"), providers.KindServer, providers.ChargeUnknown, 0},
		"failed, with an empty answer": {200, `{"result":{"response":"","usage":{"prompt_tokens":1,"completion_tokens":0}},"success":false,` +
			`"errors":[{"code":3040,"message":"Capacity temporarily exceeded"}]}`, providers.KindCapacity, providers.ChargeUnknown, 0},
		"failed": {500, envelope("3043", "Internal server error"), providers.KindServer, providers.ChargeUnknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connect(t, answer(c.status, "application/json", c.body), direct).Chat(t.Context(), request(), nil)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Charge != c.charge || e.RetryAfter != c.wait {
				t.Errorf("got %+v, want %s charged %s after %v", e, c.kind, c.charge, c.wait)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]string{
		"":                            {},
		"CLOUDFLARE_API_TOKEN":        {"CLOUDFLARE_API_TOKEN": ""},
		"CLOUDFLARE_ACCOUNT_ID":       {"CLOUDFLARE_ACCOUNT_ID": "my account"},
		"CLOUDFLARE_BASE_URL":         {"CLOUDFLARE_BASE_URL": "api"},
		"CLOUDFLARE_GATEWAY_BASE_URL": {"CLOUDFLARE_GATEWAY_ID": "g", "CLOUDFLARE_GATEWAY_BASE_URL": "gateway"},
	} {
		values := direct("https://api.example.org")
		maps.Copy(values, change)
		_, err := cloudflare.Vendor.Open(providers.Config{Values: values})
		if (err == nil) != (name == "") || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want an error that names %q", err, name)
		}
	}
	if got := cloudflare.Vendor.Sandbox("http://127.0.0.1:1", "k")["CLOUDFLARE_ACCOUNT_ID"]; got != emulator.Account {
		t.Errorf("the sandbox's account is %s", got)
	}
}

func TestListedModels(t *testing.T) {
	t.Parallel()
	handler, _ := start(t)
	infos, err := connect(t, handler, direct).Models(t.Context())
	if err != nil || len(infos) == 0 || infos[0].ID != "@cf/openai/gpt-oss-120b" || infos[0].ContextLength != 128_000 || infos[0].Created.IsZero() {
		t.Errorf("%+v, %v", infos, err)
	}
	pages := 0
	driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages++
		models := strings.Repeat(`{"name":"m"},`, 100)
		if r.URL.Query().Get("page") == "2" {
			models = `{"name":"last"},`
		}
		answer(http.StatusOK, "application/json", `{"success":true,"result":[`+strings.TrimSuffix(models, ",")+`]}`)(w, r)
	}), direct)
	if infos, err = driver.Models(t.Context()); err != nil || len(infos) != 101 || infos[100].ID != "last" || pages != 2 {
		t.Errorf("%d models of %d pages, %v", len(infos), pages, err)
	}
}
