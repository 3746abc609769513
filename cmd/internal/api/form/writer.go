package form

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/plainjson"
)

// writer takes what the handler of chats answers and sends it in another form: a
// whole answer when it is complete, a stream event by event.
type writer struct {
	http.ResponseWriter
	reply  reply
	status int
	stream bool
	body   bytes.Buffer // of a whole answer, or the part of an event that has come
}

// WriteHeader holds back the head of a whole answer, whose length will be another.
func (w *writer) WriteHeader(status int) {
	w.status = status
	w.stream = strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
	if w.stream {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write takes a part of the answer.
func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.body.Write(p)
	if !w.stream {
		return len(p), nil
	}
	for {
		event, rest, whole := bytes.Cut(w.body.Bytes(), []byte("\n\n"))
		if !whole {
			return len(p), nil
		}
		var out events
		if err := w.event(&out, event); err != nil {
			return 0, err
		}
		left := len(w.body.Bytes()) - len(rest)
		w.body.Next(left)
		if _, err := w.ResponseWriter.Write(out.Bytes()); err != nil {
			return 0, err
		}
	}
}

// event turns one event of a chat's stream.
func (w *writer) event(out *events, event []byte) error {
	var data []byte
	failed, comment := false, true
	for line := range bytes.SplitSeq(event, []byte("\n")) {
		switch {
		case bytes.HasPrefix(line, []byte("data: ")):
			if data != nil {
				data = append(data, '\n')
			}
			data, comment = append(data, line[len("data: "):]...), false
		case bytes.Equal(line, []byte("event: error")):
			failed = true
		}
	}
	switch {
	case comment:
		w.reply.beat(out)
		return nil
	case failed:
		return w.reply.fail(out, data)
	case string(data) == "[DONE]":
		return w.reply.end(out)
	}
	return w.reply.chunk(out, data)
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// close sends a whole answer.
func (w *writer) close() error {
	if w.stream || w.status == 0 {
		return nil
	}
	answer, err := w.reply.whole(w.body.Bytes())
	if err != nil {
		return fmt.Errorf("put the answer into its form: %w", err)
	}
	return wire.WriteJSON(w.ResponseWriter, w.status, answer)
}

// events gathers server-sent events.
type events struct{ bytes.Buffer }

// named adds an event with a name.
func (e *events) named(name string, payload any) error {
	e.WriteString("event: " + name + "\n")
	return e.data(payload)
}

// data adds an event without one.
func (e *events) data(payload any) error {
	text, err := encode(payload)
	if err != nil {
		return err
	}
	e.WriteString("data: ")
	e.Write(text)
	e.WriteString("\n\n")
	return nil
}

func (e *events) comment() { e.WriteString(": still at work\n\n") }

func encode(object any) ([]byte, error) {
	text, err := plainjson.Encode(object)
	if err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return text, nil
}
