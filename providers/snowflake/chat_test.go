package snowflake_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/snowflake"
	"dreamlab/providers/snowflake/emulator"
)

// serve opens the driver over a handler.
func serve(t *testing.T, handler http.Handler, more map[string]string) providers.Driver {
	t.Helper()
	server := httptest.NewServer(handler)
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	values := settings(server.URL)
	for name, value := range more {
		values[name] = value
	}
	driver, err := snowflake.Vendor.Open(providers.Config{Values: values, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func request(model string, limit int) *providers.Request {
	return &providers.Request{
		Model: model, Messages: []providers.Message{providers.TextMessage("user", "Thank you")},
		Settings: completion.Settings{MaxTokens: limit},
	}
}

func answer(status int, kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		if _, err := io.WriteString(w, body); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

// An end that the vendor tells falsely, or not at all, is told as it was: streamed and
// whole, by either route, to the client and in the reply.
func TestReasonsOfTheEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		model  string
		limit  int
		guard  string
		finish string
	}{
		"plain":           {llama, 50, "false", "stop"},
		"plain, cut":      {llama, 2, "false", "length"},
		"claude":          {claude, 50, "false", "stop"},
		"openai, cut":     {gpt, 2, "false", "length"},
		"guarded":         {llama, 50, "true", "stop"},
		"guarded, cut":    {llama, 2, "true", "length"},
		"guarded, claude": {claude, 50, "true", "stop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := serve(t, emulator.New(newLab(t)), map[string]string{"SNOWFLAKE_CORTEX_GUARDRAILS": c.guard})
			whole, err := driver.Chat(t.Context(), request(c.model, c.limit), nil)
			if err != nil || whole.Finish != c.finish || !strings.Contains(string(whole.Body), `"finish_reason":"`+c.finish+`"`) {
				t.Errorf("whole: %+v, %v, want %s", whole, err, c.finish)
			}
			var told []string
			streamed, err := driver.Chat(t.Context(), request(c.model, c.limit), func(chunk providers.Chunk) error {
				var event struct {
					Choices []struct {
						Finish *string `json:"finish_reason"`
					}
				}
				if err := json.Unmarshal(chunk.Data, &event); err != nil {
					return err
				}
				if len(event.Choices) > 0 && event.Choices[0].Finish != nil {
					told = append(told, *event.Choices[0].Finish)
				}
				return nil
			})
			if err != nil || streamed.Finish != c.finish || streamed.Content != whole.Content || strings.Join(told, " ") != c.finish {
				t.Errorf("streamed: %+v, %v, told %v, want %s", streamed, err, told, c.finish)
			}
			if streamed.Usage != whole.Usage || whole.Usage.Missing {
				t.Errorf("counted %+v and %+v", streamed.Usage, whole.Usage)
			}
		})
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	driver := serve(t, emulator.New(l), map[string]string{"SNOWFLAKE_CORTEX_GUARDRAILS": "true"})
	req := request(llama, 50)
	req.Messages[0] = providers.TextMessage("user", "How is a bomb made?")
	reply, err := driver.Chat(t.Context(), req, func(providers.Chunk) error { return nil })
	if err != nil || reply.Content != "Response filtered by Cortex Guard" {
		t.Errorf("%+v, %v", reply, err)
	}
	if paid := l.Payments(); paid[0].TokensOut != reply.Usage.Output {
		t.Errorf("counted %+v, billed %+v", reply.Usage, paid)
	}
}

// The older route's streams, as they are written down.
func TestFormsOfTheOlderRoute(t *testing.T) {
	t.Parallel()
	guard := map[string]string{"SNOWFLAKE_CORTEX_GUARDRAILS": "true"}
	const usage = `{"prompt_tokens":5,"completion_tokens":2,"guard_tokens":9,"total_tokens":16}`
	for name, body := range map[string]string{
		"content": `data: {"choices":[{"delta":{"type":"text","content":"Hel"}}],"usage":{}}` + "\n\n" +
			`data: {"choices":[{"delta":{"type":"text","content":"lo"}}],"usage":` + usage + "}\n\n",
		"text": `data: {"choices":[{"delta":{"type":"text","text":"Hel"}}],"usage":{}}` + "\n\n" +
			`data: {"choices":[{"delta":{"type":"text","text":"lo"}}],"usage":` + usage + "}\n\n",
		"usage alone": `data: {"choices":[{"delta":{"text":"Hello"}}]}` + "\n\n" +
			`data: {"choices":[],"usage":` + usage + "}\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply, err := serve(t, answer(200, "text/event-stream", body), guard).Chat(t.Context(), request(llama, 50), nil)
			want := providers.Usage{Input: 5, Output: 2}
			if err != nil || reply.Content != "Hello" || reply.Finish != "stop" || reply.Usage != want {
				t.Errorf("%+v, %v", reply, err)
			}
		})
	}
	t.Run("cut before the usage", func(t *testing.T) {
		t.Parallel()
		body := `data: {"choices":[{"delta":{"text":"Hel"}}],"usage":{}}` + "\n\n"
		_, err := serve(t, answer(200, "text/event-stream", body), guard).Chat(t.Context(), request(llama, 50), nil)
		if providers.KindOf(err) != providers.KindTruncated {
			t.Errorf("got %v, want a stream that was cut", err)
		}
	})
}

func TestSnowflakesFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		kind   providers.Kind
	}{
		"options":   {400, `{"message":"invalid options object"}`, providers.KindInvalid},
		"model":     {400, `{"message":"unknown model llama4-scout"}`, providers.KindModelGone},
		"schema":    {400, `{"message":"schema validation failed"}`, providers.KindInvalid},
		"context":   {400, `{"message":"max tokens of 128000 exceeded"}`, providers.KindContext},
		"throttled": {400, `{"message":"all requests were throttled by remote service"}`, providers.KindRateLimit},
		"token":     {401, `{"code":"390144","message":"JWT token is invalid. [4f]"}`, providers.KindAuth},
		"expired":   {400, `{"code":"390318","message":"words"}`, providers.KindAuth},
		"budget":    {402, `{"message":"budget exceeded"}`, providers.KindBilling},
		"forbidden": {403, `{"message":"Not Authorized"}`, providers.KindPermission},
		"role":      {401, `{"message":"words","code":"390189","error_code":"390189"}`, providers.KindPermission},
		"method":    {405, `{"message":"method not allowed"}`, providers.KindInvalid},
		"many":      {429, `{"message":"too many requests"}`, providers.KindRateLimit},
		"broken":    {500, `{"message":"internal error"}`, providers.KindServer},
		"slow":      {503, `{"message":"inference timed out"}`, providers.KindTimeout},
		"full":      {503, `{"message":"service unavailable"}`, providers.KindCapacity},
		"late":      {504, ``, providers.KindTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Snowflake-Request-ID", "01af")
				answer(c.status, "application/json", c.body).ServeHTTP(w, r)
			})
			_, err := serve(t, handler, nil).Chat(t.Context(), request(llama, 5), nil)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.RetryAfter != 0 || e.RequestID != "01af" {
				t.Errorf("got %+v, want %s", e, c.kind)
			}
		})
	}
}

func TestEmulatedFaults(t *testing.T) {
	t.Parallel()
	ignore := func(providers.Chunk) error { return nil }
	for name, c := range map[string]struct {
		fault lab.Fault
		sink  providers.Sink
		kind  providers.Kind
	}{
		"rate limit":   {lab.Fault{Kind: lab.FaultRateLimit}, nil, providers.KindRateLimit},
		"waiting":      {lab.Fault{Kind: lab.FaultRateLimit, RetryAfter: 3}, nil, providers.KindRateLimit},
		"capacity":     {lab.Fault{Kind: lab.FaultCapacity}, nil, providers.KindCapacity},
		"truncated":    {lab.Fault{Kind: lab.FaultTruncate, Chunks: 2}, ignore, providers.KindTruncated},
		"stream error": {lab.Fault{Kind: lab.FaultStreamError, Chunks: 2}, ignore, providers.KindServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			c.fault.Vendor = "snowflake"
			if err := l.AddFault(c.fault); err != nil {
				t.Fatal(err)
			}
			_, err := serve(t, emulator.New(l), nil).Chat(t.Context(), request(llama, 50), c.sink)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || (e.RetryAfter == 3*time.Second) != (c.fault.RetryAfter != nil) {
				t.Errorf("got %+v, want %s", e, c.kind)
			}
		})
	}
}

// What is sent is in Snowflake's words, with the role and the warehouse.
func TestRequestInSnowflakesWords(t *testing.T) {
	t.Parallel()
	for guard, path := range map[string]string{
		"false": "/api/v2/cortex/v1/chat/completions", "true": "/api/v2/cortex/inference:complete",
	} {
		sent := make(chan map[string]any, 1)
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := map[string]any{"path": r.URL.Path, "role": r.Header.Get("X-Snowflake-Role"),
				"warehouse": r.Header.Get("X-Snowflake-Warehouse"), "kind": r.Header.Get("X-Snowflake-Authorization-Token-Type")}
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			sent <- body
			answer(500, "application/json", "{}").ServeHTTP(w, r)
		})
		driver := serve(t, handler, map[string]string{
			"SNOWFLAKE_CORTEX_GUARDRAILS": guard, "SNOWFLAKE_ROLE": "CORTEX_USER", "SNOWFLAKE_WAREHOUSE": "WH",
		})
		if _, err := driver.Chat(t.Context(), request(llama, 5), func(providers.Chunk) error { return nil }); err == nil {
			t.Error("no error")
		}
		body := <-sent
		limit := map[string]string{"false": "max_completion_tokens", "true": "max_tokens"}[guard]
		if body["path"] != path || body["role"] != "CORTEX_USER" || body["warehouse"] != "WH" ||
			body["kind"] != "PROGRAMMATIC_ACCESS_TOKEN" || body[limit] != 5.0 || (body["guardrails"] != nil) != (guard == "true") {
			t.Errorf("sent %v", body)
		}
	}
}

func TestVectorsOfOneLength(t *testing.T) {
	t.Parallel()
	embedder := serve(t, emulator.New(newLab(t)), nil).(providers.Embedder)
	_, err := embedder.Embed(t.Context(), providers.EmbedRequest{Model: "m", Inputs: []string{"a"}, Dimensions: 8})
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.KindUnsupported || e.Param != "dimensions" {
		t.Errorf("got %v", err)
	}
	_, err = embedder.Embed(t.Context(), providers.EmbedRequest{Model: "none", Inputs: []string{"a"}})
	if providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("got %v, want a model that is gone", err)
	}
}

// Tools go to the models that have them, and a call ends as one though Claude does not
// say so.
func TestTools(t *testing.T) {
	t.Parallel()
	driver := serve(t, emulator.New(newLab(t)), nil)
	for _, model := range []string{claude, gpt} {
		for _, sink := range []providers.Sink{nil, func(providers.Chunk) error { return nil }} {
			req := request(model, 50)
			req.Tools = []byte(`[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{}}}}]`)
			req.ToolChoice = []byte(`"required"`)
			reply, err := driver.Chat(t.Context(), req, sink)
			if err != nil || reply.Finish != "tool_calls" || !strings.Contains(string(reply.Message), `"weather"`) {
				t.Errorf("%s: %+v, %v", model, reply, err)
			}
		}
	}
}
