package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/store/redis"
)

// sse writes server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
	sandbox bool
	started bool
}

func newSSE(w http.ResponseWriter, sandbox bool) *sse {
	return &sse{w: w, control: http.NewResponseController(w), sandbox: sandbox}
}

// begin sends the headers, once.
func (o *sse) begin() error {
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
func (o *sse) send(events []byte) error {
	if err := o.begin(); err != nil {
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

// data sends one event; without an id it can not be resumed from.
func (o *sse) data(id string, payload []byte) error {
	return o.send(appendEvent(nil, id, payload))
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

// entry sends the events of an entry, but for the first few that the client has
// had. Each has an id: the last the entry's own, those before it a part of it.
func (o *sse) entry(e redis.Event, skip int) error {
	var out []byte
	for i, line := range e.Lines {
		if i < skip {
			continue
		}
		id := e.ID
		if i < len(e.Lines)-1 {
			id += "." + strconv.Itoa(i+1)
		}
		out = appendEvent(out, id, line)
	}
	return o.send(out)
}

// whole sends an entry as one event.
func (o *sse) whole(e redis.Event) error {
	return o.data(e.ID, bytes.Join(e.Lines, []byte("\n")))
}

// beat keeps a silent stream open through proxies, once it has begun.
func (o *sse) beat() error {
	if !o.started {
		return nil
	}
	return o.send([]byte(": still at work\n\n"))
}

// fail ends the stream with an error event; there is no [DONE] behind it.
func (o *sse) fail(f *fault) error {
	return o.send(append(append([]byte("event: error\ndata: "), f.body()...), "\n\n"...))
}

// place is where a client left off: the id of the last event that it had.
type place struct {
	id         string
	epoch, seq int64
	part       int // of an entry, 0 for all of it
}

// placeOf reads a Last-Event-ID, "<epoch>-<seq>" or "<epoch>-<seq>.<part>".
func placeOf(header string) (place, error) {
	if header == "" {
		return place{}, nil
	}
	p := place{id: header}
	id, part, parted := strings.Cut(header, ".")
	epoch, seq, ok := strings.Cut(id, "-")
	var errs [3]error
	p.epoch, errs[0] = strconv.ParseInt(epoch, 10, 64)
	p.seq, errs[1] = strconv.ParseInt(seq, 10, 64)
	if parted {
		p.part, errs[2] = strconv.Atoi(part)
	}
	if !ok || errs != [3]error{} || p.epoch < 1 || p.seq < 1 || p.part < 0 {
		return p, invalid("Last-Event-ID", "Last-Event-ID is the id of an event of this stream, as 1-7.")
	}
	return p, nil
}

// after returns the entry behind which to go on.
func (p place) after() string {
	switch {
	case p.id == "":
		return ""
	case p.part > 0:
		return fmt.Sprintf("%d-%d", p.epoch, p.seq-1)
	}
	return fmt.Sprintf("%d-%d", p.epoch, p.seq)
}

// skip returns how many events of an entry the client has had.
func (p place) skip(entry string) int {
	if p.part > 0 && entry == fmt.Sprintf("%d-%d", p.epoch, p.seq) {
		return p.part
	}
	return 0
}

// chunksOf turns a stored completion into the events of a stream.
func chunksOf(body []byte, usage bool) ([][]byte, error) {
	var whole map[string]json.RawMessage
	var choices []map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return nil, fmt.Errorf("read stored answer: %w", err)
	}
	if err := json.Unmarshal(rawOr(whole["choices"], "[]"), &choices); err != nil {
		return nil, fmt.Errorf("read stored answer: choices: %w", err)
	}
	ours, counted := whole["dreamlab"], whole["usage"]
	delete(whole, "dreamlab")
	delete(whole, "usage")
	whole["object"] = json.RawMessage(`"chat.completion.chunk"`)
	says := make([]map[string]json.RawMessage, len(choices))
	ends := make([]map[string]json.RawMessage, len(choices))
	for i, choice := range choices {
		index := rawOr(choice["index"], strconv.Itoa(i))
		says[i] = map[string]json.RawMessage{
			"index": index, "delta": deltaOf(choice["message"]), "finish_reason": json.RawMessage("null"),
			"logprobs": rawOr(choice["logprobs"], "null"),
		}
		ends[i] = map[string]json.RawMessage{
			"index": index, "delta": json.RawMessage("{}"), "finish_reason": rawOr(choice["finish_reason"], "null"),
		}
	}
	events := [][]byte{withParts(whole, says, nil, nil)}
	if !usage {
		return append(events, withParts(whole, ends, ours, nil), []byte("[DONE]")), nil
	}
	return append(events, withParts(whole, ends, nil, nil), withParts(whole, nil, ours, counted),
		[]byte("[DONE]")), nil
}

func withParts(whole map[string]json.RawMessage, choices []map[string]json.RawMessage,
	ours, usage json.RawMessage,
) []byte {
	chunk := make(map[string]json.RawMessage, len(whole)+2)
	for key, value := range whole {
		chunk[key] = value
	}
	chunk["choices"] = encoded(some(choices))
	if ours != nil {
		chunk["dreamlab"] = ours
	}
	if usage != nil {
		chunk["usage"] = usage
	}
	return encoded(chunk)
}

// deltaOf returns a message as a delta: its tool calls need an index.
func deltaOf(message json.RawMessage) json.RawMessage {
	var parts map[string]json.RawMessage
	var calls []map[string]json.RawMessage
	if json.Unmarshal(message, &parts) != nil || json.Unmarshal(parts["tool_calls"], &calls) != nil {
		return rawOr(message, "{}")
	}
	for i := range calls {
		calls[i]["index"] = json.RawMessage(strconv.Itoa(i))
	}
	parts["tool_calls"] = encoded(calls)
	return encoded(parts)
}
