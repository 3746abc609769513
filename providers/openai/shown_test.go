package openai

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

// A second reader of streams, which shares nothing with the first: it joins the
// chunks that a client is shown as OpenAI's own libraries do, and holds the result
// against what is kept.

type shownCall struct{ ID, Name, Arguments string }

type shown struct {
	Content, Refusal, Reasoning, Finish string
	Calls                               []shownCall
	fault                               string // what a client would stumble over
}

func (s *shown) chunk(data string) {
	var chunk map[string]any
	if err := json.Unmarshal([]byte(data), &chunk); err != nil || strings.ContainsAny(data, "\r\n") {
		s.fault = "no JSON object on one line: " + data
		return
	}
	choices, is := chunk["choices"].([]any)
	if !is {
		s.fault = "no list of choices: " + data
	}
	for _, item := range choices {
		choice, _ := item.(map[string]any)
		delta, isDelta := choice["delta"].(map[string]any)
		index, isIndex := choice["index"].(float64)
		if !isDelta || !isIndex {
			s.fault = "a choice without index or delta: " + data
			continue
		}
		if index == 0 {
			s.delta(delta)
			s.end(choice["finish_reason"])
		}
	}
}

func (s *shown) end(reason any) {
	word, is := reason.(string)
	if reason != nil && !is || word != "" && !slices.Contains(
		[]string{"stop", "length", "tool_calls", "content_filter", "function_call"}, word) {
		s.fault = fmt.Sprintf("the reason %v", reason)
	}
	if word != "" {
		s.Finish = word
	}
}

func (s *shown) delta(delta map[string]any) {
	said := func(names ...string) string {
		for _, name := range names {
			text, is := delta[name].(string)
			if delta[name] != nil && !is {
				s.fault = fmt.Sprintf("%s is %v", name, delta[name])
			}
			if text != "" {
				return text
			}
		}
		return ""
	}
	s.Content += said("content")
	s.Refusal += said("refusal")
	s.Reasoning += said("reasoning", "reasoning_content")
	calls, _ := delta["tool_calls"].([]any)
	for _, item := range calls {
		s.call(item)
	}
}

func (s *shown) call(item any) {
	piece, _ := item.(map[string]any)
	index, is := piece["index"].(float64)
	at := int(index)
	if !is || at < 0 || at > len(s.Calls) {
		s.fault = fmt.Sprintf("a call under index %v", piece["index"])
		return
	}
	if at == len(s.Calls) {
		s.Calls = append(s.Calls, shownCall{})
	}
	call := &s.Calls[at]
	function, _ := piece["function"].(map[string]any)
	for value, into := range map[*string]any{
		&call.ID: piece["id"], &call.Name: function["name"],
	} {
		text, _ := into.(string)
		if text != "" && *value != "" {
			s.fault = "an id or a name came twice"
		}
		*value += text
	}
	arguments, _ := function["arguments"].(string)
	call.Arguments += arguments
}

// kept reads what the first reader keeps, by the plain decoder.
func kept(t interface{ Fatal(...any) }, reply *providers.Reply) shown {
	var message map[string]any // names of structs would match in any case
	if err := json.Unmarshal(reply.Message, &message); err != nil {
		t.Fatal(err, string(reply.Message))
	}
	k := shown{Finish: reply.Finish}
	calls, _ := message["tool_calls"].([]any)
	for i, item := range calls {
		item.(map[string]any)["index"] = float64(i)
	}
	k.delta(message)
	return k
}

// readText reads a stream and returns both readings.
func readText(t interface{ Fatal(...any) }, text string) (kept1, shown1 shown, err error) {
	client := New(Dialect{Provider: "test", Base: "http://x", Extension: "x_groq"},
		providers.Config{HTTP: &http.Client{}})
	response := &http.Response{StatusCode: 200, Header: http.Header{}}
	s := &stream{answer: &answer{Response: response, client: client, ctx: context.Background()}, reply: &providers.Reply{}}
	body := bufio.NewReader(strings.NewReader(text))
	isStream(response.Header, body) // takes the byte order mark off
	err = s.run(newEvents(body, maxLine), func(chunk providers.Chunk) error {
		shown1.chunk(string(chunk.Data))
		return nil
	})
	s.finish()
	return kept(t, s.reply), shown1, err
}

func compare(t interface{ Fatal(...any) }, text string) {
	k, s, err := readText(t, text)
	if s.fault != "" {
		t.Fatal(s.fault)
	}
	if err == nil && !reflect.DeepEqual(k, s) {
		t.Fatal(fmt.Sprintf("kept  %+v\nshown %+v\nof %q", k, s, text))
	}
}

// odd draws the streams of vendors that stray from OpenAI in one way or another.
func odd() *rapid.Generator[string] {
	pick := rapid.SampledFrom[[]string]
	contents := pick([]string{`"a"`, `" b\u00e4"`, `null`, `""`, `7`, `[{"type":"text","text":"c"}]`, `["d"]`,
		`[{"type":"thinking","thinking":[{"type":"text","text":"e"}]}]`, `{"type":"text","text":"f"}`})
	calls := rapid.Custom(func(t *rapid.T) string {
		parts := []string{pick([]string{`"index":0`, `"index":1`, `"index":7`, `"index":null`, `"type":"function"`}).Draw(t, "at")}
		if id := pick([]string{"", `"c1"`, `"c2"`, `""`}).Draw(t, "id"); id != "" {
			parts = append(parts, `"id":`+id)
		}
		name := pick([]string{``, `"name":"f",`, `"name":"g",`, `"name":"",`}).Draw(t, "name")
		arguments := pick([]string{`""`, `"{}"`, `"{\"a\":"`, `"1}"`, `{"a":1}`, `null`}).Draw(t, "arguments")
		return `{` + strings.Join(append(parts, `"function":{`+name+`"arguments":`+arguments+`}`), ",") + `}`
	})
	chunks := rapid.Custom(func(t *rapid.T) string {
		members := []string{`"content":` + contents.Draw(t, "content")}
		if list := rapid.SliceOfN(calls, 0, 2).Draw(t, "calls"); len(list) > 0 {
			members = append(members, `"tool_calls":[`+strings.Join(list, ",")+`]`)
		}
		if rapid.Bool().Draw(t, "thinks") {
			members = append(members, `"reasoning_content":"r"`)
		}
		where := pick([]string{`"index":0,"delta":`, `"delta":`, `"index":0,"message":`, `"index":1,"delta":`}).Draw(t, "where")
		return `{"choices":[{` + where + `{` + strings.Join(members, ",") + `}}]}`
	})
	others := pick([]string{`5`, `"text"`, `[]`, `null`, `{"choices":null}`, `{"usage":[1]}`, `{"choices":[],"usage":{"prompt_tokens":-5}}`,
		`{"choices":[{"index":0,"delta":null}]}`})
	ends := pick([]string{"stop", "eos", "MAX_TOKENS", "tool_use", "error", "weird", "content_filter: SAFETY"})
	return rapid.Custom(func(t *rapid.T) string {
		gap := pick([]string{"\n\n", "\r\n\r\n", "\n"}).Draw(t, "gap")
		out := pick([]string{"", "\ufeff", ": hello\n\n"}).Draw(t, "start")
		for _, data := range rapid.SliceOfN(rapid.OneOf(chunks, chunks, chunks, others), 1, 6).Draw(t, "events") {
			out += "data: " + data + gap
		}
		for index := range 2 {
			out += fmt.Sprintf(`data: {"choices":[{"index":%d,"delta":{},"finish_reason":%q}]}`, index, ends.Draw(t, "end")) + gap
		}
		return out + pick([]string{"data: [DONE]\n\n", "", "data: [DONE]"}).Draw(t, "close")
	})
}

func TestKeptIsWhatWasShown(t *testing.T) {
	t.Parallel()
	streams := odd()
	rapid.Check(t, func(t *rapid.T) { compare(t, streams.Draw(t, "stream")) })
}

func FuzzKeptIsWhatWasShown(f *testing.F) {
	for _, c := range dialects {
		f.Add(c.text)
	}
	for i := range 20 {
		f.Add(odd().Example(i))
	}
	f.Fuzz(func(t *testing.T, text string) { compare(t, text) })
}

// The ways in which vendors' streams stray, and what is made of them.
var dialects = map[string]struct {
	text string
	want shown
	kind providers.Kind // of the error; empty for none
}{
	"one event on two lines": {
		text: "data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"x\"}}]}\n\n" + event(stop) + done,
		want: shown{Content: "x", Finish: "stop"},
	},
	"events without a blank line": {
		text: strings.ReplaceAll(says(`"a"`)+says(`"b"`)+event(stop), "\n\n", "\n") + "\n" + done,
		want: shown{Content: "ab", Finish: "stop"},
	},
	"a byte order mark": {text: "\ufeff" + says(`"a"`) + event(stop) + done, want: shown{Content: "a", Finish: "stop"}},
	"bytes that are no UTF-8": {
		text: says("\"a\xff\"") + event(stop) + done, want: shown{Content: "a\uFFFD", Finish: "stop"},
	},
	"events that are no chunks": {
		text: event(`5`) + event(`"text"`) + event(`[]`) + says(`"a"`) + event(`{"choices":[{"del`) + event(stop) + done,
		want: shown{Content: "a", Finish: "stop"},
	},
	"a name in every piece": {
		text: pieces(`{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\""}}`,
			`{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":":1}"}}`),
		want: shown{Finish: "tool_calls", Calls: []shownCall{{"c", "f", `{"a":1}`}}},
	},
	"calls that share an index": {
		text: pieces(`{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}`,
			`{"index":0,"id":"d","function":{"name":"g","arguments":"{"}}`, `{"index":0,"function":{"arguments":"}"}}`),
		want: shown{Finish: "tool_calls", Calls: []shownCall{{"c", "f", `{}`}, {"d", "g", `{}`}}},
	},
	"a new id in every piece": {
		text: pieces(`{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}`,
			`{"index":0,"id":"d","function":{"arguments":"}"}}`),
		want: shown{Finish: "tool_calls", Calls: []shownCall{{"c", "f", `{}`}}},
	},
	"indexes from 1": {
		text: pieces(`{"index":1,"id":"c","function":{"name":"f","arguments":"{}"}}`),
		want: shown{Finish: "tool_calls", Calls: []shownCall{{"c", "f", `{}`}}},
	},
	"arguments as an object": {
		text: pieces(`{"index":0,"id":"c","function":{"name":"f","arguments":{"a": 1}}}`),
		want: shown{Finish: "tool_calls", Calls: []shownCall{{"c", "f", `{"a":1}`}}},
	},
	"content in parts": {
		text: says(`[{"type":"thinking","thinking":[{"type":"text","text":"t"}]}]`) +
			says(`[{"type":"text","text":"a"},{"type":"text","text":"b"}]`) + event(stop) + done,
		want: shown{Content: "ab", Reasoning: "t", Finish: "stop"},
	},
	"a whole answer in one event": {
		text: event(`{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"a"},`+
			`"finish_reason":"stop"}]}`) + done,
		want: shown{Content: "a", Finish: "stop"},
	},
	"a delta that is null": {
		text: says(`"a"`) + event(`{"choices":[{"index":0,"delta":null,"finish_reason":"stop"}]}`) + done,
		want: shown{Content: "a", Finish: "stop"},
	},
	"a reason of the vendor's own": {
		text: says(`"a"`) + event(`{"choices":[{"index":0,"delta":{},"finish_reason":"MAX_TOKENS"}]}`) + done,
		want: shown{Content: "a", Finish: "length"},
	},
	"an error without its key": {
		text: says(`"a"`) + event(`{"object":"error","message":"stopped","code":500}`) + done,
		want: shown{Content: "a"}, kind: providers.KindServer,
	},
	"an error in a choice": {
		text: says(`"a"`) + event(`{"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"code":503}}]}`) + done,
		want: shown{Content: "a"}, kind: providers.KindCapacity,
	},
	"an error in a list": {
		text: event("[{\"error\":{\"code\":429,\"message\":\"slow\"}}]"), kind: providers.KindRateLimit,
	},
	"an indented error": {
		text: "{\n  \"error\": {\n    \"code\": \"rate_limit_exceeded\"\n  }\n}\n", kind: providers.KindRateLimit,
	},
	"an end in an error's word": {
		text: says(`"a"`) + event(`{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}`) + done,
		want: shown{Content: "a"}, kind: providers.KindUnreadable,
	},
	"no reason": {text: says(`"a"`) + done, want: shown{Content: "a"}, kind: providers.KindTruncated},
	"no reason for one of two": {
		text: event(`{"choices":[{"index":1,"delta":{"content":"b"}}]}`) + says(`"a"`) + event(stop) + done,
		want: shown{Content: "a", Finish: "stop"}, kind: providers.KindTruncated,
	},
	"a cut event": {text: says(`"a"`) + "data: {\"choices\":[{\"in", want: shown{Content: "a"}, kind: providers.KindTruncated},
	"absurdly nested": {
		text: event(`{"choices":[{"index":0,"delta":{"content":"a","x":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`}}]}`) + done,
		kind: providers.KindUnreadable,
	},
	"no events": {text: "<html>\n<body>busy</body>\n", kind: providers.KindUnreadable},
}

func pieces(calls ...string) string {
	out := ""
	for _, call := range calls {
		out += event(`{"choices":[{"index":0,"delta":{"tool_calls":[` + call + `]}}]}`)
	}
	return out + event(`{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`) + done
}

func TestDialects(t *testing.T) {
	t.Parallel()
	for name, c := range dialects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, s, err := readText(t, c.text)
			if c.kind == "" && err != nil || c.kind != "" && (err == nil || providers.KindOf(err) != c.kind) {
				t.Fatalf("got %v, want %q", err, c.kind)
			}
			if s.fault != "" || !reflect.DeepEqual(s, c.want) {
				t.Errorf("shown %+v, want %+v", s, c.want)
			}
			if !reflect.DeepEqual(k, c.want) {
				t.Errorf("kept %+v, want %+v", k, c.want)
			}
		})
	}
}

// Whole answers stray in the same ways.
func TestWholeDialects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ choice, want string }{
		"parts": {`{"message":{"role":"assistant","content":[{"type":"text","text":"a"}]},"finish_reason":"stop"}`,
			`{"role":"assistant","content":"a"}`},
		"arguments": {`{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",` +
			`"function":{"name":"f","arguments":{"a":1}}}]},"finish_reason":"tool_calls"}`,
			`{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":` +
				`{"name":"f","arguments":"{\"a\":1}"}}]}`},
		"no role":   {`{"index":0,"message":{"content":"a"},"finish_reason":"stop"}`, `{"content":"a","role":"assistant"}`},
		"no reason": {`{"index":0,"message":{"role":"assistant","content":"a"}}`, `{"role":"assistant","content":"a"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, Dialect{}, body(200, "application/json", "\ufeff"+`{"choices":[`+c.choice+`],"usage":[1]}`))
			reply, err := client.Chat(t.Context(), hello(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if string(reply.Message) != c.want || !completion.IsObject(reply.Body) || !reply.Usage.Missing {
				t.Errorf("kept %s, want %s; body %s", reply.Message, c.want, reply.Body)
			}
			if !strings.Contains(string(reply.Body), c.want) || !strings.Contains(string(reply.Body), `"usage":null`) {
				t.Errorf("shown %s, kept %s", reply.Body, reply.Message)
			}
		})
	}
}

func TestStreamWhereAWholeAnswerWasAsked(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"text/event-stream", "application/json", ""} {
		client := serve(t, Dialect{}, body(200, kind, says(`"a"`)+event(stop)+event(counted)+done))
		reply, err := client.Chat(t.Context(), hello(), nil)
		if err != nil || reply.Content != "a" || reply.Usage.Input != 7 || !strings.Contains(string(reply.Body),
			`"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]`) {
			t.Errorf("%s: %+v, %v", kind, reply, err)
		}
	}
}
