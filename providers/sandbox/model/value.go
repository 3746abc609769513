package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxDepth bounds how deep JSON may nest.
const maxDepth = 64

// value is a JSON value that remembers the order of its keys: what is shown
// first matters to a judge.
type value struct {
	kind  byte // '{' '[' '"' '0' 't' 'n'
	text  string
	keys  []string // of an object
	items []*value // of an array, or the values of keys
}

// parseValue reads the JSON value at the beginning of a text.
func parseValue(text string) (*value, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	return readValue(decoder, token, 0)
}

func readValue(decoder *json.Decoder, token json.Token, depth int) (*value, error) {
	switch t := token.(type) {
	case json.Delim:
		if depth >= maxDepth {
			return nil, fmt.Errorf("JSON nests deeper than %d", maxDepth)
		}
		return readNested(decoder, byte(t), depth+1)
	case string:
		return &value{kind: '"', text: t}, nil
	case json.Number:
		return &value{kind: '0', text: t.String()}, nil
	case bool:
		return &value{kind: 't', text: fmt.Sprint(t)}, nil
	case nil:
		return &value{kind: 'n'}, nil
	}
	return nil, errors.New("unknown JSON token")
}

func readNested(decoder *json.Decoder, open byte, depth int) (*value, error) {
	v := &value{kind: open}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		if key, ok := token.(string); ok && open == '{' {
			v.keys = append(v.keys, key)
			if token, err = decoder.Token(); err != nil {
				return nil, err
			}
		}
		item, err := readValue(decoder, token, depth)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, item)
	}
	_, err := decoder.Token() // the closing bracket
	return v, err
}

// findObject returns the first JSON object in a text that may have other words
// around it; without one, an object whose only part is the text.
func findObject(text string) *value {
	const tries = 32
	from := 0
	for range tries {
		at := strings.IndexByte(text[from:], '{')
		if at < 0 {
			break
		}
		from += at
		v, err := parseValue(text[from:])
		if err == nil && v.kind == '{' && len(v.keys) > 0 {
			return v
		}
		from++
	}
	return &value{kind: '{', keys: []string{"text"}, items: []*value{{kind: '"', text: text}}}
}

// get returns the value of a key, nil where v has no such key.
func (v *value) get(key string) *value {
	if v == nil || v.kind != '{' {
		return nil
	}
	for i, name := range v.keys {
		if name == key {
			return v.items[i]
		}
	}
	return nil
}

// str returns the text of a string, empty for anything else.
func (v *value) str() string {
	if v == nil || v.kind != '"' {
		return ""
	}
	return v.text
}

// number returns a number, or otherwise where v is none.
func (v *value) number(otherwise float64) float64 {
	if v == nil || v.kind != '0' {
		return otherwise
	}
	n, err := json.Number(v.text).Float64()
	if err != nil {
		return otherwise
	}
	return n
}

// walk visits v and all below it in the order shown; visit says whether to go
// below.
func (v *value) walk(key string, parent *value, visit func(key string, v, parent *value) bool) {
	if !visit(key, v, parent) {
		return
	}
	for i, item := range v.items {
		name := ""
		if v.kind == '{' {
			name = v.keys[i]
		}
		item.walk(name, v, visit)
	}
}

// texts gathers the strings below v, leaving out the subtrees in without.
func (v *value) texts(without map[*value]bool) string {
	var out []string
	v.walk("", nil, func(_ string, at, _ *value) bool {
		if without[at] {
			return false
		}
		if at.kind == '"' && at.text != "" {
			out = append(out, at.text)
		}
		return true
	})
	return strings.Join(out, "\n")
}

// quote writes a string as JSON.
func quote(out *bytes.Buffer, text string) {
	data, err := json.Marshal(text)
	if err != nil { // a string always marshals
		panic(err)
	}
	out.Write(data)
}
