// Package completion is the home of OpenAI's chat.completion object and of its
// chunks (https://platform.openai.com/docs/api-reference/chat): how they are
// walked without decoding them, mended where a vendor strays from that form, put
// together from a stream, and cut into chunks again.
//
// It also holds the settings that a completion may be asked for with. It knows nothing
// of HTTP, of vendors or of money.
package completion

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"

	"dreamlab/store/plainjson"
)

// The functions here walk over JSON without decoding it: a chunk of a stream
// is looked at for a few members and otherwise passed on as it came. They
// allocate nothing, and stop early where the bytes are no JSON.

// maxDepth is how deep an answer may be nested. Decoders of clients give up at
// 1,000 or 10,000; an answer of OpenAI's own has less than ten levels.
const maxDepth = 256

// IsObject tells whether the bytes are one JSON object, not nested beyond reason.
func IsObject(data []byte) bool {
	at := space(data, 0)
	return at < len(data) && data[at] == '{' && !deep(data) && json.Valid(data)
}

// deep counts brackets only where there are enough of them for it to matter.
func deep(data []byte) bool {
	if len(data) <= maxDepth || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) <= maxDepth {
		return false
	}
	depth := 0
	for at := 0; at < len(data); at++ {
		switch data[at] {
		case '"':
			at = skipString(data, at) - 1
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth > maxDepth {
			return true
		}
	}
	return false
}

// Members yields the members of an object: each key as its text, each value as
// its raw bytes.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		at := space(object, 0)
		if at == len(object) || object[at] != '{' {
			return
		}
		at = space(object, at+1)
		for at < len(object) && object[at] == '"' {
			colon := space(object, skip(object, at))
			if colon == len(object) || object[colon] != ':' {
				return
			}
			key := object[at+1 : bytes.LastIndexByte(object[:colon], '"')]
			start := space(object, colon+1)
			end := skip(object, start)
			if end == start || !yield(plainKey(key), object[start:end]) {
				return
			}
			at = comma(object, end)
		}
	}
}

// plainKey takes the escapes out of a key, which hardly ever has any.
func plainKey(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key
	}
	quoted := append(append([]byte{'"'}, key...), '"')
	return AppendText(nil, quoted)
}

// Items yields the elements of an array as their raw bytes.
func Items(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		at := space(array, 0)
		if at == len(array) || array[at] != '[' {
			return
		}
		at = space(array, at+1)
		for at < len(array) && array[at] != ']' {
			end := skip(array, at)
			if end == at || !yield(array[at:end]) {
				return
			}
			at = comma(array, end)
		}
	}
}

// Member returns the value of an object's member as its raw bytes, nil where there is none.
func Member(object []byte, name string) []byte {
	for key, value := range Members(object) {
		if string(key) == name {
			return value
		}
	}
	return nil
}

// FirstMessage returns the message of the first choice of a chat.completion, nil where there is none.
func FirstMessage(body []byte) []byte {
	for choice := range Items(Member(body, "choices")) {
		return Member(choice, "message")
	}
	return nil
}

func space(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r') {
		at++
	}
	return at
}

func comma(data []byte, at int) int {
	at = space(data, at)
	if at < len(data) && data[at] == ',' {
		return space(data, at+1)
	}
	return at
}

// skip returns where the value that starts at ends, or at itself for none.
func skip(data []byte, at int) int {
	if at >= len(data) {
		return at
	}
	switch data[at] {
	case '"':
		return skipString(data, at)
	case '{', '[':
		return skipNested(data, at)
	}
	for at < len(data) && data[at] != ',' && data[at] != '}' && data[at] != ']' && data[at] > ' ' {
		at++
	}
	return at
}

func skipNested(data []byte, at int) int {
	depth := 0
	for at < len(data) {
		switch data[at] {
		case '"':
			at = skipString(data, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		at++
		if depth == 0 {
			break
		}
	}
	return at
}

func skipString(data []byte, at int) int {
	for at++; at < len(data); at++ {
		quote := bytes.IndexByte(data[at:], '"')
		if quote < 0 {
			return len(data)
		}
		at += quote
		slashes := 0
		for data[at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at + 1
		}
	}
	return len(data)
}

// Present tells a value from an absent one and from null.
func Present(value []byte) bool {
	return len(value) > 0 && string(value) != "null"
}

// HasText tells whether the value is a string that is not empty.
func HasText(value []byte) bool { return len(value) > 2 && value[0] == '"' }

// AppendText appends the text of a JSON string, and nothing for another value.
func AppendText(text, value []byte) []byte {
	if !HasText(value) {
		return text
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return append(text, value[1:len(value)-1]...)
	}
	var decoded string
	if json.Unmarshal(value, &decoded) != nil {
		return text
	}
	return append(text, decoded...)
}

// With returns an object with one more member at its end.
func With(object []byte, key string, value []byte) []byte {
	end := bytes.LastIndexByte(object, '}')
	if end < 0 {
		return object
	}
	head := bytes.TrimRight(object[:end], " \t\r\n")
	out := make([]byte, 0, len(head)+len(key)+len(value)+8)
	out = append(out, head...)
	if head[len(head)-1] != '{' {
		out = append(out, ',')
	}
	out = append(out, Quoted(key)...)
	out = append(out, ':')
	return append(append(out, value...), '}')
}

// Set returns an object with a member replaced, or added where it has none. Of two
// members with one name the last one counts, as it does for decoders.
func Set(object []byte, key string, value []byte) []byte {
	var old []byte
	for name, value := range Members(object) {
		if string(name) == key {
			old = value
		}
	}
	if old == nil {
		return With(object, key, value)
	}
	return replace(object, old, value)
}

// Without returns an object without the members of some names: the object itself, where
// it has none of them.
func Without(object []byte, names ...string) []byte {
	hidden := func(key []byte) bool {
		return slices.ContainsFunc(names, func(name string) bool { return name == string(key) })
	}
	if len(names) == 0 || !has(object, hidden) {
		return object
	}
	out := append(make([]byte, 0, len(object)), '{')
	for key, value := range Members(object) {
		if hidden(key) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, Quoted(string(key))...), ':')
		out = append(out, value...)
	}
	return append(out, '}')
}

func has(object []byte, wanted func(key []byte) bool) bool {
	for key := range Members(object) {
		if wanted(key) {
			return true
		}
	}
	return false
}

// substitute returns a list with one item replaced.
func substitute(list []byte, at int, by []byte) []byte {
	n := 0
	for item := range Items(list) {
		if n == at {
			return replace(list, item, by)
		}
		n++
	}
	return list
}

// Offset returns where part begins, which is a value that was found in data.
func Offset(data, part []byte) int { return cap(data) - cap(part) }

// replace returns data with part, a value in it, replaced.
func replace(data, part, by []byte) []byte {
	start := Offset(data, part)
	changed := make([]byte, 0, len(data)-len(part)+len(by))
	changed = append(changed, data[:start]...)
	changed = append(changed, by...)
	return append(changed, data[start+len(part):]...)
}

// Quoted returns a text as JSON.
func Quoted(text string) []byte { return plainjson.Of(text) }
