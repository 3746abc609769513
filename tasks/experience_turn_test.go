package tasks_test

import (
	"fmt"
	"strings"
	"testing"

	"dreamlab/tasks"
)

// said writes messages: "u" asks, "a" answers, "a0" answers with weight 0, "c" calls a
// tool, "t" is the tool's answer, "s" is the system's text.
func said(kinds string) string {
	messages := map[string]string{
		"s":  `{"role":"system","content":"s%d"}`,
		"u":  `{"role":"user","content":"u%d"}`,
		"a":  `{"role":"assistant","content":"a%d"}`,
		"a0": `{"role":"assistant","content":"a%d","weight":0}`,
		"c":  `{"role":"assistant","tool_calls":[{"id":"c%d","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		"t":  `{"role":"tool","tool_call_id":"c","content":"t%d"}`,
	}
	var all []string
	for i, kind := range strings.Fields(kinds) {
		all = append(all, fmt.Sprintf(messages[kind], i))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// Every turn of the assistant is one to learn from, unless its weight is 0 or it is on
// the way to an answer.
func TestTurns(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{ // the messages before each turn
		`{"messages":` + said("u a") + `}`:                           "[1]",
		`{"messages":` + said("s u a u a") + `}`:                     "[2 4]",
		`{"messages":` + said("s a u a") + `}`:                       "[3]",
		`{"messages":` + said("u a0 u a") + `}`:                      "[3]",
		`{"messages":` + said("u a u a0") + `}`:                      "[1]",
		`{"messages":` + said("u c t a u c t c t a") + `}`:           "[3 9]",
		`{"messages":` + said("u a s u c") + `}`:                     "[1 4]",
		`{"object":"experience","messages":` + said("u a u a") + `}`: "[3]",
		`{"request":{"messages":` + said("u a u") + `},"response":{"message":{"role":"assistant","content":"x"}}}`: "[3]",
	} {
		c, err := tasks.ParseConversation([]byte(row))
		if err != nil {
			t.Errorf("%s: %v", row, err)
			continue
		}
		turns, dropped := c.Turns()
		before := []int{}
		for _, turn := range turns {
			before = append(before, strings.Count(string(turn.Prompt), `"role"`))
		}
		if got := fmt.Sprint(before); got != want || dropped != 0 {
			t.Errorf("%s: %s, want %s", row, got, want)
		}
	}
}

// The oldest turns of a conversation are dropped where all together are too long.
func TestTurnsAreBounded(t *testing.T) {
	t.Parallel()
	long := fmt.Sprintf(`{"role":"user","content":%q},{"role":"assistant","content":"a"}`, strings.Repeat("x", 300<<10))
	row := `{"messages":[` + strings.TrimSuffix(strings.Repeat(long+",", 13), ",") + `]}`
	c, err := tasks.ParseConversation([]byte(row))
	if err != nil {
		t.Fatal(err)
	}
	turns, dropped := c.Turns()
	size := 0
	for _, turn := range turns {
		size += len(turn.Prompt) + len(turn.Answer)
	}
	if dropped == 0 || int(dropped)+len(turns) != 13 || size > 4*tasks.MaxLine || !turns[len(turns)-1].Last {
		t.Errorf("%d turns of %d bytes, %d dropped", len(turns), size, dropped)
	}
}
