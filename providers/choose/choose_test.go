package choose_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dreamlab/providers"
	"dreamlab/providers/choose"
	"dreamlab/providers/completion"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func newClock() *clock { return &clock{time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func target(name string) providers.Target { return providers.Target{Provider: name, Model: "m"} }

func names(choices []providers.Choice) string {
	var all []string
	for _, c := range choices {
		all = append(all, c.Target.Provider)
	}
	return strings.Join(all, " ")
}

func rates(in, out int64) providers.Price {
	return providers.Price{Rates: providers.Rates{In: in, CachedIn: in, Out: out}}
}

// order orders choices, which are cloned.
func order(t interface {
	Helper()
	Fatalf(string, ...any)
}, c *choose.Chooser, call providers.Call, choices ...providers.Choice) string {
	t.Helper()
	ordered, refusal := c.Order(context.Background(), &call, slices.Clone(choices))
	if refusal != nil {
		t.Fatalf("refused: %v", refusal)
	}
	return names(ordered)
}

func TestPoliciesWithinTiers(t *testing.T) {
	t.Parallel()
	choices := []providers.Choice{
		{Target: target("dear"), Price: rates(50_000, 60_000)}, {Target: target("cheap"), Price: rates(10_000, 20_000)},
		{Target: target("free"), Price: rates(0, 0), Tier: 1},
	}
	speeds := choose.NewSpeeds(nil)
	for name, seconds := range map[string]float64{"dear": 1, "cheap": 2, "free": 0.1} {
		speeds.Observe(providers.Tried{Target: target(name), Took: time.Duration(seconds * float64(time.Second))})
	}
	c := choose.New(choose.Options{Speeds: speeds})
	for policy, want := range map[providers.Policy]string{
		providers.Ordered: "dear cheap free", providers.Cheapest: "cheap dear free", "": "cheap dear free",
		providers.Fastest: "dear cheap free",
	} {
		if got := order(t, c, providers.Call{Policy: policy}, choices...); got != want {
			t.Errorf("%q: %s, want %s", policy, got, want)
		}
	}
}

// TestCheapestGoesByTheTokensOfTheRequest has one target that is cheap to read and one that
// is cheap to write.
func TestCheapestGoesByTheTokensOfTheRequest(t *testing.T) {
	t.Parallel()
	reads := providers.Choice{Target: target("reads"), Price: rates(1e9, 100e9)}
	writes := providers.Choice{Target: target("writes"), Price: rates(10e9, 10e9)}
	rapid.Check(t, func(t *rapid.T) {
		request := providers.Request{
			Messages: []providers.Message{providers.TextMessage("user", strings.Repeat("x", rapid.IntRange(0, 20_000).Draw(t, "bytes")))},
			Settings: completion.Settings{MaxTokens: rapid.IntRange(1, 5_000).Draw(t, "answer")},
		}
		usage := providers.Usage{Input: providers.InputBound(&request), Output: int64(request.MaxTokens)}
		want := "reads writes"
		if writes.Price.Cost(usage) < reads.Price.Cost(usage) {
			want = "writes reads"
		}
		got := order(t, choose.New(choose.Options{}), providers.Call{Policy: providers.Cheapest, Request: request}, reads, writes)
		if got != want {
			t.Fatalf("%+v: %s, want %s", usage, got, want)
		}
	})
}

const image = `[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]`

// TestNoTargetThatLacksWhatIsNeeded asks random requests of random models.
func TestNoTargetThatLacksWhatIsNeeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var request providers.Request
		needs := map[string]string{} // ability, parameter
		request.Messages = []providers.Message{providers.TextMessage("user", strings.Repeat("word ", rapid.IntRange(0, 4000).Draw(t, "words")))}
		least := len(request.Messages[0].Content) / 6
		if rapid.Bool().Draw(t, "tools") {
			request.Tools = json.RawMessage(`[{"type":"function","function":{"name":"f"}}]`)
			needs["tools"] = "tools"
			least = (len(request.Messages[0].Content) + len(request.Tools)) / 6
		}
		if rapid.Bool().Draw(t, "image") {
			request.Messages = append(request.Messages, providers.Message{Role: "user", Content: json.RawMessage(image)})
			needs["vision"] = "messages.content"
		}
		caps, contexts := map[string][]string{}, map[string]int{}
		var choices []providers.Choice
		for i := range rapid.IntRange(1, 5).Draw(t, "targets") {
			name := fmt.Sprint("v", i)
			caps[name] = rapid.SampledFrom([][]string{nil, {"json_schema"}, {"tools"}, {"vision"}, {"tools", "vision"}}).Draw(t, name)
			contexts[name] = rapid.SampledFrom([]int{0, 100, 2000, 100_000}).Draw(t, name+" context")
			choices = append(choices, providers.Choice{Target: target(name), Tier: rapid.IntRange(0, 2).Draw(t, name+" tier"), Context: contexts[name]})
		}
		can := func(name string) bool {
			for ability := range needs {
				if caps[name] != nil && !slices.Contains(caps[name], ability) {
					return false
				}
			}
			return contexts[name] == 0 || least <= contexts[name]
		}
		c := choose.New(choose.Options{Caps: func(provider, _ string) []string { return caps[provider] }})
		want := 0
		for _, choice := range choices {
			if can(choice.Target.Provider) {
				want++
			}
		}
		got, refusal := c.Order(context.Background(), &providers.Call{Request: request}, slices.Clone(choices))
		if len(got) != want || (want == 0) != (refusal != nil) {
			t.Fatalf("%d targets, want %d, refusal %v", len(got), want, refusal)
		}
		for _, choice := range got {
			if !can(choice.Target.Provider) {
				t.Fatalf("%s is asked and can not answer", choice.Target)
			}
		}
		if !slices.IsSortedFunc(got, func(a, b providers.Choice) int { return cmp.Compare(a.Tier, b.Tier) }) {
			t.Fatalf("tiers are mixed: %v", got)
		}
		if refusal != nil && !slices.Contains([]string{"tools", "messages.content", "messages"}, refusal.Param) {
			t.Fatalf("the refusal names %q", refusal.Param)
		}
	})
}

func TestRefusalsNameTheParameter(t *testing.T) {
	t.Parallel()
	text := []string{"json_object"}
	cases := map[string]struct {
		request providers.Request
		kind    providers.Kind
	}{
		"tools":            {providers.Request{Settings: completion.Settings{Tools: json.RawMessage(`[{}]`)}}, providers.KindUnsupported},
		"messages.content": {providers.Request{Messages: []providers.Message{{Content: json.RawMessage(image)}}}, providers.KindUnsupported},
		"messages":         {providers.Request{Settings: completion.Settings{MaxTokens: 9000}}, providers.KindContext},
	}
	c := choose.New(choose.Options{Caps: func(string, string) []string { return text }})
	for param, want := range cases {
		choices := []providers.Choice{{Target: target("a"), Context: 8000}}
		_, refusal := c.Order(t.Context(), &providers.Call{Request: want.request}, choices)
		if refusal == nil || refusal.Param != param || refusal.PlainParam() != param || refusal.Kind != want.kind {
			t.Errorf("%s: %+v", param, refusal)
		}
	}
	none := providers.Request{Settings: completion.Settings{Tools: json.RawMessage(` [ ] `)}}
	if _, refusal := c.Order(t.Context(), &providers.Call{Request: none}, []providers.Choice{{Target: target("a")}}); refusal != nil {
		t.Errorf("an empty list of tools: %v", refusal)
	}
}

// TestFormsAreADoubt asks models that are not known to answer in JSON after those that are,
// whatever their tier, and does not leave them out.
func TestFormsAreADoubt(t *testing.T) {
	t.Parallel()
	caps := map[string][]string{"text": {"tools"}, "object": {"json_object"}, "schema": {"json_schema"}}
	c := choose.New(choose.Options{Caps: func(provider, _ string) []string { return caps[provider] }})
	choices := []providers.Choice{
		{Target: target("text")}, {Target: target("object"), Tier: 1}, {Target: target("schema"), Tier: 2}, {Target: target("unknown"), Tier: 3},
	}
	for format, want := range map[string]string{
		`{"type":"json_schema"}`: "schema unknown text object",
		`{"type":"json_object"}`: "object schema unknown text",
		`{"type":"text"}`:        "text object schema unknown", ``: "text object schema unknown",
	} {
		call := providers.Call{Request: providers.Request{Settings: completion.Settings{ResponseFormat: json.RawMessage(format)}}}
		if got := order(t, c, call, choices...); got != want {
			t.Errorf("%s: %s, want %s", format, got, want)
		}
	}
}

// TestConversationsStay has targets that fail and come back: a conversation is asked of its
// own one first whenever that may be called, and others do not follow it.
func TestConversationsStay(t *testing.T) {
	t.Parallel()
	clock := newClock()
	speeds := choose.NewSpeeds(clock.read)
	c := choose.New(choose.Options{Speeds: speeds, Homes: choose.NewMemory(clock.read)})
	down := map[string]time.Time{}
	asked := func(conversation string) string {
		t.Helper()
		var choices []providers.Choice
		for _, name := range []string{"a", "b"} {
			choices = append(choices, providers.Choice{Target: target(name), NotBefore: down[name]})
		}
		got := order(t, c, providers.Call{Policy: providers.Fastest, Conversation: conversation}, choices...)
		return strings.Fields(got)[0]
	}
	observe := func(name string, seconds int) {
		for range 20 {
			speeds.Observe(providers.Tried{Target: target(name), Took: time.Duration(seconds) * time.Second})
		}
	}
	observe("a", 1)
	observe("b", 2)
	steps := []struct {
		what, conversation, want string
		change                   func()
	}{
		{"the faster one", "one", "a", func() {}},
		{"it became slow", "one", "a", func() { observe("a", 5) }},
		{"a new conversation", "two", "b", func() {}},
		{"its own is down, and passed over by the router", "one", "a", func() { down["a"] = clock.now.Add(time.Minute) }},
		{"a new one while a is down", "three", "b", func() { observe("a", 1) }},
		{"a is back", "one", "a", func() { down["a"] = time.Time{} }},
		{"and does not draw others", "three", "b", func() {}},
		{"none", "", "a", func() {}},
		{"after an hour it is chosen anew", "three", "a", func() {
			clock.now = clock.now.Add(choose.HomeAge + time.Second)
			observe("a", 1)
			observe("b", 2)
		}},
	}
	for _, step := range steps {
		step.change()
		if got := asked(step.conversation); got != step.want {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
}

// TestFastestLearns measures what it does not know by one call at a time.
func TestFastestLearns(t *testing.T) {
	t.Parallel()
	clock := newClock()
	speeds := choose.NewSpeeds(clock.read)
	c := choose.New(choose.Options{Speeds: speeds})
	ask := func(tokens int) string {
		call := providers.Call{Policy: providers.Fastest, Request: providers.Request{Settings: completion.Settings{MaxTokens: tokens}}}
		return order(t, c, call, providers.Choice{Target: target("quick")}, providers.Choice{Target: target("steady")})
	}
	observe := func(name string, first, took time.Duration, output int64, kind providers.Kind) {
		speeds.Observe(providers.Tried{
			Target: target(name), First: first, Took: took, Usage: providers.Usage{Output: output}, Kind: kind,
		})
	}
	if got := ask(10); got != "quick steady" {
		t.Errorf("nothing is known: %s", got)
	}
	if got := ask(10); got != "steady quick" {
		t.Errorf("quick is being measured: %s", got)
	}
	observe("quick", 100*time.Millisecond, 10100*time.Millisecond, 101, "")         // 0.1 s, then 0.1 s a token
	observe("steady", 2*time.Second, 3*time.Second, 101, "")                        // 2 s, then 10 ms a token
	observe("steady", 0, time.Millisecond, 0, providers.KindServer)                 // says nothing
	observe("elsewhere", time.Millisecond, time.Millisecond, 1, providers.Kind("")) // another target
	if short, long := ask(10), ask(1000); short != "quick steady" || long != "steady quick" {
		t.Errorf("a short answer: %s, a long one: %s", short, long)
	}
	for range 10 {
		observe("quick", 0, 30*time.Second, 0, providers.KindTimeout)
	}
	if got := ask(10); got != "steady quick" {
		t.Errorf("after time-outs: %s", got)
	}
	clock.now = clock.now.Add(time.Hour)
	observe("steady", 2*time.Second, 3*time.Second, 101, "")
	if got := ask(10); got != "quick steady" {
		t.Errorf("what is old is measured again: %s", got)
	}
}

// TestMemoryIsBounded makes names up.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	clock := newClock()
	memory, speeds := choose.NewMemory(clock.read), choose.NewSpeeds(clock.read)
	for i := range 40_000 {
		memory.Home(t.Context(), fmt.Sprint(i), []string{"a"}, "a")
		speeds.Observe(providers.Tried{Target: target(fmt.Sprint(i)), Took: time.Second})
	}
	if homes, known := memory.Len(), speeds.Len(); homes > 16384 || known > 4096 {
		t.Errorf("%d homes and %d speeds are kept", homes, known)
	}
}
