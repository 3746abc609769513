package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/tasks"
)

// call asks a form over a handler of chats, and returns what the chat was asked and
// what the client got.
func call(t *testing.T, serve func(wire.Handler) wire.Handler, body string, chats wire.Handler) (
	asked string, got *httptest.ResponseRecorder, err error,
) {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	got = httptest.NewRecorder()
	err = serve(func(w http.ResponseWriter, c *wire.Call) error {
		text, err := io.ReadAll(c.Body)
		if err != nil {
			return err
		}
		asked = string(text)
		return chats(w, c)
	})(deadlines{got}, &wire.Call{Request: request})
	return asked, got, err
}

// deadlines lets a recorder take the deadlines that are set for writes.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetWriteDeadline(time.Time) error { return nil }

// same compares JSON by meaning.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal([]byte(got), &a), json.Unmarshal([]byte(want), &b)); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, got)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s is\n%s\nwant\n%s", what, got, want)
	}
}

func nothing(http.ResponseWriter, *wire.Call) error { return nil }

// TestAsk holds what a chat is asked for by each form.
func TestAsk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		serve      func(wire.Handler) wire.Handler
		body, want string
	}{
		"completion": {Completions,
			`{"model":"m","prompt":["a b"],"max_tokens":5,"stop":"x","suffix":null,"echo":false,"best_of":1}`,
			`{"model":"m","messages":[{"role":"user","content":"a b"}],"max_tokens":5,"stop":"x"}`},
		"response of a text": {Responses,
			`{"model":"m","input":"hi","instructions":"be brief","max_output_tokens":9,"store":false,"truncation":"disabled"}`,
			`{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}],
			  "max_completion_tokens":9,"store":false}`},
		"response with a tool's result": {Responses,
			`{"model":"m","stream":true,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low","summary":"auto"},
			  "input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"low"}]},
			  {"type":"reasoning","id":"rs","summary":[]},
			  {"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},
			  {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
			  {"type":"function_call_output","call_id":"c1","output":"42"}],
			  "tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true}],
			  "tool_choice":{"type":"function","name":"f"},
			  "text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object"}}}}`,
			`{"model":"m","stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"low",
			  "messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA","detail":"low"}}]},
			  {"role":"assistant","content":"b","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
			  {"role":"tool","content":"42","tool_call_id":"c1"}],
			  "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}}],
			  "tool_choice":{"type":"function","function":{"name":"f"}},
			  "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}}}`},
		"message": {Messages,
			`{"model":"m","max_tokens":10,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],
			  "stop_sequences":["x"],"metadata":{"user_id":"u","conversation_id":"c"},"thinking":{"type":"enabled","budget_tokens":5000},
			  "messages":[{"role":"user","content":"a"},
			  {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"b"},{"type":"tool_use","id":"t1","name":"f","input":{"x":1}}]},
			  {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"42"}]},
			  {"type":"tool_result","tool_use_id":"t2","is_error":true,"content":"no"},{"type":"text","text":"go on"}]}],
			  "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"tool_choice":{"type":"any","disable_parallel_tool_use":true}}`,
			`{"model":"m","max_tokens":10,"stop":["x"],"user":"u","metadata":{"conversation_id":"c"},"reasoning_effort":"medium",
			  "messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},
			  {"role":"assistant","content":"b","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
			  {"role":"tool","content":"42","tool_call_id":"t1"},{"role":"tool","content":"Error: no","tool_call_id":"t2"},
			  {"role":"user","content":"go on"}],
			  "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],
			  "tool_choice":"required","parallel_tool_calls":false}`},
	} {
		asked, _, err := call(t, c.serve, c.body, nothing)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same(t, name, asked, c.want)
	}
}

// TestRefused holds that what is not offered is refused by the name that the client
// used.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		serve             func(wire.Handler) wire.Handler
		body, code, param string
	}{
		{Completions, `{"model":"m","prompt":[1,2]}`, "unsupported_parameter", "prompt"},
		{Completions, `{"model":"m","prompt":"a","echo":true}`, "unsupported_parameter", "echo"},
		{Completions, `{"model":"m"}`, "invalid_request", "prompt"},
		{Responses, `{"model":"m","input":"a","previous_response_id":"r"}`, "unsupported_parameter", "previous_response_id"},
		{Responses, `{"model":"m","input":"a","background":true}`, "unsupported_parameter", "background"},
		{Responses, `{"model":"m","input":[{"type":"item_reference","id":"x"}]}`, "unsupported_parameter", "input[0]"},
		{Responses, `{"model":"m","input":"a","tools":[{"type":"web_search"}]}`, "unsupported_parameter", "tools[0].type"},
		{Responses, `{"model":"m"}`, "invalid_request", "input"},
		{Messages, `{"model":"m","messages":[]}`, "invalid_request", "max_tokens"},
		{Messages, `{"model":"m","max_tokens":1,"messages":[{"role":"system","content":"a"}]}`, "invalid_request", "messages[0].role"},
		{Messages, `{"model":"m","max_tokens":1,"messages":[],"container":"x"}`, "unsupported_parameter", "container"},
		{Messages, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"document"}]}]}`,
			"unsupported_parameter", "messages[0].content[0].type"},
	} {
		asked, _, err := call(t, c.serve, c.body, nothing)
		var f *wire.Fault
		if !errors.As(err, &f) || f.Code != c.code || f.Param != c.param {
			t.Errorf("%s: %v, want %s of %s (asked: %s)", c.body, err, c.code, c.param, asked)
		}
	}
}

// TestRenamed holds that an error of a chat blames the parameter of the form.
func TestRenamed(t *testing.T) {
	t.Parallel()
	refuse := func(http.ResponseWriter, *wire.Call) error {
		return &tasks.InputError{Code: "invalid_request", Param: "messages[1].content", Message: "no"}
	}
	_, _, err := call(t, Responses, `{"model":"m","input":"a"}`, refuse)
	var f *tasks.InputError
	if !errors.As(err, &f) || f.Param != "input[1].content" {
		t.Errorf("%v", err)
	}
}

// answers serves a whole answer of a chat, or its stream in pieces of a few bytes.
func answers(kind string, parts ...string) wire.Handler {
	return func(w http.ResponseWriter, _ *wire.Call) error {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", "1")
		w.WriteHeader(http.StatusOK)
		for _, part := range parts {
			for chunk := range slicesOf([]byte(part), 7) {
				if _, err := w.Write(chunk); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func slicesOf(text []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(text) > 0 {
			at := min(n, len(text))
			if !yield(text[:at]) {
				return
			}
			text = text[at:]
		}
	}
}

const wholeAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":5,"model":"p/m","choices":[{"index":0,
	"message":{"role":"assistant","content":"hi","reasoning":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},
	"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,
	"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":1}},"dreamlab":{"job":"job_1"}}`

// TestWhole holds each form of a whole answer.
func TestWhole(t *testing.T) {
	t.Parallel()
	_, got, err := call(t, Messages, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}]}`,
		answers("application/json", wholeAnswer))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the message", got.Body.String(), `{"id":"msg_1","type":"message","role":"assistant","model":"p/m",
		"content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"hi"},
		{"type":"tool_use","id":"c1","name":"f","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,
		"usage":{"input_tokens":7,"cache_read_input_tokens":3,"cache_creation_input_tokens":0,"output_tokens":4},
		"dreamlab":{"job":"job_1"}}`)
	_, got, err = call(t, Responses, `{"model":"m","input":"a"}`, answers("application/json", wholeAnswer))
	if err != nil {
		t.Fatal(err)
	}
	var response struct {
		ID, Status string
		Output     json.RawMessage
		Usage      json.RawMessage
	}
	if err := json.Unmarshal(got.Body.Bytes(), &response); err != nil || response.ID != "resp_1" || response.Status != "completed" {
		t.Errorf("%v: %s", err, got.Body)
	}
	same(t, "the output", string(response.Output), `[
		{"type":"reasoning","id":"rs_1_0","status":"completed","summary":[{"type":"summary_text","text":"hm"}]},
		{"type":"message","id":"msg_1_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[],"logprobs":[]}]},
		{"type":"function_call","id":"fc_1_2","status":"completed","call_id":"c1","name":"f","arguments":"{\"a\":1}"}]`)
	same(t, "the usage", string(response.Usage), `{"input_tokens":10,"output_tokens":4,"total_tokens":14,
		"input_tokens_details":{"cached_tokens":3},"output_tokens_details":{"reasoning_tokens":1}}`)
}

var streamedAnswer = []string{
	": still at work\n\n",
	"id: 1-1\ndata: {\"id\":\"chatcmpl-1\",\"created\":5,\"model\":\"p/m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"h\"}}]}\n\n",
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"i\"}}]}\n\n",
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n",
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}}]}\n\n",
	"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
	"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":4,\"total_tokens\":14},\"dreamlab\":{\"job\":\"job_1\"}}\n\n",
}

// kinds returns the types of a stream's events in their order.
func kinds(t *testing.T, body []byte) (all []string) {
	t.Helper()
	for event := range bytes.SplitSeq(bytes.TrimSpace(body), []byte("\n\n")) {
		name, data, ok := strings.Cut(strings.TrimPrefix(string(event), "event: "), "\ndata: ")
		if !ok {
			continue
		}
		var told struct{ Type string }
		if err := json.Unmarshal([]byte(data), &told); err != nil || told.Type != name {
			t.Errorf("event %q holds %s", name, data)
		}
		all = append(all, name)
	}
	return all
}

// TestStream holds the events of each form, whatever the pieces in which a stream comes.
func TestStream(t *testing.T) {
	t.Parallel()
	whole := answers("text/event-stream", append(streamedAnswer, "data: [DONE]\n\n")...)
	_, got, err := call(t, Messages, `{"model":"m","max_tokens":1,"stream":true,"messages":[{"role":"user","content":"a"}]}`, whole)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ping", "message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
		"content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
	}
	if found := kinds(t, got.Body.Bytes()); !reflect.DeepEqual(found, want) {
		t.Errorf("the message's events are\n%v, want\n%v", found, want)
	}
	_, got, err = call(t, Responses, `{"model":"m","stream":true,"input":"a"}`, whole)
	if err != nil {
		t.Fatal(err)
	}
	want = []string{
		"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
		"response.output_text.delta", "response.output_text.delta", "response.output_text.done", "response.content_part.done",
		"response.output_item.done", "response.output_item.added", "response.function_call_arguments.delta",
		"response.function_call_arguments.done", "response.output_item.done", "response.completed",
	}
	if found := kinds(t, got.Body.Bytes()); !reflect.DeepEqual(found, want) {
		t.Errorf("the response's events are\n%v, want\n%v", found, want)
	}
}

// TestStreamFails holds that a stream that breaks off ends in an error of its form,
// and in nothing that looks like an end.
func TestStreamFails(t *testing.T) {
	t.Parallel()
	broken := answers("text/event-stream", append(streamedAnswer[:2:2],
		"event: error\ndata: {\"error\":{\"message\":\"it broke off\",\"type\":\"server_error\",\"param\":null,\"code\":\"stream_interrupted\"}}\n\n")...)
	_, got, err := call(t, Messages, `{"model":"m","max_tokens":1,"stream":true,"messages":[{"role":"user","content":"a"}]}`, broken)
	if found := kinds(t, got.Body.Bytes()); err != nil || found[len(found)-1] != "error" {
		t.Errorf("%v, %v", found, err)
	}
	_, got, err = call(t, Responses, `{"model":"m","stream":true,"input":"a"}`, broken)
	if found := kinds(t, got.Body.Bytes()); err != nil || !reflect.DeepEqual(found[len(found)-2:], []string{"error", "response.failed"}) {
		t.Errorf("%v, %v", found, err)
	}
}
