package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// ErrNoObject is the error of a text that holds no whole JSON object.
var ErrNoObject = errors.New("it holds no whole JSON object")

// What reasoning models write before they answer, where a server does not take it
// out. The opening tag is often part of the prompt, so that the text begins inside.
var (
	thoughts = regexp.MustCompile(`(?is)^.*</(think|thinking|thought|reasoning)>`)
	thinking = regexp.MustCompile(`(?i)^\s*<(think|thinking|thought|reasoning)>`)
)

// Object returns the JSON object in a model's answer, as it stands there: alone,
// inside a fence, behind thoughts, or amid prose. Of several that stand beside
// each other it is the last, since models draft before they conclude. What stands
// in an object that was cut off, or in thoughts that were, is no answer. It fails
// with ErrNoObject.
func Object(text string) (json.RawMessage, error) {
	text = strings.TrimPrefix(text, string(mark))
	if whole := []byte(strings.TrimSpace(text)); bytes.HasPrefix(whole, []byte{'{'}) && json.Valid(whole) {
		return whole, nil
	}
	text = thoughts.ReplaceAllString(text, "")
	if !thinking.MatchString(text) {
		if found := lastObject(text); found != nil {
			return found, nil
		}
	}
	return nil, ErrNoObject
}

// lastObject decodes at each opening bracket, and goes on behind what it read: an
// answer of brackets that never close is read once, not once a bracket.
func lastObject(text string) (last json.RawMessage) {
	for {
		at := strings.IndexByte(text, '{')
		if at < 0 {
			return last
		}
		text = text[at:]
		var object json.RawMessage
		err := json.NewDecoder(strings.NewReader(text)).Decode(&object)
		var broken *json.SyntaxError
		switch {
		case err == nil:
			last, text = object, text[len(object):]
		case errors.As(err, &broken):
			text = text[max(1, int(broken.Offset)-1):]
		case strings.HasPrefix(strings.TrimLeft(text[1:], " \t\r\n"), `"`):
			return nil // the text ends inside of an object
		default:
			text = text[1:]
		}
	}
}
