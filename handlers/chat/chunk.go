package chat

import (
	"bytes"
	"encoding/json"
)

// chunk is what is looked at of an event; the rest passes as it came.
type chunk struct {
	data      []byte
	edits     []edit // of id, model and usage, in order
	named     map[string]bool
	usage     []byte
	noChoices bool
	finishes  bool // gives the reason of an end
}

// edit is a value that is to be written otherwise.
type edit struct {
	key        string
	start, end int
}

// look finds, in one pass and without decoding, the members that matter.
func look(data []byte) chunk {
	c := chunk{data: data, named: map[string]bool{}}
	members(data, func(key string, start, end int) {
		switch key {
		case "id", "model":
			c.edits = append(c.edits, edit{key, start, end})
			c.named[key] = true
		case "usage":
			c.usage = data[start:end]
			c.edits = append(c.edits, edit{key, start, end})
		case "choices":
			value := data[start:end]
			c.noChoices = len(bytes.Trim(value, "[] \t\r\n")) == 0
			c.finishes = finishes(value)
		}
	})
	return c
}

// finishes tells whether a choice gives a reason for its end. Text can not
// look like it: quotes inside a string are escaped.
func finishes(choices []byte) bool {
	const key = `"finish_reason":`
	for {
		at := bytes.Index(choices, []byte(key))
		if at < 0 {
			return false
		}
		choices = bytes.TrimLeft(choices[at+len(key):], " ")
		if len(choices) > 0 && choices[0] == '"' {
			return true
		}
	}
}

// renamed returns the chunk with our id, the client's name of the model and no
// usage, which is told once and at the end.
func (c chunk) renamed(name, model string) []byte {
	values := map[string][]byte{"id": quoted(name), "model": quoted(model), "usage": []byte("null")}
	out := make([]byte, 0, len(c.data)+len(name)+len(model)+32)
	at := 0
	for _, e := range c.edits {
		out = append(out, c.data[at:e.start]...)
		out = append(out, values[e.key]...)
		at = e.end
	}
	out = append(out, c.data[at:]...)
	for _, key := range []string{"id", "model"} {
		if !c.named[key] {
			out = with(out, key, values[key])
		}
	}
	return out
}

// members calls visit for each member of a JSON object, with the offsets of its
// value. The bytes must be valid JSON: the driver has made sure.
func members(object []byte, visit func(key string, start, end int)) {
	at := skipSpace(object, 0) + 1
	for at < len(object) {
		at = skipSpace(object, at)
		if at >= len(object) || object[at] != '"' {
			return
		}
		keyEnd := skipString(object, at)
		start := skipSpace(object, skipSpace(object, keyEnd)+1)
		end := skipValue(object, start)
		visit(string(object[at+1:keyEnd-1]), start, end)
		at = skipSpace(object, end) + 1
	}
}

func skipSpace(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r') {
		at++
	}
	return at
}

// skipString returns where the string that starts at ends.
func skipString(data []byte, at int) int {
	for at++; at < len(data); at++ {
		switch data[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(data)
}

// skipValue returns where the value that starts at ends.
func skipValue(data []byte, at int) int {
	depth := 0
	for at < len(data) {
		switch data[at] {
		case '"':
			at = skipString(data, at)
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return at
}

// with returns an object with one more member at its end.
func with(object []byte, key string, value []byte) []byte {
	end := bytes.LastIndexByte(object, '}')
	if end < 0 {
		return object
	}
	out := append(bytes.TrimRight(object[:end:end], " \t\r\n"), ',')
	if len(out) > 1 && out[len(out)-2] == '{' {
		out = out[:len(out)-1]
	}
	out = append(out, quoted(key)...)
	out = append(out, ':')
	out = append(out, value...)
	return append(out, '}')
}

func quoted(text string) []byte {
	out, err := json.Marshal(text)
	if err != nil { // a string always marshals
		panic(err)
	}
	return out
}

func isNull(value []byte) bool { return string(value) == "null" }
