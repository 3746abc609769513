package openai

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"io"
	"mime"
	"strings"

	"dreamlab/providers"
)

// Wire is how a vendor is asked whose chats are not in OpenAI's form. It hands back
// what is in that form, so that answers are checked in one place.
type Wire struct {
	// Ask returns the path below the base and the body, which is encoded as JSON. It
	// refuses what the vendor does not have.
	Ask func(req *providers.Request, streamed bool) (path string, body any, err error)
	// Whole makes a chat.completion object, or one with the member "error", of an
	// answer that came whole.
	Whole func(head Head, body []byte) ([]byte, error)
	// Stream makes server-sent events with chunks of the body of a stream. What it
	// returns ends with io.EOF only where the stream was complete.
	Stream func(head Head, body io.Reader) io.Reader
	// Kind is the media type of a stream.
	Kind string
}

// Head is what stands beside the choices of an answer, for vendors that say none of it.
type Head struct {
	ID      string
	Created int64 // seconds
	Model   string
}

// head names an answer by the vendor's id of the request.
func (a *answer) head() Head {
	id := cmp.Or(a.client.requestID(a.Header), strings.ToLower(rand.Text()))
	return Head{ID: "chatcmpl-" + id, Created: a.client.now().Unix(), Model: a.model}
}

// openWire makes the body of an answer readable in OpenAI's form where it is a
// stream, and tells whether it is.
func (a *answer) openWire(wire *Wire) (streamed bool) {
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	streamed = err == nil && kind == wire.Kind
	source := io.Reader(a.bound)
	if streamed {
		source = wire.Stream(a.head(), a.bound)
	}
	a.body = bufio.NewReaderSize(source, streamBuffer)
	return streamed
}
