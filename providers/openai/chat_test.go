package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

const whole = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"vendor/m",` +
	`"choices":[{"index":0,` +
	`"message":{"role":"assistant","content":"Hi","refusal":null,"reasoning":"r"},"finish_reason":"eos"}],` +
	`"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,` +
	`"completion_tokens_details":{"reasoning_tokens":1}},"extra":{"x":1}}`

func TestWholeAnswer(t *testing.T) {
	t.Parallel()
	client := serve(t, Dialect{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "req_7")
		w.Header().Set("X-Dreamlab-Sandbox", "true")
		body(200, "application/json", whole)(w, r)
	})
	reply, err := client.Chat(t.Context(), hello(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(whole, `"eos"`, `"stop"`, 1); string(reply.Body) != want {
		t.Errorf("body %s, want it as it came but for the reason for the end", reply.Body)
	}
	want := providers.Usage{Input: 9, Output: 4, Reasoning: 1}
	if reply.Content != "Hi" || reply.Finish != "stop" || reply.Usage != want || reply.Model != "vendor/m" {
		t.Errorf("reply %+v", reply)
	}
	if reply.RequestID != "req_7" || !reply.Sandbox || !json.Valid(reply.Message) {
		t.Errorf("request %q, sandbox %v, message %s", reply.RequestID, reply.Sandbox, reply.Message)
	}
}

func TestBrokenWholeAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		kind providers.Kind
	}{
		"no json":            {`<html>`, providers.KindUnreadable},
		"no choices":         {`{"choices":[]}`, providers.KindUnreadable},
		"cloudflare's own":   {`{"result":{"response":"x"},"success":true,"errors":[]}`, providers.KindUnreadable},
		"no message":         {`{"choices":[{"message":3}]}`, providers.KindUnreadable},
		"error in a success": {`{"error":{"message":"busy","code":503}}`, providers.KindCapacity},
		"too large":          {`{"choices":"` + strings.Repeat("x", maxBody), providers.KindUnreadable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, Dialect{}, body(200, "application/json", c.text))
			_, err := client.Chat(t.Context(), hello(), nil)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Charge != providers.ChargeUnknown {
				t.Errorf("got %v (%+v), want %s at unknown charge", err, e, c.kind)
			}
		})
	}
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	zero, seed, off := 0.0, int64(7), false
	req := &providers.Request{
		Model: "m",
		Messages: []providers.Message{{Role: "user", Content: json.RawMessage(`"a < b & c"`)},
			{Role: "assistant", Content: json.RawMessage("null")}},
		Settings: completion.Settings{
			MaxTokens: 50, Temperature: &zero, Seed: &seed, Stop: []string{"\n"}, ParallelToolCalls: &off,
			Tools: json.RawMessage(`[{"type":"function"}]`), ResponseFormat: json.RawMessage(`{"type":"json_object"}`),
		},
	}
	want := `{"model":"m","messages":[{"role":"user","content":"a < b & c"},{"role":"assistant",` +
		`"content":null}],"max_tokens":50,` +
		`"temperature":0,"seed":7,"stop":["\n"],"tools":[{"type":"function"}],"parallel_tool_calls":false,` +
		`"response_format":{"type":"json_object"}`
	for name, c := range map[string]struct {
		sink providers.Sink
		tail string
	}{
		"whole":    {nil, "}"},
		"streamed": {(&gather{}).sink, `,"stream":true,"stream_options":{"include_usage":true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, Dialect{Key: "sandbox"}, func(w http.ResponseWriter, r *http.Request) {
				sent, err := io.ReadAll(r.Body)
				if err != nil || string(sent) != want+c.tail {
					t.Errorf("sent %s (%v), want %s", sent, err, want+c.tail)
				}
				if r.Header.Get("Authorization") != "Bearer sandbox" || r.URL.Path != "/v1/chat/completions" {
					t.Errorf("%s with %q", r.URL.Path, r.Header.Get("Authorization"))
				}
				body(200, "application/json", whole)(w, r)
			})
			if _, err := client.Chat(t.Context(), req, c.sink); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChargeOfABrokenConnection(t *testing.T) {
	t.Parallel()
	drop := serve(t, Dialect{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	dead := httptest.NewServer(nil)
	dead.Close()
	unreached := New(Dialect{Provider: "test", Base: dead.URL},
		providers.Config{HTTP: &http.Client{Transport: &http.Transport{}}})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	cases := map[string]struct {
		client *Client
		ctx    context.Context
		kind   providers.Kind
		charge providers.Charge
	}{
		"dropped":   {drop, t.Context(), providers.KindServer, providers.ChargeUnknown},
		"unreached": {unreached, t.Context(), providers.KindServer, providers.ChargeNone},
		"cancelled": {drop, gone, providers.KindCancelled, providers.ChargeNone},
	}
	for name, c := range cases {
		_, err := c.client.Chat(c.ctx, hello(), nil)
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Charge != c.charge {
			t.Errorf("%s: got %v (%+v), want %s charged %s", name, err, e, c.kind, c.charge)
		}
		if err != nil && strings.Contains(err.Error(), "http://") {
			t.Errorf("%s: the error shows the URL: %v", name, err)
		}
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"wrapped": `{"object":"list","data":[{"id":"a","created":1700000000,"owned_by":"o","active":false,` +
			`"context_window":8,"max_completion_tokens":4}]}`,
		"bare": `[{"id":"a","created":1700000000,"organization":"o","context_length":8}]`,
		"vllm": `{"data":[{"id":"a","created":1700000000,"owned_by":"o","max_model_len":8}]}`,
	} {
		client := serve(t, Dialect{}, body(200, "application/json", text))
		models, err := client.Models(t.Context())
		if err != nil || len(models) != 1 || models[0].ID != "a" || models[0].OwnedBy != "o" ||
			models[0].ContextLength != 8 || models[0].Created.Unix() != 1700000000 ||
			models[0].Active != (name != "wrapped") {
			t.Errorf("%s: %+v, %v", name, models, err)
		}
	}
	client := serve(t, Dialect{}, body(200, "application/json", `{"data":"none"}`))
	if _, err := client.Models(t.Context()); err == nil {
		t.Error("a list that is none is no error")
	}
}

func TestEmbed(t *testing.T) {
	t.Parallel()
	text := `{"object":"list","data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}],` +
		`"model":"e","usage":{"prompt_tokens":2}}`
	client := serve(t, Dialect{}, body(200, "application/json", text))
	reply, err := client.Embed(t.Context(), providers.EmbedRequest{Model: "e", Inputs: []string{"a", "b"}})
	if err != nil || reply.Vectors[0][0] != 1 || reply.Vectors[1][1] != 4 || reply.Usage.Input != 2 {
		t.Errorf("%+v, %v", reply, err)
	}
	if _, err := client.Embed(t.Context(), providers.EmbedRequest{Model: "e", Inputs: []string{"a", "b",
		"c"}}); providers.KindOf(err) != providers.KindServer {
		t.Errorf("a missing vector: %v", err)
	}
}

func TestCompatible(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "localhost:11434/v1", "ftp://x/v1", "http://user:pass@x/v1"} {
		if _, err := Compatible("own", base, "").Open(providers.Config{}); err == nil ||
			!strings.Contains(err.Error(), "own.base_url") {
			t.Errorf("base %q: got %v, want an error that names the setting", base, err)
		}
	}
	driver, err := Compatible("own", "http://localhost:11434/v1/",
		"").Open(providers.Config{HTTP: &http.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := driver.(providers.Embedder); !ok {
		t.Error("the driver has no embeddings")
	}
}

func TestExtraMembersGoToThoseWhoTakeThem(t *testing.T) {
	t.Parallel()
	req := hello()
	req.Messages[0].Extra = map[string]json.RawMessage{"reasoning_details": json.RawMessage(`[7]`)}
	for takes, want := range map[bool]string{
		true:  `{"role":"user","content":"hello","reasoning_details":[7]}`,
		false: `{"role":"user","content":"hello"}`,
	} {
		client := serve(t, Dialect{TakesExtra: takes}, func(w http.ResponseWriter, r *http.Request) {
			var sent struct{ Messages []json.RawMessage }
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || string(sent.Messages[0]) != want {
				t.Errorf("sent %s (%v), want %s", sent.Messages, err, want)
			}
			body(200, "application/json", whole)(w, r)
		})
		if _, err := client.Chat(t.Context(), req, nil); err != nil {
			t.Error(err)
		}
	}
}

// sentBy returns the body with which a dialect asks.
func sentBy(t *testing.T, dialect Dialect, req *providers.Request) map[string]json.RawMessage {
	t.Helper()
	var sent map[string]json.RawMessage
	client := serve(t, dialect, func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		body(200, "application/json", whole)(w, r)
	})
	if _, err := client.Chat(t.Context(), req, nil); err != nil {
		t.Error(err)
	}
	return sent
}

func TestReasoningOfEarlierTurnsGoesByTheNameThatAVendorTakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members []string
		extra   map[string]json.RawMessage
		want    string
	}{
		"its own":     {[]string{"reasoning"}, map[string]json.RawMessage{"reasoning": []byte(`"a"`), "x": []byte(`1`)}, `,"reasoning":"a"`},
		"the other":   {[]string{"reasoning"}, map[string]json.RawMessage{"reasoning_content": []byte(`"b"`)}, `,"reasoning":"b"`},
		"both":        {[]string{"reasoning", "reasoning_content"}, map[string]json.RawMessage{"reasoning_content": []byte(`"c"`)}, `,"reasoning_content":"c"`},
		"not wanted":  {nil, map[string]json.RawMessage{"reasoning": []byte(`"d"`)}, ""},
		"wanted here": {[]string{"cache_control"}, map[string]json.RawMessage{"cache_control": []byte(`{}`)}, `,"cache_control":{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := hello()
			req.Messages[0].Extra = c.extra
			want := `[{"role":"user","content":"hello"` + c.want + `}]`
			if got := string(sentBy(t, Dialect{Members: c.members}, req)["messages"]); got != want {
				t.Errorf("sent %s, want %s", got, want)
			}
		})
	}
}

func TestOptionsThatAreNotTakenAreRefusedAndHintsLeftOut(t *testing.T) {
	t.Parallel()
	req := hello()
	req.Options = map[string]json.RawMessage{"top_k": []byte("5"), "service_tier": []byte(`"flex"`)}
	req.Vendor = map[string]json.RawMessage{"own": []byte("true")}
	sent := sentBy(t, Dialect{Options: []string{"top_k"}}, req)
	if string(sent["top_k"]) != "5" || string(sent["own"]) != "true" || sent["service_tier"] != nil {
		t.Errorf("sent %s", sent)
	}
	sent = sentBy(t, Dialect{Options: []string{completion.AnyOption}}, req)
	if string(sent["service_tier"]) != `"flex"` {
		t.Errorf("sent %s", sent)
	}
	client := serve(t, Dialect{}, func(http.ResponseWriter, *http.Request) { t.Error("the vendor was asked") })
	_, err := client.Chat(t.Context(), req, nil)
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.KindUnsupported || e.Param != "top_k" {
		t.Errorf("got %v", err)
	}
}

func TestTheLimitOfTokensIsSentAsTheModelUnderstandsIt(t *testing.T) {
	t.Parallel()
	for model, name := range map[string]string{
		"o3-mini": "max_completion_tokens", "o1": "max_completion_tokens", "gpt-5.6-sol": "max_completion_tokens",
		"openai/gpt-5": "max_completion_tokens", "gpt-10-mini": "max_completion_tokens",
		"gpt-4o": "max_tokens", "openai/gpt-oss-120b": "max_tokens", "llama3.2": "max_tokens", "olmo-2": "max_tokens",
	} {
		req := hello()
		req.Model, req.MaxTokens = model, 9
		sent := sentBy(t, Dialect{Encode: plain}, req)
		if string(sent[name]) != "9" || len(sent["max_tokens"])+len(sent["max_completion_tokens"]) != 1 {
			t.Errorf("%s: sent %s, want %s alone", model, sent, name)
		}
	}
}

func TestAServerMayBeBoundByTheNewerLimit(t *testing.T) {
	t.Parallel()
	sent := make(chan map[string]json.RawMessage, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var fields map[string]json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
			t.Error(err)
		}
		sent <- fields
		body(200, "application/json", whole)(w, r)
	}))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for limit, pass := range map[string][]string{"max_completion_tokens": {"max_completion_tokens"}, "max_tokens": nil} {
		driver, err := Compatible("own", server.URL, "", pass...).Open(providers.Config{HTTP: client})
		if err != nil {
			t.Fatal(err)
		}
		req := hello()
		req.MaxTokens = 9
		if _, err := driver.Chat(t.Context(), req, nil); err != nil {
			t.Error(err)
		}
		if got := <-sent; string(got[limit]) != "9" {
			t.Errorf("sent %s, want %s", got, limit)
		}
	}
}

func TestWhatIsKnownOfAPublicHost(t *testing.T) {
	t.Parallel()
	if strict("http://127.0.0.1:8000/v1") != nil {
		t.Error("a server of one's own is strict")
	}
	host := strict("https://api.openai.com/v1")
	if host == nil || len(host.members) > 0 {
		t.Fatalf("got %+v", host)
	}
	req := hello()
	req.Model, req.MaxTokens = "gpt-4o", 9
	if sent := sentBy(t, Dialect{Encode: host.encode}, req); string(sent["max_completion_tokens"]) != "9" {
		t.Errorf("sent %s", sent)
	}
}

func TestMembersOfToolsThatOpenAIDoesNotHave(t *testing.T) {
	t.Parallel()
	const function = `{"name":"f","parameters":{"n":1.0},"strict":true`
	req := hello()
	req.Tools = json.RawMessage(`[{"type":"function","cache_control":{},"function":` + function + `,"eager":1}}]`)
	for takes, want := range map[bool]string{
		true:  string(req.Tools),
		false: `[{"type":"function","function":` + function + `}}]`,
	} {
		client := serve(t, Dialect{TakesExtra: takes}, func(w http.ResponseWriter, r *http.Request) {
			var sent struct{ Tools json.RawMessage }
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || string(sent.Tools) != want {
				t.Errorf("sent %s (%v), want %s", sent.Tools, err, want)
			}
			body(200, "application/json", whole)(w, r)
		})
		if _, err := client.Chat(t.Context(), req, nil); err != nil {
			t.Error(err)
		}
	}
}

// TestServerThatCanNotStream has the reader want chunks all the same.
func TestServerThatCanNotStream(t *testing.T) {
	t.Parallel()
	const whole = `{"id":"i","object":"chat.completion","model":"m","choices":[{"index":0,"message":` +
		`{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent map[string]any
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || sent["stream"] != nil || sent["stream_options"] != nil {
			t.Errorf("sent %v, %v", sent, err)
		}
		body(200, "application/json", whole)(w, r)
	}))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	driver, err := Compatible("own", server.URL, "").
		Open(providers.Config{InOnePiece: true, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	if streamer, able := driver.(providers.Streamer); !able || streamer.Streams(hello()) {
		t.Error("the driver says that it streams")
	}
	var g gather
	if reply, err := driver.Chat(t.Context(), hello(), g.sink); err != nil || reply.Content != "hi" || g.shows != 1 {
		t.Errorf("got %+v, %v and %d chunks", reply, err, g.shows)
	}
}
