package tasks

import (
	"encoding/json"
	"slices"

	"dreamlab/store/plainjson"
)

// maxTurnBytes bounds what the turns of one conversation take together, since each
// repeats what was said before it: a row of 4 MiB may hold a thousand of them.
const maxTurnBytes = 4 * MaxLine

// Turn is an answer with what was said before it, as an experience keeps them.
type Turn struct {
	Prompt, Answer json.RawMessage
	Last           bool // the row's judgement, and its reference, are of this one
}

// Turns returns the turns to learn from, the oldest first, and how many of the oldest
// were dropped because together they are too long.
func (c *ConversationLine) Turns() (turns []Turn, dropped int64) {
	size := 0
	for i, at := range slices.Backward(c.answers()) {
		t := Turn{
			Prompt: plainjson.Of(c.Messages[:at]), Answer: plainjson.Of(c.Messages[at]), Last: at == len(c.Messages)-1,
		}
		size += len(t.Prompt) + len(t.Answer)
		if len(turns) > 0 && size > maxTurnBytes {
			dropped = int64(i + 1)
			break
		}
		turns = append(turns, t)
	}
	slices.Reverse(turns)
	return turns, dropped
}

// answers returns where the messages stand that end a turn of the assistant. One that
// is followed by a tool's message is on the way to its answer; one of weight 0 is not
// to be learned from
// (https://platform.openai.com/docs/guides/supervised-fine-tuning); a greeting before the
// first question answers nothing.
func (c *ConversationLine) answers() (places []int) {
	asked := false
	for i, m := range c.Messages {
		asked = asked || m.Role == "user" || m.Role == "tool"
		if m.Role == "assistant" && asked && c.endsTurn(i) && !isZero(m.Extra["weight"]) {
			places = append(places, i)
		}
	}
	return places
}

func (c *ConversationLine) endsTurn(at int) bool {
	if at == len(c.Messages)-1 {
		return true
	}
	next := c.Messages[at+1].Role
	return !c.single && next != "assistant" && next != "tool"
}

func isZero(raw json.RawMessage) bool {
	var number float64
	return len(raw) > 0 && json.Unmarshal(raw, &number) == nil && number == 0
}
