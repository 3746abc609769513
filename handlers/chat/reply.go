package chat

import (
	"bytes"
	"context"
	"encoding/json"
)

// reply is where an answer is shown: a [redis.Writer], or nowhere.
type reply interface {
	Head(head []byte)
	Data(ctx context.Context, lines ...[]byte) error
	End(ctx context.Context, lines ...[]byte) error
	Error(ctx context.Context, body []byte) error
	Cancelled(ctx context.Context) error
}

// discard is the reply of a job whose client does not wait.
type discard struct{}

func (discard) Head([]byte)                           {}
func (discard) Data(context.Context, ...[]byte) error { return nil }
func (discard) End(context.Context, ...[]byte) error  { return nil }
func (discard) Error(context.Context, []byte) error   { return nil }
func (discard) Cancelled(context.Context) error       { return nil }

// oneLine takes the line breaks out of a JSON text: a reply's lines hold none.
func oneLine(body []byte) []byte {
	if !bytes.ContainsAny(body, "\r\n") {
		return body
	}
	var out bytes.Buffer
	if err := json.Compact(&out, body); err != nil { // the driver has read it
		panic(err)
	}
	return out.Bytes()
}
