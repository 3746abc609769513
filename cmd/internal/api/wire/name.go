package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// members are the names that were seen in one object.
type members struct {
	few  []string
	many map[string]bool // from the seventeenth name on
}

// add notes a name, and tells whether it had been there.
func (m *members) add(name string) bool {
	if m.many != nil {
		known := m.many[name]
		m.many[name] = true
		return known
	}
	for _, known := range m.few {
		if known == name {
			return true
		}
	}
	m.few = append(m.few, name)
	if len(m.few) > 16 {
		m.many = make(map[string]bool, 64)
		for _, known := range m.few {
			m.many[known] = true
		}
	}
	return false
}

// twice returns the first name that stands twice in an object of valid JSON, of
// which Go's decoder would take the last and other readers the first.
func twice(valid []byte) (name string, found bool) {
	var open []*members // the containers around; an array has a nil
	for i := 0; i < len(valid); i++ {
		switch valid[i] {
		case '{':
			open = append(open, &members{})
		case '[':
			open = append(open, nil)
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			end := endOfString(valid, i)
			if isName(valid[end:]) {
				name = decoded(valid[i:end])
				if open[len(open)-1].add(name) {
					return name, true
				}
			}
			i = end - 1
		}
	}
	return "", false
}

// endOfString returns the place behind the string that begins at a place.
func endOfString(valid []byte, at int) int {
	for i := at + 1; ; i++ {
		i += bytes.IndexAny(valid[i:], `"\`)
		if valid[i] == '"' {
			return i + 1
		}
		i++ // what is escaped
	}
}

// isName tells whether a string is a member's name by what comes behind it.
func isName(rest []byte) bool {
	for _, b := range rest {
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			return b == ':'
		}
	}
	return false
}

func decoded(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return string(quoted)
	}
	return name
}

// stranger returns the path of a member that a type has no field for, by its
// exact name: Go's decoder takes it in any case.
func stranger(raw json.RawMessage, t reflect.Type, path string) (name string, found bool) {
	switch t.Kind() {
	case reflect.Pointer:
		return stranger(raw, t.Elem(), path)
	case reflect.Slice:
		return strangerInList(raw, t.Elem(), path)
	case reflect.Struct:
	default:
		return "", false
	}
	var given map[string]json.RawMessage
	if json.Unmarshal(raw, &given) != nil {
		return "", false
	}
	fields := fieldsOf(t)
	for name, value := range given {
		field, known := fields[name]
		if !known {
			return path + name, true
		}
		if inner, found := stranger(value, field, path+name+"."); found {
			return inner, true
		}
	}
	return "", false
}

func strangerInList(raw json.RawMessage, t reflect.Type, path string) (name string, found bool) {
	var list []json.RawMessage
	if t.Kind() != reflect.Struct || json.Unmarshal(raw, &list) != nil {
		return "", false
	}
	for i, one := range list {
		name, found = stranger(one, t, fmt.Sprintf("%s[%d].", strings.TrimSuffix(path, "."), i))
		if found {
			return name, true
		}
	}
	return "", false
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" {
			name = t.Field(i).Name
		}
		fields[name] = t.Field(i).Type
	}
	return fields
}
