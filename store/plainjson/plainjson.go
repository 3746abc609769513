// Package plainjson writes JSON without HTML's escapes: a < stays one byte instead of
// six, and the same text always has the same hash. It imports nothing of ours, and
// every room may import it.
package plainjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
)

// writer is an encoder with what it has written. Writers are used again, as encoding/json's own
// Marshal does: a chat writes some twenty values.
type writer struct {
	out     bytes.Buffer
	encoder *json.Encoder
}

var writers = sync.Pool{New: func() any {
	w := &writer{}
	w.encoder = json.NewEncoder(&w.out)
	w.encoder.SetEscapeHTML(false)
	return w
}}

// maxKept is how large the buffer of a writer may be that is used again.
const maxKept = 64 << 10

// Encode writes a value, without a newline behind it.
func Encode(v any) (json.RawMessage, error) {
	w := writers.Get().(*writer)
	w.out.Reset()
	err := w.encoder.Encode(v)
	text := w.out.Bytes()
	if len(text) > maxKept {
		return bytes.TrimSuffix(text, []byte("\n")), err
	}
	text = bytes.Clone(bytes.TrimSuffix(text, []byte("\n")))
	writers.Put(w)
	return text, err
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
