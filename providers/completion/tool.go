package completion

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"strconv"
	"strings"

	"dreamlab/store/plainjson"
)

// maxToolCalls bounds the calls that one answer may make.
const maxToolCalls = 256

// toolCall is one tool call of an answer, put together from its pieces
// (https://platform.openai.com/docs/api-reference/chat-streaming).
type toolCall struct {
	theirs    string // the index under which the vendor sends its pieces, "" for none
	id        string
	name      string
	arguments []byte
	extra     map[string]json.RawMessage // members that OpenAI does not have, as a signature
}

// piece is what one chunk holds of a tool call.
type piece struct {
	index     string // as it came: a number, or "" for none
	id        string
	name      string
	arguments string
	extra     map[string]json.RawMessage
	odd       bool // arguments are no string

	at     int // the index under which it is shown
	begins bool
}

// parsePiece reads a tool call of a delta or of a whole message.
func parsePiece(data []byte) piece {
	var p piece
	for key, value := range Members(data) {
		switch string(key) {
		case "index":
			if Present(value) {
				p.index = string(value)
			}
		case "id":
			p.id = string(AppendText(nil, value))
		case "type":
		case "function":
			p.function(value)
		default:
			p.keep(string(key), value)
		}
	}
	return p
}

func (p *piece) function(data []byte) {
	for key, value := range Members(data) {
		switch string(key) {
		case "name":
			p.name = string(AppendText(nil, value))
		case "arguments":
			p.arguments, p.odd = argumentsText(value)
		}
	}
}

func (p *piece) keep(key string, value []byte) {
	if !Present(value) {
		return
	}
	if p.extra == nil {
		p.extra = map[string]json.RawMessage{}
	}
	p.extra[key] = bytes.Clone(value)
}

// argumentsText returns a call's arguments as the text that OpenAI sends. Some
// servers send the object itself, which is told by odd.
func argumentsText(value []byte) (text string, odd bool) {
	switch {
	case !Present(value):
		return "", len(value) > 0
	case value[0] == '"':
		return string(AppendText(nil, value)), false
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return "", true
	}
	return compact.String(), true
}

// toolCalls are the tool calls of one choice.
type toolCalls []toolCall

// merge adds the pieces of one chunk. It returns them in OpenAI's form where
// they stray from it: a call has an index of its own, counted from 0, and its id
// and name come once. It returns nil where they may pass as they came.
func (t *toolCalls) merge(list []byte) []byte {
	var shown []piece
	odd := false
	for item := range Items(list) {
		p := parsePiece(item)
		at, begins := t.place(p)
		if at >= maxToolCalls {
			odd = true
			continue
		}
		mended := (*t)[at].add(p, begins)
		mended.at, mended.begins = at, begins
		odd = odd || mended.differs(p)
		shown = append(shown, mended)
	}
	if !odd {
		return nil
	}
	pieces := make([]json.RawMessage, len(shown))
	for i, p := range shown {
		pieces[i] = p.encode()
	}
	return plainjson.Of(pieces)
}

// place finds the call that a piece belongs to, and makes room for a new one.
func (t *toolCalls) place(p piece) (at int, begins bool) {
	at = t.find(p)
	if at >= 0 && !(*t)[at].endedBefore(p) {
		return at, false
	}
	if len(*t) >= maxToolCalls {
		return maxToolCalls, true
	}
	*t = append(*t, toolCall{theirs: p.index})
	return len(*t) - 1, true
}

// find returns the latest call under the piece's index, or the one with its id,
// or the last one for a piece that says neither.
func (t *toolCalls) find(p piece) int {
	for at := len(*t) - 1; at >= 0; at-- {
		call := &(*t)[at]
		switch {
		case p.index != "":
			if call.theirs == p.index {
				return at
			}
		case p.id != "":
			if call.id == p.id {
				return at
			}
		case p.name == "":
			return at
		}
	}
	return -1
}

// endedBefore tells a new call from another piece of this one. Gemini's route
// gives every parallel call the index 0, with an id of its own; some servers give
// no id; vLLM once gave a new id to each piece of the same call, without a name.
func (c *toolCall) endedBefore(p piece) bool {
	if p.name == "" {
		return false
	}
	if p.id != "" {
		return c.id != "" && c.id != p.id
	}
	return p.arguments != "" && len(c.arguments) > 0 && c.arguments[0] == '{' && json.Valid(c.arguments)
}

// add takes a piece in and returns what of it is to be shown.
func (c *toolCall) add(p piece, begins bool) piece {
	shown := piece{arguments: p.arguments, extra: p.extra}
	if begins {
		c.id = p.id
		if c.id == "" {
			c.id = newCallID()
		}
		shown.id = c.id
	}
	if c.name == "" {
		c.name, shown.name = p.name, p.name
	}
	c.arguments = append(c.arguments, p.arguments...)
	if c.extra == nil {
		c.extra = p.extra
	}
	return shown
}

// newCallID names a call whose server gave no id: the tool's answer has to name it.
func newCallID() string { return "call_" + strings.ToLower(rand.Text()) }

// differs tells whether the piece as it came is not what is to be shown.
func (p piece) differs(came piece) bool {
	return came.odd || came.id != p.id || came.name != p.name || came.index != strconv.Itoa(p.at)
}

type callObject struct {
	Index    *int            `json:"index,omitempty"`
	ID       string          `json:"id,omitempty"`
	Type     string          `json:"type,omitempty"`
	Function *functionObject `json:"function,omitempty"`
}

type functionObject struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

func (p piece) encode() []byte {
	object := callObject{Index: &p.at, ID: p.id, Function: &functionObject{p.name, p.arguments}}
	if p.begins {
		object.Type = "function"
	}
	return withAll(plainjson.Of(object), p.extra)
}

// encode returns the calls as a whole message holds them.
func (t toolCalls) encode() json.RawMessage {
	calls := make([]json.RawMessage, len(t))
	for i, c := range t {
		object := callObject{ID: c.id, Type: "function", Function: &functionObject{c.name, string(c.arguments)}}
		calls[i] = withAll(plainjson.Of(object), c.extra)
	}
	return plainjson.Of(calls)
}

func withAll(object []byte, extra map[string]json.RawMessage) []byte {
	for _, key := range sortedKeys(extra) {
		object = With(object, key, extra[key])
	}
	return object
}
