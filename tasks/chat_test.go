package tasks_test

import (
	"errors"
	"strings"
	"testing"

	"dreamlab/store/money"
	"dreamlab/tasks"
)

const turn = `{"role":"user","content":"hi"}`

func chatBody(members string) string {
	return `{"model":"assistant","messages":[` + turn + `]` + members + `}`
}

func messagesBody(messages string) string { return `{"model":"m","messages":` + messages + `}` }

func TestParseChatTakes(t *testing.T) {
	t.Parallel()
	bodies := []string{
		chatBody(``),
		chatBody(`,"temperature":2,"top_p":0,"n":3,"seed":-1,"stop":"x","user":"u","frequency_penalty":-2`),
		chatBody(`,"stop":["a","b","c","d"],"logit_bias":{"5":-100},"logprobs":true,"top_logprobs":20`),
		chatBody(`,"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}`),
		chatBody(`,"tools":[{"type":"function","function":{"name":"f","parameters":{},"strict":true}}],"tool_choice":"required"`),
		chatBody(`,"tools":[],"temperature":null,"service_tier":"auto","prompt_cache_key":"k","safety_identifier":"s"`),
		chatBody(`,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}`),
		chatBody(`,"metadata":{"conversation_id":"c"},"store":false,"dreamlab":{"memory":true,"stream_recovery":"hold"},"modalities":["text"]`),
		chatBody(`,"reasoning_effort":"low","max_completion_tokens":1,"parallel_tool_calls":false`),
		messagesBody(`[{"role":"developer","content":"be"},{"role":"user","content":[{"type":"text","text":"a"},` +
			`{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}]},` +
			`{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{"id":"c","type":"function",` +
			`"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"4"}]`),
	}
	for _, body := range bodies {
		if _, err := tasks.ParseChat([]byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestParseChatRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ body, param, code string }{
		{``, "", "invalid_request"},
		{`null`, "", "invalid_request"},
		{`[]`, "", "invalid_request"},
		{chatBody(``) + `x`, "", "invalid_request"},
		{"{\"model\":\"\xff\"}", "", "invalid_request"},
		{`{"messages":[` + turn + `]}`, "model", "invalid_request"},
		{`{"model":3,"messages":[` + turn + `]}`, "model", "invalid_request"},
		{`{"model":"m"}`, "messages", "invalid_request"},
		{messagesBody(`[]`), "messages", "invalid_request"},
		{messagesBody(`"hi"`), "messages", "invalid_request"},
		{messagesBody(`[{"content":"x"}]`), "messages[0].role", "invalid_request"},
		{messagesBody(`[{"role":"king","content":"x"}]`), "messages[0].role", "invalid_request"},
		{messagesBody(`[{"role":"user"}]`), "messages[0].content", "invalid_request"},
		{messagesBody(`[{"role":"user","content":7}]`), "messages[0].content", "invalid_request"},
		{messagesBody(`[{"role":"user","content":[]}]`), "messages[0].content", "invalid_request"},
		{messagesBody(`[{"role":"user","content":[{"type":"text"}]}]`), "messages[0].content[0].text", "invalid_request"},
		{messagesBody(`[{"role":"user","content":[{"type":"file"}]}]`), "messages[0].content[0].type", "unsupported_parameter"},
		{messagesBody(`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"ftp://x"}}]}]`),
			"messages[0].content[0].image_url.url", "invalid_request"},
		{messagesBody(`[{"role":"tool","content":"x"}]`), "messages[0].tool_call_id", "invalid_request"},
		{messagesBody(`[{"role":"assistant"}]`), "messages[0].content", "invalid_request"},
		{messagesBody(`[{"role":"assistant","tool_calls":[{}]}]`), "messages[0].tool_calls[0]", "invalid_request"},
		{chatBody(`,"verbosity":1`), "verbosity", "invalid_request"},
		{chatBody(`,"dreamlab":{"vendor":[]}`), "dreamlab.vendor", "invalid_request"},
		{chatBody(`,"dreamlab":{"vendor":{"x":1,"max_tokens":9}}`), "dreamlab.vendor.max_tokens", "invalid_request"},
		{chatBody(`,"temperature":2.1`), "temperature", "invalid_request"},
		{chatBody(`,"temperature":"hot"`), "temperature", "invalid_request"},
		{chatBody(`,"n":0`), "n", "invalid_request"},
		{chatBody(`,"n":1.5`), "n", "invalid_request"},
		{chatBody(`,"seed":1e400`), "seed", "invalid_request"},
		{chatBody(`,"max_tokens":0`), "max_tokens", "invalid_request"},
		{chatBody(`,"max_tokens":5,"max_completion_tokens":5`), "max_tokens", "invalid_request"},
		{chatBody(`,"stop":["a","b","c","d","e"]`), "stop", "invalid_request"},
		{chatBody(`,"stop":{}`), "stop", "invalid_request"},
		{chatBody(`,"top_logprobs":3`), "top_logprobs", "invalid_request"},
		{chatBody(`,"stream_options":{"include_usage":true}`), "stream_options", "invalid_request"},
		{chatBody(`,"stream":true,"stream_options":{"x":true}`), "stream_options.x", "invalid_request"},
		{chatBody(`,"tool_choice":"auto"`), "tool_choice", "invalid_request"},
		{chatBody(`,"tools":[{"type":"function","function":{"name":"a b"}}]`), "tools[0].function.name", "invalid_request"},
		{chatBody(`,"tools":[{"type":"retrieval"}]`), "tools[0].type", "invalid_request"},
		{chatBody(`,"response_format":{"type":"xml"}`), "response_format.type", "invalid_request"},
		{chatBody(`,"response_format":{"type":"json_schema"}`), "response_format.json_schema", "invalid_request"},
		{chatBody(`,"logit_bias":{"5":101}`), "logit_bias.5", "invalid_request"},
		{chatBody(`,"metadata":{"a":1}`), "metadata", "invalid_request"},
		{chatBody(`,"metadata":{"conversation_id":"a\nb"}`), "metadata.conversation_id", "invalid_request"},
		{chatBody(`,"dreamlab":{"stream_recovery":"try"}`), "dreamlab.stream_recovery", "invalid_request"},
		{chatBody(`,"dreamlab":{"speed":1}`), "dreamlab.speed", "invalid_request"},
		{chatBody(`,"functions":[]`), "functions", "unsupported_parameter"},
		{chatBody(`,"audio":{}`), "audio", "unsupported_parameter"},
		{chatBody(`,"modalities":["audio"]`), "modalities[0]", "unsupported_parameter"},
	}
	for _, test := range tests {
		_, err := tasks.ParseChat([]byte(test.body))
		var fault *tasks.InputError
		if !errors.As(err, &fault) || fault.Param != test.param || fault.Code != test.code || fault.Message == "" {
			t.Errorf("%s: got %#v, want %s %s", test.body, err, test.code, test.param)
		}
	}
}

func TestParametersThatOpenAIDoesNotHaveAreKept(t *testing.T) {
	t.Parallel()
	r, err := tasks.ParseChat([]byte(chatBody(`,"top_k":40,"min_p":null,"service_tier":"flex","dreamlab":{"vendor":{"own":[1]}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Options) != 2 || string(r.Options["top_k"]) != "40" || string(r.Options["service_tier"]) != `"flex"` {
		t.Errorf("options %s", r.Options)
	}
	if len(r.Vendor) != 1 || string(r.Vendor["own"]) != "[1]" {
		t.Errorf("the vendor's %s", r.Vendor)
	}
	if got := r.Lacks([]string{"min_p"}); got != "top_k" {
		t.Errorf("%q is lacking", got)
	}
	_, err = tasks.ParseChatTaking([]byte(`{"modle":"m"}`), func(string) bool { return false })
	var fault *tasks.InputError
	if !errors.As(err, &fault) || fault.Param != "modle" {
		t.Errorf("got %v", err)
	}
}

func TestCheckContext(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 1_000_000)
	request, err := tasks.ParseChat([]byte(messagesBody(`[{"role":"user","content":"` + long + `"}]`)))
	if err != nil {
		t.Fatal(err)
	}
	var fault *tasks.InputError
	if err := request.CheckContext(131_072); !errors.As(err, &fault) || fault.Code != "context_length_exceeded" {
		t.Errorf("got %v", err)
	}
	if err := request.CheckContext(0); err != nil {
		t.Errorf("an unknown context: %v", err)
	}
	if err := request.CheckContext(10_000_000); err != nil {
		t.Errorf("a large context: %v", err)
	}
}

func TestParseConversationRefuses(t *testing.T) {
	t.Parallel()
	answered := `"messages":[` + turn + `,{"role":"assistant","content":"yes"}]`
	tests := []struct{ line, param string }{
		{`{"messages":[` + turn + `]}`, "messages"},
		{`{"messages":[{"role":"assistant","content":"yes"}]}`, "messages"},
		{`{"messages":null}`, "messages"},
		{`{` + answered + `,"feedback":{"rating":2}}`, "feedback.rating"},
		{`{` + answered + `,"feedback":{"rating":0.5}}`, "feedback.rating"},
		{`{` + answered + `,"reference":4}`, "reference"},
		{`{` + answered + `,"reference":"a\u0000b"}`, "reference"},
		{`{` + answered + `,"metadata":[]}`, "metadata"},
		{`{` + answered + `,"conversation_id":"` + strings.Repeat("x", 300) + `"}`, "conversation_id"},
	}
	for _, test := range tests {
		_, err := tasks.ParseConversation([]byte(test.line))
		var fault *tasks.InputError
		if !errors.As(err, &fault) || fault.Param != test.param {
			t.Errorf("%.80s: got %v, want %s", test.line, err, test.param)
		}
	}
	line, err := tasks.ParseConversation([]byte(`{` + answered + `,"feedback":{"rating":-1,"correction":"no"}}`))
	if err != nil || *line.Feedback.Rating != -1 || line.Feedback.Correction != "no" {
		t.Fatalf("got %+v, %v", line, err)
	}
	turns, _ := line.Turns()
	if string(turns[0].Prompt) != `[`+turn+`]` || string(turns[0].Answer) != `{"role":"assistant","content":"yes"}` {
		t.Errorf("split in %+v", turns)
	}
}

// What other programs, and we ourselves, write beside a conversation is dropped.
func TestParseConversationDrops(t *testing.T) {
	t.Parallel()
	const said = `{"role":"assistant","content":"yes"`
	tests := []struct {
		line    string
		dropped int64
		id      string
	}{
		{`{"messages":[` + turn + `,` + said + `}]}`, 0, ""},
		{`{"messages":[` + turn + `,` + said + `,"weight":1,"id":"m1","create_time":1.5,"refusal":null}]}`, 3, ""},
		{`{"messages":[` + turn + `,` + said + `}],"tools":[],"parallel_tool_calls":false}`, 2, ""},
		{`{"messages":[` + turn + `,` + said + `}],"feedback":{"stars":1},"title":null}`, 1, ""},
		{`{"messages":[` + turn + `,` + said + `}],"conversation":"conv_1","conversation_id":null,"id":"exp_1"}`,
			1, "conv_1"},
		{`{"messages":[` + turn + `,` + said + `}],"conversation":"conv_1","conversation_id":"c"}`, 0, "c"},
	}
	for _, test := range tests {
		c, err := tasks.ParseConversation([]byte(test.line))
		if err != nil || c.Dropped != test.dropped || c.ConversationID != test.id {
			t.Errorf("%s: %+v, %v", test.line, c, err)
			continue
		}
		if turns, _ := c.Turns(); string(turns[0].Answer) != said+"}" {
			t.Errorf("%s: the turns are %+v", test.line, turns)
		}
	}
}

func TestParseDream(t *testing.T) {
	t.Parallel()
	in, err := tasks.ParseDream(nil)
	if err != nil || in.Limit != tasks.DefaultDreamLimit || in.Mode != "auto" {
		t.Errorf("got %+v, %v", in, err)
	}
	for body, want := range map[string]money.USD{
		`{"budget_usd":1.5}`: 1_500_000_000, `{"budget_usd":"0.0000000019"}`: 1, `{"budget_usd":0}`: 0,
	} {
		in, err := tasks.ParseDream([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if in.BudgetUSD == nil || *in.BudgetUSD != want {
			t.Errorf("%s is %v", body, in.BudgetUSD)
		}
	}
	for _, body := range []string{
		`{"limit":0}`, `{"limit":"all"}`, `{"mode":"fast"}`, `{"budget_usd":-1}`, `{"budget_usd":"x"}`,
		`{"budget_usd":1e9}`, `{"dryrun":true}`, `[]`, `{`,
	} {
		if _, err := tasks.ParseDream([]byte(body)); err == nil {
			t.Errorf("%s was taken", body)
		}
	}
}

func FuzzParseChat(f *testing.F) {
	f.Add([]byte(chatBody(``)))
	f.Add([]byte(messagesBody(`[{"role":"tool"}]`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		request, err := tasks.ParseChat(body)
		var fault *tasks.InputError
		if err != nil && (!errors.As(err, &fault) || fault.Message == "") || err == nil && len(request.Messages) == 0 {
			t.Fatalf("got %+v, %v", request, err)
		}
	})
}

func TestToolsMayHoldMembersOfOtherVendors(t *testing.T) {
	t.Parallel()
	tools := `[{"type":"function","cache_control":{"type":"ephemeral"},` +
		`"function":{"name":"f","parameters":{"type":"object"},"eager_input_streaming":true}}]`
	request, err := tasks.ParseChat([]byte(chatBody(`,"tools":` + tools)))
	if err != nil || string(request.Tools) != tools {
		t.Errorf("got %+v, %v", request, err)
	}
}

func TestWhatAnAnswerHeldIsTakenBack(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`{"role":"assistant","content":"x","reasoning_details":[],"audio":null,"annotations":[]}`: `"x"`,
		`{"role":"assistant","content":"x","tool_calls":[],"function_call":null,"refusal":null}`:  `"x"`,
		`{"role":"assistant","content":null,"refusal":"no"}`:                                      `"no"`,
		`{"role":"assistant","content":null,"reasoning":"cut while it thought"}`:                  `""`,
		`{"role":"assistant","content":[{"type":"thinking","thinking":[]}]}`:                      `[{"type":"thinking","thinking":[]}]`,
		`{"role":"user","content":"x","mood":1}`:                                                  `"x"`,
	} {
		request, err := tasks.ParseChat([]byte(messagesBody(`[` + message + `]`)))
		if err != nil {
			t.Errorf("%s: %v", message, err)
		} else if got := string(request.Messages[0].Content); got != want {
			t.Errorf("%s: the content is %s, want %s", message, got, want)
		}
	}
}

func TestExtraMembersAreKept(t *testing.T) {
	t.Parallel()
	request, err := tasks.ParseChat([]byte(messagesBody(
		`[{"role":"assistant","content":"x","reasoning_details":[{"id":7}],"audio":null}]`)))
	if err != nil {
		t.Fatal(err)
	}
	extra := request.Messages[0].Extra
	if len(extra) != 1 || string(extra["reasoning_details"]) != `[{"id":7}]` {
		t.Errorf("got %s", extra)
	}
}

func TestArgumentsBecomeText(t *testing.T) {
	t.Parallel()
	request, err := tasks.ParseChat([]byte(messagesBody(
		`[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":{"a": "<"}}}]}]`)))
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"function":{"arguments":"{\"a\":\"<\"}","name":"f"},"id":"c","type":"function"}]`
	if got := string(request.Messages[0].ToolCalls); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
