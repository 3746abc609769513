package chat

import (
	"testing"

	"dreamlab/providers"
)

func TestAnswersThatTeach(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		`{"role":"assistant","content":"x"}`:                                            true,
		`{"role":"assistant","content":null,"refusal":"no"}`:                            true,
		`{"role":"assistant","content":null,"tool_calls":[{"id":"c","function":{}}]}`:   true,
		`{"role":"assistant","content":""}`:                                             false,
		`{"role":"assistant","content":" \n"}`:                                          false,
		`{"role":"assistant","content":null,"tool_calls":[]}`:                           false,
		`{"role":"assistant","content":null,"reasoning":"it thought, and was cut off"}`: false,
		`null`: false,
		``:     false,
	} {
		if got := teaches(&providers.Reply{Message: []byte(message), Finish: "stop"}); got != want {
			t.Errorf("%s: %v, want %v", message, got, want)
		}
		if teaches(&providers.Reply{Message: []byte(message), Finish: "error"}) {
			t.Errorf("%s: kept although it ended in an error", message)
		}
	}
}
