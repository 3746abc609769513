package tasks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"dreamlab/tasks/lenient"
)

// InputError says what is wrong with what a client sent.
type InputError struct {
	Code    string // invalid_request, unsupported_parameter or context_length_exceeded
	Param   string // the field, as messages[0].role; "" for the whole body
	Message string // says what to do
}

// Error returns parameter and message.
func (e *InputError) Error() string {
	if e.Param == "" {
		return e.Message
	}
	return e.Param + ": " + e.Message
}

func invalid(param, format string, args ...any) *InputError {
	return &InputError{Code: "invalid_request", Param: param, Message: fmt.Sprintf(format, args...)}
}

func unsupported(param, format string, args ...any) *InputError {
	return &InputError{Code: "unsupported_parameter", Param: param, Message: fmt.Sprintf(format, args...)}
}

// object reads a JSON object's members. Members that are null count as absent.
func object(param string, raw []byte) (map[string]json.RawMessage, *InputError) {
	if !utf8.Valid(raw) {
		return nil, invalid(param, "the text is not UTF-8: encode it so")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, badJSON(param, raw, err)
	}
	if members == nil {
		return nil, invalid(param, "it is null: it has to be an object")
	}
	for name, value := range members {
		if isNull(value) {
			delete(members, name)
		}
	}
	return members, nil
}

func badJSON(param string, raw []byte, err error) *InputError {
	field, fault := lenient.Fault(raw, err)
	if field != "" {
		param = join(param, field)
	}
	return invalid(param, "it is %s", fault)
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// typed reads a value of a type.
func typed[T any](param string, raw json.RawMessage) (T, *InputError) {
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		return value, badJSON(param, raw, err)
	}
	return value, nil
}

// within reads a number in a range.
func within[T int | int64 | float64](param string, raw json.RawMessage, low, high T) (T, *InputError) {
	value, err := typed[T](param, raw)
	if err == nil && (value < low || value > high) {
		err = invalid(param, "the number must be between %v and %v", low, high)
	}
	return value, err
}

// oneOf reads a word of a set.
func oneOf(param string, raw json.RawMessage, words ...string) (string, *InputError) {
	value, err := typed[string](param, raw)
	if err != nil {
		return "", err
	}
	for _, word := range words {
		if value == word {
			return value, nil
		}
	}
	return "", invalid(param, "must be one of: %s", strings.Join(words, ", "))
}

// onlyKnown refuses members that would be ignored in silence.
func onlyKnown(param string, members map[string]json.RawMessage, known ...string) *InputError {
	for _, name := range sortedNames(members) {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return invalid(join(param, name), "there is no such field: remove it, or use one of: %s",
				strings.Join(known, ", "))
		}
	}
	return nil
}

func sortedNames(members map[string]json.RawMessage) []string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func join(param, name string) string {
	if param == "" {
		return name
	}
	return param + "." + name
}
