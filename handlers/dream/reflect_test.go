package dream

import (
	"testing"

	"dreamlab/providers"
)

func TestParseLessons(t *testing.T) {
	t.Parallel()
	const one = `{"lessons":[{"lesson":"x","sources":["exp_1"]}]}`
	tests := map[string]int{ // how many lessons are read, -1 where the answer is malformed
		`{"lessons":[]}`: 0, one: 1, one + " and more": 1, "```json\n" + one + "\n```": 1,
		"<think>x</think>\n" + one: 1, "Here they are:\n" + one: 1, one[:len(one)-1] + `,"confidence":0.9}`: 1,
		`{"lessons":[{"lesson":1},{"lesson":"x","sources":["exp_1"]}]}`: 2,
		`{}`: -1, `[]`: -1, `{"lessons":null}`: -1, `{"lessons":"none"}`: -1, one[:20]: -1, "": -1,
	}
	for text, want := range tests {
		got, ok := parseLessons(&providers.Reply{Content: text})
		if ok != (want >= 0) || ok && len(got) != want {
			t.Errorf("%s: %+v, %v", text, got, ok)
		}
	}
	if _, ok := parseLessons(&providers.Reply{Content: `{"lessons":[]}`, Finish: "length"}); ok {
		t.Error("a cut answer was read")
	}
}
