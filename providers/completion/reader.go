package completion

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"dreamlab/store/plainjson"
)

// maxChoices bounds the choices of one answer: OpenAI's n is at most 128.
const maxChoices = 128

// A WordError is an end that makes no answer whole.
type WordError struct{ Word string }

// Error tells the vendor's word.
func (e *WordError) Error() string { return fmt.Sprintf("the answer ended with %q", e.Word) }

// A ChoiceError is the failure that stands in a choice, in place of an answer or
// beside a part of one.
type ChoiceError struct{ Body []byte } // an object with the member "error"

// Error says no more than that: the body tells what happened.
func (e *ChoiceError) Error() string { return "a choice holds an error" }

// Reader puts a streamed answer together. What it keeps is read from what it
// hands on: a chunk that strays from OpenAI's form is mended first. The zero
// value is ready.
type Reader struct {
	// Hidden names members of choices, and of what they say, that are left out.
	Hidden []string

	choices []choice // by their index
}

// choice is one choice of the answer so far.
type choice struct {
	begun                       bool
	content, refusal, reasoning []byte
	calls                       toolCalls
	finish                      string
	beside                      Gathered // of the choice: its likelihoods
	extra                       Gathered // of its message
	named                       bool     // its reasoning came under that name
}

// part is one choice of a chunk, as raw JSON.
type part struct {
	raw     []byte
	index   int
	delta   []byte
	message []byte // in place of a delta
	ending  []byte
	fault   []byte
	odd     bool     // it has no index, or held what is hidden
	beside  []member // what else the choice holds
	hidden  []string
}

// member is a member of an object, as raw JSON.
type member struct{ key, value []byte }

// Seen is what a chunk's choices came to.
type Seen struct {
	Choices []byte // as they are to be handed on: the very bytes that came, where nothing is odd
	Shows   bool   // text, a call, a refusal or reasoning
	Ends    bool   // the reason of an end
}

// Take reads the choices of one chunk. It fails with a [*WordError] or a
// [*ChoiceError] where they tell that the answer is none.
func (r *Reader) Take(choices []byte) (Seen, error) {
	seen := Seen{Choices: choices}
	at := 0
	for item := range Items(choices) {
		p := partOf(item, at, r.Hidden)
		at++
		if p.index < 0 || p.index >= maxChoices {
			return seen, fmt.Errorf("a chunk holds a choice of index %d", p.index)
		}
		if p.fault != nil {
			return seen, &ChoiceError{Body: With([]byte("{}"), "error", p.fault)}
		}
		shown, err := r.choice(p.index).take(&p)
		if err != nil {
			return seen, err
		}
		seen.Shows = seen.Shows || shown.Shows
		seen.Ends = seen.Ends || shown.Ends
		if shown.Choices != nil {
			seen.Choices = substitute(seen.Choices, at-1, shown.Choices)
		}
	}
	return seen, nil
}

func (r *Reader) choice(index int) *choice {
	for len(r.choices) <= index {
		r.choices = append(r.choices, choice{})
	}
	r.choices[index].begun = true
	return &r.choices[index]
}

// partOf looks at one choice of a chunk.
func partOf(came []byte, position int, hidden []string) part {
	raw := Without(came, hidden...)
	p := part{raw: raw, index: position, odd: true, hidden: hidden}
	for key, value := range Members(raw) {
		switch string(key) {
		case "index":
			if n, err := strconv.Atoi(string(value)); err == nil {
				p.index, p.odd = n, !same(raw, came)
			}
		case "delta":
			p.delta = value
		case "message":
			p.message = value
		case "finish_reason":
			p.ending = value
		case "error":
			if Present(value) {
				p.fault = value
			}
		case "text": // of the older completions: it repeats the delta's
		default:
			if Present(value) {
				p.beside = append(p.beside, member{key, value})
			}
		}
	}
	return p
}

// take adds one part. Its Seen holds the part mended, nil where nothing is odd.
func (c *choice) take(p *part) (Seen, error) {
	var seen Seen
	delta, ending := p.delta, p.ending
	if !isObject(delta) {
		delta = Delta(p.message) // a whole answer in one event
	}
	delta = Without(delta, p.hidden...)
	says := partsOf(delta)
	if says.odd() {
		delta = mendMessage(delta)
		says = partsOf(delta)
	}
	if Present(says.calls) {
		if calls := c.calls.merge(says.calls); calls != nil {
			delta = replace(delta, says.calls, calls)
		}
	}
	ending, err := c.end(ending)
	if err != nil {
		return seen, err
	}
	c.content = AppendText(c.content, says.content)
	c.refusal = AppendText(c.refusal, says.refusal)
	c.reasoning = AppendText(c.reasoning, says.thoughts())
	c.gather(p, &says)
	seen.Shows, seen.Ends = says.says(), HasText(ending)
	if p.odd || p.message != nil || !same(delta, p.delta) || !same(ending, p.ending) {
		seen.Choices = p.mended(delta, ending)
	}
	return seen, nil
}

// gather keeps what OpenAI's messages do not have.
func (c *choice) gather(p *part, says *parts) {
	for _, m := range p.beside {
		c.beside.Take(m.key, m.value, false)
	}
	for _, m := range says.extra {
		c.extra.Take(m.key, m.value, true)
	}
	if HasText(says.reasoningContent) {
		c.extra.Take([]byte("reasoning_content"), says.reasoningContent, true)
	}
	c.named = c.named || HasText(says.reasoning)
}

// end takes in the reason of an end and returns it in OpenAI's words.
func (c *choice) end(ending []byte) ([]byte, error) {
	if !HasText(ending) {
		if textual(ending) {
			return ending, nil
		}
		return []byte("null"), nil
	}
	theirs := string(AppendText(nil, ending))
	ours, known := Finish(theirs)
	if !known {
		return ending, &WordError{Word: theirs}
	}
	c.finish = ours
	if ours != theirs {
		return Quoted(ours), nil
	}
	return ending, nil
}

// mended returns the choice with its delta and its end as they should be.
func (p *part) mended(delta, ending []byte) []byte {
	object := p.raw
	if p.message != nil {
		object = Without(object, "message")
	}
	return p.completed(object, "delta", delta, ending)
}

// completed returns the choice with its index, its end and what it says.
func (p *part) completed(object []byte, name string, says, ending []byte) []byte {
	if len(ending) == 0 {
		ending = []byte("null")
	}
	if p.odd {
		object = Set(object, "index", []byte(strconv.Itoa(p.index)))
	}
	return Set(Set(object, name, says), "finish_reason", ending)
}

// same tells whether two slices are the same bytes in memory, or both empty.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func isObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }

// Begun tells whether any choice came.
func (r *Reader) Begun() bool { return len(r.choices) > 0 }

// Whole tells whether every choice that came has ended.
func (r *Reader) Whole() bool {
	for _, c := range r.choices {
		if c.begun && c.finish == "" {
			return false
		}
	}
	return r.Begun()
}

// Content returns the text of the first choice.
func (r *Reader) Content() string { return string(r.first().content) }

// Refusal returns the refusal of the first choice, or "".
func (r *Reader) Refusal() string { return string(r.first().refusal) }

// Finish returns OpenAI's word for the end of the first choice, or "".
func (r *Reader) Finish() string { return r.first().finish }

// Message returns the message of the first choice.
func (r *Reader) Message() json.RawMessage { return r.first().message() }

func (r *Reader) first() *choice {
	if len(r.choices) == 0 {
		return &choice{}
	}
	return &r.choices[0]
}

// Choices returns what was streamed as the choices of a chat.completion.
func (r *Reader) Choices() json.RawMessage {
	choices := []byte{'['}
	for i := range r.choices {
		c := &r.choices[i]
		if !c.begun {
			continue
		}
		if len(choices) > 1 {
			choices = append(choices, ',')
		}
		choices = append(choices, c.beside.AddTo(c.whole(i))...)
	}
	return append(choices, ']')
}

// whole writes a choice of a chat.completion. It is put together of JSON already written, which
// the encoder would read again.
func (c *choice) whole(index int) []byte {
	out := append([]byte(`{"index":`), strconv.Itoa(index)...)
	out = append(append(out, `,"message":`...), c.message()...)
	out = append(append(out, `,"finish_reason":`...), Quoted(c.finish)...)
	return append(out, '}')
}

func (c *choice) message() json.RawMessage {
	message := struct {
		Role      string          `json:"role"`
		Content   *string         `json:"content"`
		Reasoning string          `json:"reasoning,omitempty"`
		Refusal   string          `json:"refusal,omitempty"`
		ToolCalls json.RawMessage `json:"tool_calls,omitempty"`
	}{Role: "assistant", Refusal: string(c.refusal)}
	if c.named {
		message.Reasoning = string(c.reasoning)
	}
	if len(c.calls) > 0 {
		message.ToolCalls = c.calls.encode()
	}
	if content := string(c.content); content != "" || len(c.calls) == 0 {
		message.Content = &content
	}
	return c.extra.AddTo(bytes.TrimSpace(plainjson.Of(message)))
}
