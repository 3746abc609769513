// Package model is what the emulated models say. A model answers from the pairs
// that it knows, by the nearest prompt, and fills a request's schema from the
// JSON object in its last message.
//
// It knows none of the program's prompts: what it answers rests on the request
// and on its training rows alone. It is not a mock: it keeps no answer ready for
// anybody.
package model

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// floor is the likeness below which a model has nothing to say to a prompt.
const floor = 0.12

// maxSpeech bounds an invented answer, in words: enough to be streamed in several chunks.
const maxSpeech = 30

// Turn is one message of a conversation.
type Turn struct {
	Role    string          `json:"role"`
	Content Text            `json:"content"`
	Name    string          `json:"name,omitempty"`
	Weight  *float64        `json:"weight,omitempty"` // of a training row: 0 is not learnt
	Calls   json.RawMessage `json:"tool_calls,omitempty"`
}

// Text is a message's content: a string, or the text of a list of parts.
type Text string

// UnmarshalJSON takes a string, null, or OpenAI's list of parts.
func (t *Text) UnmarshalJSON(data []byte) error {
	var plain *string
	if json.Unmarshal(data, &plain) == nil {
		if plain != nil {
			*t = Text(*plain)
		}
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = part.Text
	}
	*t = Text(strings.Join(texts, "\n"))
	return nil
}

// Pair is a thing that a model knows: a conversation and how it goes on.
type Pair struct {
	Prompt []Turn
	Answer string
	Worse  string // what is no longer to be answered, "" where a training names no such thing
}

// Model answers from the pairs that it knows. It is built once, never changes
// and is safe for concurrent use; the same request gets the same answer.
type Model struct {
	pairs []Pair
	index *index
	next  map[string][]string // what follows two words, or begins an answer
}

// NewModel makes a model that knows pairs.
func NewModel(pairs []Pair) *Model {
	docs := make([]map[string]float64, len(pairs))
	for i, pair := range pairs {
		docs[i] = features(pair.Prompt)
	}
	m := &Model{pairs: pairs, index: newIndex(docs), next: map[string][]string{}}
	for _, pair := range pairs {
		m.hear(pair.Answer)
	}
	return m
}

// Learn makes a model that knows more pairs than m does, and does not give their worse answers any more: what
// m knows and would answer so is forgotten.
func (m *Model) Learn(pairs []Pair) *Model {
	forgotten := m.answering(pairs)
	all := make([]Pair, 0, len(m.pairs)+len(pairs))
	for doc, known := range m.pairs {
		if !forgotten[doc] {
			all = append(all, known)
		}
	}
	return NewModel(append(all, pairs...))
}

// answering finds what m knows that has it answer prompts with their worse answers.
func (m *Model) answering(pairs []Pair) map[int]bool {
	found := map[int]bool{}
	for _, pair := range pairs {
		if pair.Worse == "" {
			continue
		}
		doc, likeness := m.index.nearest(features(pair.Prompt))
		if doc >= 0 && likeness >= floor && m.pairs[doc].Answer == pair.Worse {
			found[doc] = true
		}
	}
	return found
}

// Pairs returns how many pairs the model knows.
func (m *Model) Pairs() int { return len(m.pairs) }

// hear takes an answer's words into what the model can say.
func (m *Model) hear(answer string) {
	a, b := "", ""
	for word := range strings.FieldsSeq(answer) {
		m.next[a+" "+b] = append(m.next[a+" "+b], word)
		a, b = b, word
	}
	m.next[a+" "+b] = append(m.next[a+" "+b], "")
}

// Answer goes on with a conversation: in a sentence of the system's that is nearer to it than any
// prompt that the model knows, or as the nearest prompt that the model
// knows went on, or, where none is near, in words that it has heard follow
// each other.
func (m *Model) Answer(turns []Turn) string {
	doc, likeness := m.index.nearest(features(turns))
	if said, near := heeded(turns); near > likeness {
		return said
	}
	if doc >= 0 && likeness >= floor {
		return m.pairs[doc].Answer
	}
	return m.speak(turns)
}

// heedFloor is the likeness below which a sentence of the system's has nothing to say to a user.
const heedFloor = 0.2

// heeded returns the sentence of the system's messages that is most like what the user said last:
// a model goes by what it is told where that says more of the matter than what it knows.
func heeded(turns []Turn) (said string, likeness float64) {
	asked := ""
	for _, turn := range turns {
		if turn.Role == "user" {
			asked = string(turn.Content)
		}
	}
	for _, turn := range turns {
		if turn.Role != "system" && turn.Role != "developer" {
			continue
		}
		for _, sentence := range sentences(string(turn.Content)) {
			if near := Likeness(sentence, asked); near >= heedFloor && near > likeness {
				said, likeness = sentence, near
			}
		}
	}
	return said, likeness
}

// speak makes up an answer by a chain of word pairs (Shannon 1948).
func (m *Model) speak(turns []Turn) string {
	dice := rand.New(rand.NewPCG(seed(turns), 1))
	var said []string
	a, b := "", ""
	for len(said) < maxSpeech {
		choices := m.next[a+" "+b]
		if len(choices) == 0 {
			break
		}
		word := choices[dice.IntN(len(choices))]
		if word == "" {
			break
		}
		said = append(said, word)
		a, b = b, word
	}
	return strings.Join(said, " ")
}

// seed is the same for the same conversation.
func seed(turns []Turn) uint64 {
	sum := fnv.New64a()
	for _, turn := range turns {
		sum.Write([]byte(turn.Role))
		sum.Write([]byte{0})
		sum.Write([]byte(turn.Content))
		sum.Write([]byte{0})
	}
	return sum.Sum64()
}
