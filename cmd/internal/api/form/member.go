package form

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"dreamlab/cmd/internal/api/wire"
)

// members are the parameters of a request or the fields of an object in it.
type members map[string]json.RawMessage

// readMembers reads an object.
func readMembers(where string, raw []byte) (members, error) {
	var m members
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		if where == "" {
			return nil, wire.Invalid("", "The body has to be a JSON object.")
		}
		return nil, wire.Invalid(where, "%s has to be an object.", where)
	}
	for name, value := range m {
		if none(value) { // clients send null for what they leave out
			delete(m, name)
		}
	}
	return m, nil
}

func none(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

// passed moves parameters that a chat has alike into a chat's request, under the
// names that they have there.
func (m members) passed(chat map[string]any, names map[string]string) {
	for own, theirs := range names {
		if raw, given := m[own]; given {
			chat[theirs] = raw
			delete(m, own)
		}
	}
}

// neutral drops parameters whose value asks for what is done anyway.
func (m members) neutral(values map[string][]string) {
	for name, taken := range values {
		if slices.Contains(taken, string(bytes.TrimSpace(m[name]))) {
			delete(m, name)
		}
	}
}

// tools moves the tools into a chat's request, each as a form reads it. An empty list is
// none.
func (m members) tools(chat map[string]any, read func(where string, item json.RawMessage) (function, error)) error {
	raw, given := m["tools"]
	if !given {
		return nil
	}
	delete(m, "tools")
	items, err := list("tools", raw)
	if err != nil {
		return err
	}
	tools := make([]tool, len(items))
	for i, item := range items {
		tools[i].Type = "function"
		if tools[i].Function, err = read("tools["+strconv.Itoa(i)+"]", item); err != nil {
			return err
		}
	}
	if len(tools) > 0 {
		chat["tools"] = tools
	}
	return nil
}

// rest refuses what is left, by name: 400.
func (m members) rest(where string) error {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return unsupported(where+names[0], "is not offered here: leave it out")
}

func unsupported(param, why string) error {
	f := wire.Coded("unsupported_parameter", param+" "+why+".")
	f.Param = param
	return f
}

// text reads a string.
func text(where string, raw json.RawMessage) (string, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", wire.Invalid(where, "%s has to be a string.", where)
	}
	return s, nil
}

// flag reads a boolean; what is missing is false.
func flag(where string, raw json.RawMessage) (set bool, err error) {
	if none(raw) {
		return false, nil
	}
	if json.Unmarshal(raw, &set) != nil {
		return false, wire.Invalid(where, "%s has to be true or false.", where)
	}
	return set, nil
}

// list reads an array.
func list(where string, raw json.RawMessage) ([]json.RawMessage, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, wire.Invalid(where, "%s has to be a list.", where)
	}
	return items, nil
}

// isText tells a string from an array or an object.
func isText(raw json.RawMessage) bool {
	trimmed := bytes.TrimSpace(raw)
	return len(trimmed) > 0 && trimmed[0] == '"'
}
