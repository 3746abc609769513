package emulator

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math/rand/v2"

	"dreamlab/providers/sandbox/lab"
)

// padding is what the events of a stream are made of different lengths with: some of
// it, from its beginning.
const padding = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// textHeader is the type of a header whose value is a text.
const textHeader = 7

// header is a header of a frame: they have an order.
type header struct{ name, value string }

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
		Bad:  frame(headersOf("contentBlockDelta", "event"), broken),
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
	return frame(headersOf(o.kind, o.message), payload)
}

func headersOf(kind, message string) []header {
	return []header{
		{":" + message + "-type", kind}, {":content-type", "application/json"}, {":message-type", message},
	}
}

// frame writes a message: its length, the length of its headers and the sum of both,
// then headers and payload and the sum of everything
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html).
func frame(headers []header, payload []byte) []byte {
	var head []byte
	for _, h := range headers {
		head = append(head, byte(len(h.name)))
		head = append(head, h.name...)
		head = append(head, textHeader)
		head = binary.BigEndian.AppendUint16(head, uint16(len(h.value)))
		head = append(head, h.value...)
	}
	const around = 16 // two lengths and two sums
	out := binary.BigEndian.AppendUint32(nil, uint32(around+len(head)+len(payload)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(head)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, head...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// event makes an event with padding.
func event(kind string, payload map[string]any) occurrence {
	payload["p"] = padding[:1+rand.IntN(len(padding))]
	return occurrence{kind: kind, message: "event", payload: payload}
}

// several makes a piece of some events.
func several(events ...occurrence) map[string]any { return map[string]any{"events": events} }
