package completion

import (
	"encoding/json"

	"dreamlab/store/plainjson"
)

// Gathered are members that OpenAI's answers do not have, put together from the chunks
// of a stream, so that an answer holds what it would hold if it had come whole. The
// zero value is ready.
type Gathered struct {
	members []namedValue // in the order in which they came
}

type namedValue struct {
	name  string
	value gathered
}

// gathered is one value so far.
type gathered struct {
	kind  byte   // what the value begins with: '"', '[', '{', or anything else
	text  []byte // of a string; the bytes that came of anything but a string, list or object
	items []item
	below Gathered
}

// item is one item of a list; those of one index are one.
type item struct {
	index string // "" for none
	value gathered
}

// inPieces are the texts that come in pieces at any depth: of audio and of
// OpenRouter's reasoning_details. Other texts below a member are told whole.
func inPieces(name []byte) bool {
	switch string(name) {
	case "text", "summary", "data", "transcript":
		return true
	}
	return false
}

// Take adds what a chunk says of a member. A text is a piece of it, or all of it. An
// absent or null value says nothing.
func (g *Gathered) Take(name, value []byte, piece bool) {
	if Present(value) {
		g.at(name).take(value, piece)
	}
}

// at returns the value of a name so far.
func (g *Gathered) at(name []byte) *gathered {
	for i := range g.members {
		if g.members[i].name == string(name) {
			return &g.members[i].value
		}
	}
	g.members = append(g.members, namedValue{name: string(name)})
	return &g.members[len(g.members)-1].value
}

func (v *gathered) take(value []byte, piece bool) {
	if v.kind != value[0] {
		*v = gathered{kind: value[0]}
	}
	switch v.kind {
	case '"':
		if !piece {
			v.text = v.text[:0]
		}
		v.text = AppendText(v.text, value)
	case '[':
		for item := range Items(value) {
			v.item(item)
		}
	case '{':
		v.object(value)
	default:
		v.text = append(v.text[:0], value...)
		v.kind = 0
	}
}

func (v *gathered) object(value []byte) {
	for key, member := range Members(value) {
		v.below.Take(key, member, inPieces(key))
	}
}

// item adds an item of a list to the one of its index, or as a new one.
func (v *gathered) item(value []byte) {
	index := indexOf(value)
	for i := range v.items {
		if index != "" && v.items[i].index == index {
			v.items[i].value.take(value, false)
			return
		}
	}
	added := item{index: index}
	added.value.take(value, false)
	v.items = append(v.items, added)
}

func indexOf(value []byte) string {
	for key, member := range Members(value) {
		if string(key) == "index" && Present(member) {
			return string(member)
		}
	}
	return ""
}

func (v *gathered) encode() json.RawMessage {
	switch v.kind {
	case '"':
		return Quoted(string(v.text))
	case '[':
		items := make([]json.RawMessage, len(v.items))
		for i := range v.items {
			items[i] = v.items[i].value.encode()
		}
		return plainjson.Of(items)
	case '{':
		return v.below.AddTo([]byte("{}"))
	}
	return v.text
}

// AddTo returns the object with the members added. It leaves those alone that the
// object has.
func (g *Gathered) AddTo(object []byte) []byte {
	for i := range g.members {
		m := &g.members[i]
		if !has(object, func(key []byte) bool { return m.name == string(key) }) {
			object = With(object, m.name, m.value.encode())
		}
	}
	return object
}
