package wire

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// SSE writes server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type SSE struct {
	w       http.ResponseWriter
	control *http.ResponseController
	sandbox bool
	started bool
}

// NewSSE returns a stream that has not begun.
func NewSSE(w http.ResponseWriter, sandbox bool) *SSE {
	return &SSE{w: w, control: http.NewResponseController(w), sandbox: sandbox}
}

// Begin sends the headers, once.
func (o *SSE) Begin() error {
	if o.started {
		return nil
	}
	o.started = true
	h := o.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	if o.sandbox {
		h.Set("X-Dreamlab-Sandbox", "true")
	}
	o.w.WriteHeader(http.StatusOK)
	return nil
}

// send writes what is ready and lets it go.
func (o *SSE) send(events []byte) error {
	if err := o.Begin(); err != nil {
		return err
	}
	if err := o.control.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	if _, err := o.w.Write(events); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	if err := o.control.Flush(); err != nil {
		return fmt.Errorf("flush events: %w", err)
	}
	return nil
}

// Data sends one event; without an id it can not be resumed from.
func (o *SSE) Data(id string, payload []byte) error {
	return o.send(appendEvent(nil, id, payload))
}

// Event sends one event with a name.
func (o *SSE) Event(id, name string, payload []byte) error {
	return o.send(appendEvent([]byte("event: "+name+"\n"), id, payload))
}

func appendEvent(out []byte, id string, payload []byte) []byte {
	if id != "" {
		out = append(append(append(out, "id: "...), id...), '\n')
	}
	for line := range bytes.SplitSeq(payload, []byte("\n")) {
		out = append(append(append(out, "data: "...), line...), '\n')
	}
	return append(out, '\n')
}

// Entry sends the events of an entry, but for the first few that the client has
// had. Each has an id: the last the entry's own, those before it a part of it.
func (o *SSE) Entry(id string, lines [][]byte, skip int) error {
	var out []byte
	for i, line := range lines {
		if i < skip {
			continue
		}
		part := id
		if i < len(lines)-1 {
			part += "." + strconv.Itoa(i+1)
		}
		out = appendEvent(out, part, line)
	}
	return o.send(out)
}

// Whole sends an entry as one event.
func (o *SSE) Whole(id string, lines [][]byte) error {
	return o.Data(id, bytes.Join(lines, []byte("\n")))
}

// Beat keeps a silent stream open through proxies. It begins the stream: from then on an
// error is an event.
func (o *SSE) Beat() error { return o.send([]byte(": still at work\n\n")) }

// Fail ends the stream with an error event; there is no [DONE] behind it.
func (o *SSE) Fail(f *Fault) error {
	return o.send(append(append([]byte("event: error\ndata: "), f.Body()...), "\n\n"...))
}

// Started tells whether a byte was sent: from then on an error is an event.
func (o *SSE) Started() bool { return o.started }
