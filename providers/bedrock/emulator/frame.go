package emulator

import (
	"encoding/json"
	"math/rand/v2"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
)

// padding is what the events of a stream are made of different lengths with: some of
// it, from its beginning.
const padding = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// occurrence is an event of a stream.
type occurrence struct {
	kind    string // its name
	message string // event or exception
	payload map[string]any
}

// framing writes AWS's event stream. A piece of an answer is several events, which it
// holds in the member "events".
func framing() *lab.Framing {
	broken := []byte(`{"contentBlockIndex":0,"delta":{"te`)
	return &lab.Framing{
		Kind: "application/vnd.amazon.eventstream",
		Bad:  amazon.Frame(headersOf("contentBlockDelta", "event"), broken),
		Event: func(piece any) []byte {
			var out []byte
			for _, one := range piece.(map[string]any)["events"].([]occurrence) {
				out = append(out, one.frame()...)
			}
			return out
		},
	}
}

func (o occurrence) frame() []byte {
	payload, err := json.Marshal(o.payload)
	if err != nil { // what the emulators answer always marshals
		panic(err)
	}
	return amazon.Frame(headersOf(o.kind, o.message), payload)
}

func headersOf(kind, message string) []amazon.Header {
	return []amazon.Header{
		{Name: ":" + message + "-type", Value: kind}, {Name: ":content-type", Value: "application/json"},
		{Name: ":message-type", Value: message},
	}
}

// event makes an event with padding.
func event(kind string, payload map[string]any) occurrence {
	payload["p"] = padding[:1+rand.IntN(len(padding))]
	return occurrence{kind: kind, message: "event", payload: payload}
}

// several makes a piece of some events.
func several(events ...occurrence) map[string]any { return map[string]any{"events": events} }
