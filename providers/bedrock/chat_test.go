package bedrock_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/bedrock"
)

// sent returns what the driver sends for a request: its path and its body.
func sent(t *testing.T, req *providers.Request, values map[string]string) (path, body string) {
	t.Helper()
	server := make(chan [2]string, 1)
	driver := connectAs(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		server <- [2]string{r.RequestURI, string(text)}
		answer(http.StatusInternalServerError, nil, "{}").ServeHTTP(w, r)
	}), values)
	if _, err := driver.Chat(t.Context(), req, nil); err == nil {
		t.Error("no error")
	}
	select {
	case got := <-server:
		return got[0], got[1]
	default:
		t.Fatal("nothing was sent")
		return "", ""
	}
}

func TestRequestInBedrocksWords(t *testing.T) {
	t.Parallel()
	half := 0.5
	req := request("")
	req.MaxTokens, req.Temperature, req.TopP, req.Stop = 50, &half, &half, []string{"END"}
	req.User, req.ReasoningEffort = "user-1", "low"
	req.Options = map[string]json.RawMessage{"service_tier": []byte(`"flex"`), "prompt_cache_key": []byte(`"k"`)}
	req.Vendor = map[string]json.RawMessage{"performanceConfig": []byte(`{"latency":"optimized"}`)}
	req.Tools = []byte(`[{"type":"function","function":{"name":"weather","description":"d","strict":true,` +
		`"parameters":{"type":"object","properties":{"z":{},"a":{}}}},"cache_control":{"type":"ephemeral"}}]`)
	req.ToolChoice = []byte(`{"type":"function","function":{"name":"weather"}}`)
	req.ResponseFormat = []byte(`{"type":"json_schema","json_schema":{"name":"v","schema":{"type":"object"}}}`)
	req.Messages = []providers.Message{
		providers.TextMessage("system", "Be kind."),
		{Role: "user", Content: []byte(`[{"type":"text","text":"See","cache_control":{"type":"ephemeral","ttl":"1h"}},` +
			`{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},{"type":"text","text":" "}]`)},
		providers.TextMessage("user", "and tell"),
		{Role: "assistant", Content: []byte("null"),
			ToolCalls: []byte(`[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"z\":1,\"a\":2}"}}]`),
			Extra: map[string]json.RawMessage{"reasoning_details": []byte(`[{"type":"reasoning.text","text":"a","index":0},` +
				`{"type":"reasoning.text","text":"b","signature":"s","index":0},{"type":"reasoning.text","text":"unsigned","index":1},` +
				`{"type":"reasoning.encrypted","data":"aGlk","index":2}]`)}},
		{Role: "tool", ToolCallID: "c1", Content: []byte(`"sunny"`)},
		{Role: "tool", ToolCallID: "c2", Content: []byte(`""`)},
	}
	path, body := sent(t, req, nil)
	if path != "/model/us.meta.llama4-scout-17b-instruct-v1%3A0/converse" {
		t.Errorf("sent to %s", path)
	}
	const want = `{"messages":[{"role":"user","content":[{"text":"See"},{"cachePoint":{"type":"default","ttl":"1h"}},` +
		`{"image":{"format":"png","source":{"bytes":"aGk="}}},{"text":"and tell"}]},` +
		`{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"ab","signature":"s"}}},` +
		`{"reasoningContent":{"redactedContent":"aGlk"}},` +
		`{"toolUse":{"toolUseId":"c1","name":"weather","input":{"z":1,"a":2}}}]},` +
		`{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"sunny"}]}},` +
		`{"toolResult":{"toolUseId":"c2","content":[{"text":"(nothing)"}]}}]}],` +
		`"system":[{"text":"Be kind."}],` +
		`"inferenceConfig":{"maxTokens":50,"temperature":0.5,"topP":0.5,"stopSequences":["END"]},` +
		`"toolConfig":{"tools":[{"toolSpec":{"name":"weather","description":"d",` +
		`"inputSchema":{"json":{"type":"object","properties":{"z":{},"a":{}}}},"strict":true}},` +
		`{"cachePoint":{"type":"default"}}],"toolChoice":{"tool":{"name":"weather"}}},` +
		`"outputConfig":{"effort":"low","textFormat":{"type":"json_schema",` +
		`"structure":{"jsonSchema":{"name":"v","schema":"{\"type\":\"object\"}"}}}},` +
		`"serviceTier":{"type":"flex"},"requestMetadata":{"user":"user-1"},"performanceConfig":{"latency":"optimized"}}`
	if body != want {
		t.Errorf("sent\n%s\nwant\n%s", body, want)
	}
}

func TestToolChoices(t *testing.T) {
	t.Parallel()
	for choice, want := range map[string]string{
		`"auto"`: `"toolChoice":{"auto":{}}`, `"required"`: `"toolChoice":{"any":{}}`, ``: `"name":"f"`, `"none"`: `"messages"`,
	} {
		req := request("hello")
		req.Tools, req.ToolChoice = []byte(`[{"type":"function","function":{"name":"f"}}]`), []byte(choice)
		if _, body := sent(t, req, nil); !strings.Contains(body, want) || choice == `"none"` && strings.Contains(body, "toolConfig") {
			t.Errorf("%s is sent as %s", choice, body)
		}
	}
}

func TestServiceTier(t *testing.T) {
	t.Parallel()
	values := map[string]string{"BEDROCK_SERVICE_TIER": "priority"}
	for asked, want := range map[string]string{``: "priority", `"flex"`: "flex", `"auto"`: "priority"} {
		req := request("hello")
		if asked != "" {
			req.Options = map[string]json.RawMessage{"service_tier": []byte(asked)}
		}
		if _, body := sent(t, req, values); !strings.Contains(body, `"serviceTier":{"type":"`+want+`"}`) {
			t.Errorf("%s is sent as %s", asked, body)
		}
	}
}

// TestRefusedRequests are those that Bedrock would refuse, or not understand.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	turn := func(role, content string) providers.Message {
		return providers.Message{Role: role, Content: []byte(content)}
	}
	called := turn("assistant", "null")
	called.ToolCalls = []byte(`[{"id":"c","function":{"name":"f","arguments":"{}"}}]`)
	garbled := called
	garbled.ToolCalls = []byte(`[{"id":"c","function":{"name":"f","arguments":"{"}}]`)
	cases := map[string]struct {
		change func(*providers.Request)
		kind   providers.Kind
		param  string
	}{
		"content": {func(r *providers.Request) { r.Messages[0] = turn("user", "7") }, providers.KindInvalid, "messages.content"},
		"sound":   {func(r *providers.Request) { r.Messages[0] = turn("user", `[{"type":"input_audio"}]`) }, providers.KindUnsupported, "messages.content"},
		"picture": {func(r *providers.Request) {
			r.Messages[0] = turn("user", `[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,aGk="}}]`)
		}, providers.KindUnsupported, "messages.content"},
		"no base64": {func(r *providers.Request) {
			r.Messages[0] = turn("user", `[{"type":"image_url","image_url":{"url":"data:image/png;base64,!"}}]`)
		}, providers.KindInvalid, "messages.content"},
		"arguments":   {func(r *providers.Request) { r.Messages = append(r.Messages, garbled) }, providers.KindInvalid, "messages.tool_calls"},
		"tools":       {func(r *providers.Request) { r.Tools = []byte(`{}`) }, providers.KindInvalid, "tools"},
		"tool_choice": {func(r *providers.Request) { r.Tools, r.ToolChoice = []byte(`[]`), []byte(`"never"`) }, providers.KindInvalid, "tool_choice"},
		"none": {func(r *providers.Request) {
			r.Messages = append(r.Messages, called)
			r.Tools, r.ToolChoice = []byte(`[{"type":"function","function":{"name":"f"}}]`), []byte(`"none"`)
		}, providers.KindUnsupported, "tool_choice"},
		"format": {func(r *providers.Request) { r.ResponseFormat = []byte(`[]`) }, providers.KindInvalid, "response_format"},
	}
	for name, c := range cases {
		req := request("hello")
		c.change(req)
		_, err := connect(t, http.NotFoundHandler()).Chat(t.Context(), req, nil)
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Param != c.param || e.Charge != providers.ChargeNone || e.Status != 0 {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestWholeIsTranslated(t *testing.T) {
	t.Parallel()
	const body = `{"output":{"message":{"role":"assistant","content":[` +
		`{"reasoningContent":{"reasoningText":{"text":"Hm.","signature":"s"}}},{"text":"Yes"},{"text":", sir."},` +
		`{"toolUse":{"toolUseId":"t1","name":"f","input":{"z":9007199254740993,"a":"<b>"}}}]}},"stopReason":"tool_use",` +
		`"usage":{"inputTokens":5,"outputTokens":3,"totalTokens":8},"metrics":{"latencyMs":1}}`
	reply, err := connect(t, answer(200, map[string]string{"X-Amzn-Requestid": "r-2"}, body)).Chat(t.Context(), request("?"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Content != "Yes, sir." || reply.Finish != "tool_calls" || reply.Usage != (providers.Usage{Input: 5, Output: 3}) {
		t.Errorf("%+v", reply)
	}
	var message, want any
	const expected = `{"role":"assistant","content":"Yes, sir.","reasoning":"Hm.","reasoning_details":[` +
		`{"type":"reasoning.text","text":"Hm.","signature":"s","index":0}],"tool_calls":[{"id":"t1","type":"function",` +
		`"function":{"name":"f","arguments":"{\"z\":9007199254740993,\"a\":\"<b>\"}"}}]}`
	if err := errors.Join(json.Unmarshal(reply.Message, &message), json.Unmarshal([]byte(expected), &want)); err != nil ||
		!reflect.DeepEqual(message, want) {
		t.Errorf("%s, %v", reply.Message, err)
	}
	malformed := strings.Replace(body, `"tool_use"`, `"malformed_model_output"`, 1)
	_, err = connect(t, answer(200, nil, malformed)).Chat(t.Context(), request("?"), nil)
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.KindModelOutput || e.Charge != providers.ChargeUsage || e.Usage.Output != 3 {
		t.Errorf("malformed: %+v", e)
	}
}

// TestReasoning is that of the emulator, whole and streamed.
func TestReasoning(t *testing.T) {
	t.Parallel()
	emulated, _ := start(t)
	driver := connect(t, emulated)
	for _, sink := range []providers.Sink{nil, ignore} {
		plain, thinking := request("Thank you"), request("Thank you")
		plain.Model, thinking.Model = "openai.gpt-oss-20b-1:0", "openai.gpt-oss-20b-1:0"
		thinking.ReasoningEffort = "high"
		short, err := driver.Chat(t.Context(), plain, sink)
		if err != nil {
			t.Fatal(err)
		}
		long, err := driver.Chat(t.Context(), thinking, sink)
		if err != nil || long.Content != short.Content || long.Usage.Output <= short.Usage.Output ||
			!strings.Contains(string(long.Message), `"reasoning"`) {
			t.Errorf("%+v, %v", long, err)
		}
	}
}

func TestFinishReasons(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length",
		"content_filtered": "content_filter", "guardrail_intervened": "content_filter",
	} {
		body := `{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"` + reason + `"}`
		reply, err := connect(t, answer(200, nil, body)).Chat(t.Context(), request("?"), nil)
		if err != nil || reply.Finish != want || !reply.Usage.Missing {
			t.Errorf("%s: %+v, %v", reason, reply, err)
		}
	}
}

// TestSignedHeaders are those of a temporary access key: its token is sent and signed.
func TestSignedHeaders(t *testing.T) {
	t.Parallel()
	header := make(chan http.Header, 1)
	driver := connectAs(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header <- r.Header.Clone()
		answer(http.StatusBadRequest, nil, `{"message":"token-of-the-session"}`).ServeHTTP(w, r)
	}), map[string]string{"AWS_SESSION_TOKEN": "token-of-the-session"})
	_, err := driver.Chat(t.Context(), request("?"), nil)
	got := <-header
	if got.Get("X-Amz-Security-Token") != "token-of-the-session" ||
		!strings.Contains(got.Get("Authorization"), "x-amz-security-token") ||
		!strings.Contains(got.Get("Authorization"), "/us-east-1/bedrock/aws4_request") {
		t.Errorf("sent %v", got)
	}
	var e *providers.Error
	if !errors.As(err, &e) || strings.Contains(e.Message, "token-of") {
		t.Errorf("the error shows the token: %+v", e)
	}
}

func connectAs(t *testing.T, handler http.Handler, more map[string]string) providers.Driver {
	t.Helper()
	base := serve(t, handler)
	values := settings(base)
	for name, value := range more {
		values[name] = value
	}
	return openWith(t, values)
}

func TestEmbeddingsOfManyTexts(t *testing.T) {
	t.Parallel()
	emulated, _ := start(t)
	driver := connect(t, emulated)
	embedder, ok := driver.(providers.Embedder)
	if !ok {
		t.Fatal("the driver has no embeddings")
	}
	texts := strings.Fields(strings.Repeat("green tea and cake ", 50))
	for _, model := range []string{"amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"} {
		reply, err := embedder.Embed(t.Context(), providers.EmbedRequest{Model: model, Inputs: texts})
		if err != nil || len(reply.Vectors) != len(texts) || reply.Usage.Missing || reply.Usage.Input < int64(len(texts)) {
			t.Errorf("%s: %d vectors, usage %+v, %v", model, len(reply.Vectors), reply.Usage, err)
		}
	}
	_, err := embedder.Embed(t.Context(), providers.EmbedRequest{Model: "stability.pictures", Inputs: texts})
	if providers.KindOf(err) != providers.KindUnsupported {
		t.Errorf("a model without vectors: %v", err)
	}
	_, err = embedder.Embed(t.Context(), providers.EmbedRequest{Model: "cohere.embed-none", Inputs: texts})
	if providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("no such model: %v", err)
	}
}

// TestDimensions are chosen where the model can.
func TestDimensions(t *testing.T) {
	t.Parallel()
	for model, able := range map[string]bool{
		"amazon.titan-embed-text-v2:0": true, "amazon.titan-embed-text-v1": false, "cohere.embed-english-v3": false,
	} {
		driver := connect(t, answer(200, nil, `{"embedding":[1],"inputTextTokenCount":2}`))
		req := providers.EmbedRequest{Model: model, Inputs: []string{"a"}, Dimensions: 256}
		_, err := driver.(providers.Embedder).Embed(t.Context(), req)
		if able && err != nil || !able && providers.KindOf(err) != providers.KindUnsupported {
			t.Errorf("%s: %v", model, err)
		}
	}
}

// TestVectorsOfLaterForms reads the form of Cohere's fourth generation, and tells what
// was billed before a call that failed.
func TestVectorsOfLaterForms(t *testing.T) {
	t.Parallel()
	counted := map[string]string{"X-Amzn-Bedrock-Input-Token-Count": "3"}
	driver := connect(t, answer(200, counted, `{"embeddings":{"float":[[0.5,1]]}}`))
	reply, err := driver.(providers.Embedder).Embed(t.Context(), providers.EmbedRequest{Model: "us.cohere.embed-v4:0", Inputs: []string{"a"}})
	if err != nil || len(reply.Vectors) != 1 || reply.Vectors[0][1] != 1 || reply.Usage.Input != 3 {
		t.Errorf("%+v, %v", reply, err)
	}
	calls := 0
	driver = connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls > 1 {
			answer(429, nil, `{"message":"Too many requests"}`).ServeHTTP(w, r)
			return
		}
		answer(200, nil, `{"embedding":[1],"inputTextTokenCount":2}`).ServeHTTP(w, r)
	}))
	_, err = driver.(providers.Embedder).Embed(t.Context(), providers.EmbedRequest{
		Model: "amazon.titan-embed-text-v2:0", Inputs: []string{"a", "b"},
	})
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.KindRateLimit || e.Charge != providers.ChargeUsage || e.Usage.Input != 2 {
		t.Errorf("%+v", e)
	}
}

// TestSecretSettings keeps what is secret from being shown with the settings.
func TestSecretSettings(t *testing.T) {
	t.Parallel()
	for _, setting := range bedrock.Vendor.Settings {
		secret := strings.Contains(setting.Env, "SECRET") || strings.Contains(setting.Env, "TOKEN")
		if secret && !setting.Secret {
			t.Errorf("%s may be shown", setting.Env)
		}
	}
}
