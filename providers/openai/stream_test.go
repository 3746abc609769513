package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dreamlab/providers"
)

func event(data string) string { return "data: " + data + "\n\n" }

func says(text string) string {
	return event(`{"id":"c","model":"vendor/m","choices":[{"index":0,"delta":{"content":` + text + `}}]}`)
}

const (
	role    = `{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`
	stop    = `{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	counted = `{"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,` +
		`"prompt_tokens_details":{"cached_tokens":2}}}`
	done = "data: [DONE]\n\n"
)

// What vendors send, and what becomes of it.
var streams = map[string]struct {
	text    string
	content string
	finish  string
	usage   providers.Usage
	shows   int
	kind    providers.Kind // of the error; empty for none
	charge  providers.Charge
}{
	"plain": {
		text:    event(role) + says(`"Hel"`) + says(`"lo"`) + event(stop) + event(counted) + done,
		content: "Hello", finish: "stop", shows: 2, usage: providers.Usage{Input: 7, CachedInput: 2, Output: 3},
	},
	"carriage returns and comments": {
		text: ": ping\r\n\r\nevent: message\r\nid: 1\r\ndata:" + role +
			"\r\n\r\n" + says(`"x"`) + event(stop) + done,
		content: "x", finish: "stop", shows: 1, usage: providers.Usage{Missing: true},
	},
	"escapes": {
		text:    says(`"a\"b\\\u00e4\n"`) + says(`"\ud83d\ude00"`) + event(stop) + done,
		content: "a\"b\\ä\n😀", finish: "stop", shows: 2, usage: providers.Usage{Missing: true},
	},
	"error null": {
		text: event(`{"error":null,"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]`+
			`}`) + done,
		content: "x", finish: "stop", shows: 1, usage: providers.Usage{Missing: true},
	},
	"events that are no JSON, in full order": {
		text:    says(`"a"`) + "data: {\"cut\n\n" + says(`"b"`) + event(stop) + done,
		content: "ab", finish: "stop", shows: 2, usage: providers.Usage{Missing: true},
	},
	"events that are no JSON, without the closing mark": {
		text:    says(`"a"`) + "data: {\"cut\n\n" + says(`"b"`) + event(stop),
		content: "ab", finish: "stop", shows: 2, usage: providers.Usage{Missing: true},
		kind: providers.KindTruncated, charge: providers.ChargeUnknown,
	},
	"events that are no JSON, without the reason of an end": {
		text:    says(`"a"`) + "data: {\"cut\n\n" + done,
		content: "a", shows: 1, usage: providers.Usage{Missing: true},
		kind: providers.KindTruncated, charge: providers.ChargeUnknown,
	},
	"azure begins without choices": {
		text:    event(`{"choices":[],"prompt_filter_results":[{}]}`) + says(`"x"`) + event(stop) + done,
		content: "x", finish: "stop", shows: 1, usage: providers.Usage{Missing: true},
	},
	"together eos": {
		text: says(`"x"`) + event(`{"choices":[{"index":0,"text":"","delta":{"role":"assistant",`+
			`"content":"","token_id":128009},"finish_reason":"eos","seed":42}],`+
			`"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6},"warnings":[{"message":"w"}]}`) + done,
		content: "x", finish: "stop", shows: 1, usage: providers.Usage{Input: 5, Output: 1},
	},
	"groq": {
		text: event(`{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],`+
			`"x_groq":{"id":"req_1"}}`) + says(`"x"`) +
			event(`{"choices":[{"index":0,"delta":{},"finish_reason":"length"}],"x_groq":{"id":"req_1",`+
				`"usage":{"queue_time":0.03,"prompt_tokens":18,"completion_tokens":5,"total_tokens":23}}}`) + done,
		content: "x", finish: "length", shows: 1, usage: providers.Usage{Input: 18, Output: 5},
	},
	"groq stops early": {
		text:    says(`"x"`) + event(`{"choices":[],"x_groq":{"id":"req_1","error":"over capacity"}}`) + done,
		content: "x", shows: 1,
		kind: providers.KindServer, charge: providers.ChargeUnknown, usage: providers.Usage{Missing: true},
	},
	"finish without done": {
		text: says(`"x"`) + event(stop), content: "x", finish: "stop", shows: 1,
		usage: providers.Usage{Missing: true},
	},
	"done without newline": {
		text: says(`"x"`) + event(stop) + "data: [DONE]", content: "x", finish: "stop", shows: 1,
		usage: providers.Usage{Missing: true},
	},
	"cut": {
		text: event(role) + says(`"half"`), content: "half", shows: 1,
		kind: providers.KindTruncated, charge: providers.ChargeUnknown, usage: providers.Usage{Missing: true},
	},
	"cut after the usage": {
		text: says(`"half"`) + event(counted), content: "half", shows: 1,
		kind: providers.KindTruncated, charge: providers.ChargeUsage, usage: providers.Usage{Input: 7,
			CachedInput: 2, Output: 3},
	},
	"error object": {
		text: says(`"x"`) + event(`{"error":{"message":"overloaded","type":"server_error","code":503}`+
			`}`) + done, content: "x", shows: 1,
		kind: providers.KindCapacity, charge: providers.ChargeUnknown, usage: providers.Usage{Missing: true},
	},
	"error text": {
		text: says(`"x"`) + event(`{"error":"boom"}`), content: "x", shows: 1,
		kind: providers.KindServer, charge: providers.ChargeUnknown, usage: providers.Usage{Missing: true},
	},
	"llama.cpp error line": {
		text: says(`"x"`) + `error: {"code":500,"message":"slot failed"}` + "\n\n", content: "x", shows: 1,
		kind: providers.KindServer, charge: providers.ChargeUnknown, usage: providers.Usage{Missing: true},
	},
	"no json": {
		text: says(`"x"`) + event(`{"choices":[{"del`) + done, content: "x", shows: 1,
		kind: providers.KindTruncated, charge: providers.ChargeUnknown, usage: providers.Usage{Missing: true},
	},
	"cloudflare's own form": {
		text: event(`{"response":"tok","p":"abc"}`) + done,
		kind: providers.KindUnreadable, charge: providers.ChargeUnknown, usage: providers.Usage{Missing: true},
	},
	"a line without end": {
		text: says(`"x"`) + "data: " + strings.Repeat("y", maxLine+(64<<10)), content: "x", shows: 1,
		kind: providers.KindUnreadable, charge: providers.ChargeUnknown, usage: providers.Usage{Missing: true},
	},
	"a long line": {
		text:    says(`"`+strings.Repeat("z", 100<<10)+`"`) + event(stop) + done,
		content: strings.Repeat("z", 100<<10), finish: "stop", shows: 1, usage: providers.Usage{Missing: true},
	},
	"second choice": {
		text: event(`{"choices":[{"delta":{"content":"b"},"index":1},{"index":0,"delta":{"content":"a"}}]}`) +
			event(`{"choices":[{"index":1,"delta":{},"finish_reason":"length"},{"index":0,"delta":{},`+
				`"finish_reason":"stop"}]}`) + done,
		content: "a", finish: "stop", shows: 1, usage: providers.Usage{Missing: true},
	},
	"nonsense usage": {
		text:    says(`"x"`) + event(stop) + event(`{"choices":[],"usage":{"prompt_tokens":-1}}`) + done,
		content: "x", finish: "stop", shows: 1, usage: providers.Usage{Missing: true},
	},
}

func TestStreams(t *testing.T) {
	t.Parallel()
	for name, c := range streams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, Dialect{Extension: "x_groq"}, body(200, "text/event-stream", c.text))
			var got gather
			reply, err := client.Chat(t.Context(), hello(), got.sink)
			var e *providers.Error
			if c.kind == "" && err != nil {
				t.Fatal(err)
			}
			if c.kind != "" && (!errors.As(err, &e) || e.Kind != c.kind || e.Charge != c.charge) {
				t.Fatalf("got %v (%+v), want %s charged %s", err, e, c.kind, c.charge)
			}
			if reply.Content != c.content || reply.Finish != c.finish || reply.Usage != c.usage {
				t.Errorf("got %.40q, %q, %+v; want %.40q, %q, %+v",
					reply.Content, reply.Finish, reply.Usage, c.content, c.finish, c.usage)
			}
			if got.shows != c.shows || reply.Shown != (c.shows > 0) {
				t.Errorf("%d chunks show something, want %d (%v)", got.shows, c.shows, reply.Shown)
			}
		})
	}
}

func TestStreamPassesBytesOn(t *testing.T) {
	t.Parallel()
	odd := `{"id":"c",  "vendor_extra":{"a":[1,2,{"b":"}"}]}, "choices":[{"index":0,` +
		`"delta":{"content":"x"},"finish_reason":"eos"}]}`
	client := serve(t, Dialect{}, body(200, "text/event-stream; charset=utf-8", event(role)+event(odd)+done))
	var got gather
	if _, err := client.Chat(t.Context(), hello(), got.sink); err != nil {
		t.Fatal(err)
	}
	if got.data[0] != role {
		t.Errorf("the chunk changed to %s", got.data[0])
	}
	if want := strings.Replace(odd, `"eos"`, `"stop"`, 1); got.data[1] != want {
		t.Errorf("got %s, want only the reason for the end changed", got.data[1])
	}
}

func TestStreamedToolCalls(t *testing.T) {
	t.Parallel()
	piece := func(call string) string {
		return event(`{"choices":[{"index":0,"delta":{"content":null,"tool_calls":[` + call + `]}}]}`)
	}
	text := piece(`{"index":0,"id":"call_1","type":"function","function":{"name":"look","arguments":""}}`) +
		piece(`{"index":0,"function":{"arguments":"{\"a\":"}}`) + piece(`{"index":0,`+
		`"function":{"arguments":"1}"}}`) +
		piece(`{"index":1,"id":"call_2","type":"function","function":{"name":"go","arguments":"{}"}}`) +
		piece(`{"index":99999,"id":"call_x","function":{"name":"far"}}`) +
		event(`{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`) + done
	client := serve(t, Dialect{}, body(200, "text/event-stream", text))
	var got gather
	reply, err := client.Chat(t.Context(), hello(), got.sink)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"a\":1}"}},` +
		`{"id":"call_2","type":"function","function":{"name":"go","arguments":"{}"}},` +
		`{"id":"call_x","type":"function","function":{"name":"far","arguments":""}}]}`
	if string(reply.Message) != want || reply.Finish != "tool_calls" || got.shows != 5 {
		t.Errorf("message %s, finish %s, %d shown", reply.Message, reply.Finish, got.shows)
	}
}

func TestWholeAnswerWhereAStreamWasAsked(t *testing.T) {
	t.Parallel()
	whole := `{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":null,` +
		`"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
		`"finish_reason":"tool_calls"}],` +
		`"usage":{"prompt_tokens":4,"completion_tokens":2}}`
	client := serve(t, Dialect{}, body(200, "application/json", whole))
	var got gather
	reply, err := client.Chat(t.Context(), hello(), got.sink)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.data) != 3 || got.shows != 1 ||
		!strings.Contains(got.data[0], `"object":"chat.completion.chunk"`) ||
		!strings.Contains(got.data[0], `"index":0,"type":"function"`) ||
		!strings.Contains(got.data[1], `"finish_reason":"tool_calls"`) ||
		!strings.Contains(got.data[2], `"usage":{"prompt_tokens":4`) {
		t.Errorf("chunks %v", got.data)
	}
	if reply.Usage.Input != 4 || !json.Valid(reply.Body) {
		t.Errorf("usage %+v, body of %d bytes", reply.Usage, len(reply.Body))
	}
}

func TestSinkStopsTheStream(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	client := serve(t, Dialect{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, event(role), says(`"x"`))
		w.(http.Flusher).Flush()
		<-r.Context().Done() // the client hangs up
		close(released)
	})
	enough := errors.New("enough")
	reply, err := client.Chat(t.Context(), hello(), func(providers.Chunk) error { return enough })
	var e *providers.Error
	if !errors.Is(err, enough) || !errors.As(err, &e) || e.Kind != providers.KindCancelled || reply == nil {
		t.Errorf("got %v", err)
	}
	<-released
}

func TestCancelledWhileStreaming(t *testing.T) {
	t.Parallel()
	client := serve(t, Dialect{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, says(`"x"`))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	reply, err := client.Chat(ctx, hello(), func(providers.Chunk) error { cancel(); return nil })
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.KindCancelled || e.Charge != providers.ChargeUnknown {
		t.Errorf("got %v, want cancelled at unknown charge", err)
	}
	if reply == nil || reply.Content != "x" {
		t.Errorf("what arrived is lost: %+v", reply)
	}
}

func TestServerThatDoesNotHangUp(t *testing.T) {
	t.Parallel()
	client := serve(t, Dialect{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, says(`"x"`), event(stop), done)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	var got gather
	if reply, err := client.Chat(t.Context(), hello(), got.sink); err != nil || reply.Content != "x" {
		t.Errorf("got %v, want the answer without waiting for the end of the body", err)
	}
}

func TestChunksThatShowNothingAreFew(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(event(role), 10*maxIdle) + says(`"x"`) + event(role) + event(stop) + done
	client := serve(t, Dialect{}, body(200, "text/event-stream", text))
	var got gather
	if _, err := client.Chat(t.Context(), hello(), got.sink); err != nil {
		t.Fatal(err)
	}
	if len(got.data) != maxIdle+3 || got.shows != 1 {
		t.Errorf("%d chunks were handed on, want %d", len(got.data), maxIdle+3)
	}
}

func TestStreamWithoutAnEnd(t *testing.T) {
	t.Parallel()
	req := hello()
	req.MaxTokens = 5
	client := serve(t, Dialect{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			if _, err := fmt.Fprint(w, says(`"x"`)); err != nil {
				return
			}
		}
	})
	size := 0
	_, err := client.Chat(t.Context(), req, func(chunk providers.Chunk) error { size += len(chunk.Data); return nil })
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.KindUnreadable || !e.NoRetry || size > minStream {
		t.Errorf("%d bytes were taken of five tokens, then %v", size, err)
	}
}

// TestStreamIsPutTogetherAsOneAnswer holds the answer to what the vendor says beside its
// choices, in chunks that have none, too.
func TestStreamIsPutTogetherAsOneAnswer(t *testing.T) {
	t.Parallel()
	const begins = `{"id":"i","object":"chat.completion.chunk","created":7,"model":"m",`
	text := event(begins+`"choices":[],"prompt_filter_results":[{"prompt_index":0}]}`) +
		event(begins+`"choices":[{"index":0,"delta":{"content":"a"}}],"system_fingerprint":"f","service_tier":"auto"}`) +
		event(begins+`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"service_tier":"flex"}`) +
		event(begins+`"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1},"timings":{"n":1}}`) + done
	client := serve(t, Dialect{}, body(200, "text/event-stream", text))
	reply, err := client.Chat(t.Context(), hello(), new(gather).sink)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"i","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":` +
		`{"role":"assistant","content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1},` +
		`"prompt_filter_results":[{"prompt_index":0}],"system_fingerprint":"f","service_tier":"flex","timings":{"n":1}}`
	if string(reply.Body) != want {
		t.Errorf("got  %s\nwant %s", reply.Body, want)
	}
}

// TestWhatStandsBesideChoicesIsHandedOn holds a stream to give on what its chunks without
// choices tell, with a list of choices that clients can walk over.
func TestWhatStandsBesideChoicesIsHandedOn(t *testing.T) {
	t.Parallel()
	text := event(`{"id":"i","prompt_filter_results":[1]}`) + event(`{"id":"i","service_tier":null}`) +
		says(`"x"`) + "data: no chunk\n\n" + event(stop) + done
	client := serve(t, Dialect{}, body(200, "text/event-stream", text))
	var chunks []string
	reply, err := client.Chat(t.Context(), hello(), func(c providers.Chunk) error {
		chunks = append(chunks, string(c.Data))
		return nil
	})
	if err != nil || reply.Skipped != 1 {
		t.Fatalf("%d events were skipped, %v", reply.Skipped, err)
	}
	if len(chunks) != 3 || chunks[0] != `{"id":"i","prompt_filter_results":[1],"choices":[]}` {
		t.Errorf("got %q", chunks)
	}
}

func TestHiddenMembersDoNotReachClients(t *testing.T) {
	t.Parallel()
	dialect := Dialect{Hidden: []string{"seed", "text", "token_id", "prompt"}}
	streamed := event(`{"id":"i","prompt":[],"choices":[{"index":0,"text":"x","seed":7,"delta":{"content":"x","token_id":5}}]}`) +
		event(stop) + done
	client := serve(t, dialect, body(200, "text/event-stream", streamed))
	var chunks []string
	reply, err := client.Chat(t.Context(), hello(), func(c providers.Chunk) error {
		chunks = append(chunks, string(c.Data))
		return nil
	})
	want := `{"id":"i","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}`
	if err != nil || len(chunks) != 2 || chunks[0] != want || reply.Content != "x" {
		t.Errorf("got %q, %v, want %s first", chunks, err, want)
	}
	whole := `{"id":"i","prompt":[],"choices":[{"index":0,"seed":7,"text":"x","message":{"role":"assistant","content":"x","token_id":1},` +
		`"finish_reason":"stop"}]}`
	client = serve(t, dialect, body(200, "application/json", whole))
	reply, err = client.Chat(t.Context(), hello(), nil)
	want = `{"id":"i","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}`
	if err != nil || string(reply.Body) != want {
		t.Errorf("got %s, %v, want %s", reply.Body, err, want)
	}
}
