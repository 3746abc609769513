// Package plainjson writes JSON without HTML's escapes: a < stays one byte instead of
// six, and the same text always has the same hash. It imports nothing of ours, and
// every room may import it.
package plainjson

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode writes a value, without a newline behind it.
func Encode(v any) (json.RawMessage, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Of writes what can always be written: our own structs, texts, numbers, and JSON
// that was read before. It panics on anything else.
func Of(v any) json.RawMessage {
	text, err := Encode(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return text
}
