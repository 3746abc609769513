package openai

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"dreamlab/providers/completion"
)

// errLongLine is the error of a stream whose event exceeds the limit.
var errLongLine = errors.New("an event of the stream is too long")

// bom is the byte order mark, with which some servers begin.
var bom = []byte("\ufeff")

// events reads the data of server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). An event is
// handed on as soon as its line is a JSON object, because some vendors leave out
// the blank line; lines that are none are joined up to the blank line.
type events struct {
	lines *bufio.Reader
	long  []byte   // a line beyond the buffer
	parts [][]byte // the lines of an event that is not complete
	size  int      // of the parts
	ready [][]byte // lines of an event that turned out to be events of their own
	bare  bool     // the parts are JSON without a field's name
	limit int
}

func newEvents(lines *bufio.Reader, limit int) *events {
	return &events{lines: lines, limit: limit}
}

// next returns the data of the next event, valid until the next call, and whether
// it is a JSON object. What is neither that nor [DONE] is returned as well. Comments and other fields
// are passed over; an "error:" line, which llama.cpp writes, and bare JSON, with
// which some proxies break in, count as data.
func (e *events) next() (data []byte, object bool, err error) {
	for {
		if len(e.ready) > 0 {
			data := e.ready[0]
			e.ready = e.ready[1:]
			return data, completion.IsObject(data), nil
		}
		line, err := e.line()
		if data, complete, fault := e.take(line); fault != nil {
			return nil, false, fault
		} else if complete {
			return data, data[0] == '{', nil
		}
		if err != nil && !e.join() && len(e.ready) == 0 {
			return nil, false, err
		}
	}
}

// take adds a line to the event. It returns the line's data where that is
// complete by itself.
func (e *events) take(line []byte) (data []byte, complete bool, err error) {
	line = bytes.TrimRight(line, "\r\n")
	data, named := payload(line)
	switch {
	case len(line) == 0:
		e.join()
		return nil, false, nil
	case !named && !e.bare && !(len(e.parts) == 0 && isBare(line)):
		return nil, false, nil
	case !named:
		data, e.bare = line, len(e.parts) == 0 || e.bare
	}
	if len(data) == 0 {
		return nil, false, nil
	}
	if len(e.parts) == 0 && (string(data) == "[DONE]" || completion.IsObject(data)) {
		e.bare = false
		return data, true, nil
	}
	if e.size += len(data); e.size > e.limit {
		return nil, false, errLongLine
	}
	e.parts = append(e.parts, bytes.Clone(data))
	return nil, false, nil
}

// join ends an event: its lines are one, or each is one of its own. It tells
// whether there was any.
func (e *events) join() bool {
	parts := e.parts
	e.parts, e.size, e.bare = nil, 0, false
	if len(parts) == 0 {
		return false
	}
	if joined := bytes.Join(parts, []byte("\n")); completion.IsObject(joined) || joined[0] == '[' && len(parts) > 1 {
		parts = [][]byte{joined}
	}
	e.ready = parts
	return true
}

// payload returns the data of a line that has some by its name.
func payload(line []byte) ([]byte, bool) {
	if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
		return bytes.TrimSpace(data), true
	}
	if data, ok := bytes.CutPrefix(line, []byte("error:")); ok {
		data = bytes.TrimSpace(data)
		if !json.Valid(data) {
			data = completion.Quoted(string(data))
		}
		return completion.With([]byte("{}"), "error", data), true
	}
	return nil, false
}

// isBare tells JSON that stands without a field's name.
func isBare(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	return len(line) > 0 && (line[0] == '{' || line[0] == '[')
}

// line returns the next line, and with io.EOF what stands after the last one.
func (e *events) line() ([]byte, error) {
	line, err := e.lines.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	e.long = e.long[:0]
	for errors.Is(err, bufio.ErrBufferFull) {
		e.long = append(e.long, line...)
		if len(e.long) > e.limit {
			return nil, errLongLine
		}
		line, err = e.lines.ReadSlice('\n')
	}
	e.long = append(e.long, line...)
	return e.long, err
}

// isStream tells a stream from a whole answer, by what the body begins with and
// else by its type: some vendors stream although nobody asked, and answer whole
// although a stream was asked for. It takes white space and the byte order mark
// off the body.
func isStream(header http.Header, body *bufio.Reader) bool {
	kind := strings.ToLower(header.Get("Content-Type"))
	streamed := strings.HasPrefix(kind, "text/event-stream") || strings.HasPrefix(kind, "application/x-ndjson")
	first, err := firstByte(body)
	if err != nil || first == '{' || first == '[' {
		return streamed
	}
	for _, field := range []string{":", "data:", "event:", "id:", "retry:", "error:"} {
		if field[0] != first {
			continue
		}
		if start, err := body.Peek(len(field)); err == nil && string(start) == field {
			return true
		}
	}
	return streamed
}

// firstByte returns the first byte that says something, and leaves it there.
func firstByte(body *bufio.Reader) (byte, error) {
	if start, err := body.Peek(1); err == nil && start[0] == bom[0] {
		if start, err := body.Peek(len(bom)); err == nil && bytes.Equal(start, bom) {
			if _, err := body.Discard(len(bom)); err != nil {
				return 0, err
			}
		}
	}
	for {
		start, err := body.Peek(1)
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(start[0])) {
			return start[0], nil
		}
		if _, err := body.Discard(1); err != nil {
			return 0, err
		}
	}
}
