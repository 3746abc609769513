package tune

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"dreamlab/handlers/tune/near"
	"dreamlab/store/learn"
)

// tellingContext is how long, in characters, what was said before an answer has to be, to give a
// held-out conversation away where a row goes on after it: many conversations begin with "hello".
const tellingContext = 40

// heldOut is what the held-out conversations hold, by content, so that no row of a dataset gives
// an answer away.
type heldOut struct {
	experiences map[string]bool
	contexts    *near.Index // all that was said before the answer
	telling     *near.Index // those that are long enough to tell
}

func newHeldOut() heldOut {
	return heldOut{experiences: map[string]bool{}, contexts: near.NewIndex(), telling: near.NewIndex()}
}

// add takes a held-out experience in.
func (x heldOut) add(e learn.Experience) {
	x.experiences[e.ID] = true
	context := spoken(dialogue(textTurns(e.Prompt)))
	if strings.TrimSpace(context) == "" {
		return
	}
	text := near.Text{Main: near.Of(context)}
	x.contexts.Add(text)
	if telling(context) {
		x.telling.Add(text)
	}
}

func telling(context string) bool {
	return utf8.RuneCountInString(near.Canonical(context)) >= tellingContext
}

// holds tells whether a row repeats something held out, or nearly: all that was said before its
// answer, however short, or what was said before an earlier answer of it.
func (x heldOut) holds(turns []turn) bool {
	said := dialogue(turns)
	for end := len(said) - 1; end > 0; end -= 2 {
		context := spoken(said[:end])
		text := near.Text{Main: near.Of(context)}
		if end == len(said)-1 && x.contexts.Has(text) || telling(context) && x.telling.Has(text) {
			return true
		}
	}
	return false
}

// dialogue leaves the system message out: the same question is the same
// under any instruction.
func dialogue(turns []turn) []turn {
	var out []turn
	for _, t := range turns {
		if t.Role != "system" {
			out = append(out, turn{Role: t.Role, Content: t.Content})
		}
	}
	return out
}

// textTurns reads the messages of an experience as text, whatever their order.
func textTurns(raw json.RawMessage) []turn {
	var turns []turn
	for _, m := range readMessages(raw) {
		turns = append(turns, turn{Role: m.Role, Content: m.Text()})
	}
	return turns
}
