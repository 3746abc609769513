package cloudflare_test

import (
	"net/http"
	"strings"
	"testing"

	"dreamlab/providers"
)

// Some models answer in Cloudflare's own form on any route.
func TestNativeStreams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stream  string
		content string
		finish  string
		calls   string // a part of the message
		kind    providers.Kind
	}{
		"text": {`data: {"response":"Hi","p":"abc"}

data: {"response":" there","p":"abcdef"}

data: {"response":"","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}

data: [DONE]

`, "Hi there", "stop", "", ""},
		"cut at the bound": {`data: {"response":"Hi"}

data: {"response":"","usage":{"prompt_tokens":9,"completion_tokens":50,"total_tokens":59}}

data: [DONE]

`, "Hi", "length", "", ""},
		"calls": {`data: {"response":"","tool_calls":[{"name":"f","arguments":{"a":1}}]}

data: {"response":"","tool_calls":[{"id":null,"name":null,"arguments":null}]}

data: {"tool_calls":[{"name":"g","arguments":"{\"b\":2}"}]}

data: {"response":null,"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}}

data: [DONE]

`, "", "tool_calls", `"name":"g","arguments":"{\"b\":2}"`, ""},
		"both forms": {`data: {"response":"Hi"}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}

data: [DONE]

`, "Hi there", "stop", "", ""},
		"usage alone is no end": {`data: {"usage":{"prompt_tokens":9,"completion_tokens":0,"total_tokens":9}}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}

`, "Hi", "", "", providers.KindTruncated},
		"whole in one event": {`data: {"result":{"response":"Hi","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}},"success":true}

data: [DONE]

`, "Hi", "stop", "", ""},
		"broken off": {`data: {"response":"Hi"}

`, "Hi", "", "", providers.KindTruncated},
		"failed": {`data: {"response":"Hi"}

data: {"errors":[{"message":"Capacity temporarily exceeded","code":3040}],"success":false,"result":{},"messages":[]}

`, "Hi", "", "", providers.KindCapacity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var chunks strings.Builder
			reply, err := connect(t, answer(http.StatusOK, "text/event-stream", c.stream), direct).Chat(t.Context(), request(),
				func(chunk providers.Chunk) error {
					chunks.Write(chunk.Data)
					return nil
				})
			if (err == nil) != (c.kind == "") || err != nil && providers.KindOf(err) != c.kind {
				t.Fatalf("got %v, want %q", err, c.kind)
			}
			if reply.Content != c.content || reply.Finish != c.finish || !strings.Contains(string(reply.Message), c.calls) {
				t.Errorf("got %+v: %s", reply, reply.Message)
			}
			if c.kind == "" && (reply.Usage.Input != 9 || strings.Contains(chunks.String(), `"response"`)) {
				t.Errorf("usage %+v of %s", reply.Usage, chunks.String())
			}
		})
	}
}

// Whole answers come in an envelope, or in OpenAI's form, whatever was asked for.
func TestNativeAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, content, finish, part string }{
		"text": {`{"result":{"response":"Hi","usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}},"success":true,"errors":[],"messages":[]}`,
			"Hi", "stop", ""},
		"cut at the bound": {`{"result":{"response":"Hi","usage":{"prompt_tokens":9,"completion_tokens":50,"total_tokens":59}},"success":true,"errors":[],"messages":[]}`,
			"Hi", "length", ""},
		"an object": {`{"result":{"response":{"a": [1, 2]},"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}},"success":true,"errors":[],"messages":[]}`,
			`{"a":[1,2]}`, "stop", ""},
		"a call": {`{"result":{"response":null,"tool_calls":[{"name":"f","arguments":{"a":1}}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}},"success":true,"errors":[],"messages":[]}`,
			"", "tool_calls", `"arguments":"{\"a\":1}"`},
		"OpenAI's form in the envelope": {`{"result":{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}},"success":true,"errors":[],"messages":[]}`,
			"Hi", "stop", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := connect(t, answer(http.StatusOK, "application/json", c.body), direct)
			for _, sink := range []providers.Sink{nil, ignore} {
				reply, err := driver.Chat(t.Context(), request(), sink)
				if err != nil {
					t.Fatal(err)
				}
				if reply.Content != c.content || reply.Finish != c.finish || !strings.Contains(string(reply.Message), c.part) || reply.Usage.Input != 9 {
					t.Errorf("got %+v: %s", reply, reply.Message)
				}
			}
		})
	}
}
