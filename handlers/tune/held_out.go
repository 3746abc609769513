package tune

import (
	"encoding/json"
	"unicode/utf8"

	"dreamlab/handlers/tune/near"
	"dreamlab/store/learn"
)

// tellingPrompt is how long the last question has to be, in characters, to give
// a held-out conversation away by itself: "hello" is asked by everyone.
const tellingPrompt = 40

// heldOut is what the held-out conversations hold, by content, so that no row of a
// dataset gives an answer away.
type heldOut struct {
	experiences map[string]bool
	prompts     map[digest]bool // those that are long enough to tell
	rows        map[digest]bool // prompt with the recorded or the right answer
}

func newHeldOut() heldOut {
	return heldOut{experiences: map[string]bool{}, prompts: map[digest]bool{}, rows: map[digest]bool{}}
}

// add takes a held-out experience in.
func (x heldOut) add(e learn.Experience) {
	x.experiences[e.ID] = true
	prompt := textTurns(e.Prompt)
	if len(prompt) == 0 {
		return
	}
	if utf8.RuneCountInString(near.Canonical(prompt[len(prompt)-1].Content)) >= tellingPrompt {
		x.prompts[keyOf(dialogue(prompt))] = true
	}
	for _, answer := range []string{answerText(e.Answer), e.Reference, e.Correction} {
		if answer != "" {
			x.rows[keyOf(append(dialogue(prompt), turn{Role: "assistant", Content: answer}))] = true
		}
	}
}

// holds tells whether a row repeats something held out.
func (x heldOut) holds(turns []turn) bool {
	spoken := dialogue(turns)
	return x.rows[keyOf(spoken)] || x.prompts[keyOf(spoken[:len(spoken)-1])]
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
