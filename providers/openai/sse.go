package openai

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// errLongLine is the error of a stream whose line exceeds the limit.
var errLongLine = errors.New("a line of the stream is too long")

// events reads the data of server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), of which
// this dialect sends one line each.
type events struct {
	lines *bufio.Reader
	long  []byte
	limit int
}

func newEvents(body io.Reader, limit int) *events {
	return &events{lines: bufio.NewReaderSize(body, 16<<10), limit: limit}
}

// next returns the data of the next event, valid until the next call. Other
// fields and comments are passed over; an "error:" line, which llama.cpp
// writes, and a bare JSON object, with which some proxies break in, count as data.
func (e *events) next() ([]byte, error) {
	for {
		line, err := e.line()
		if data, ok := payload(line); ok {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func payload(line []byte) ([]byte, bool) {
	line = bytes.TrimRight(line, "\r\n")
	if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
		data = bytes.TrimSpace(data)
		return data, len(data) > 0
	}
	if data, ok := bytes.CutPrefix(line, []byte("error:")); ok {
		return append([]byte(`{"error":`), append(bytes.TrimSpace(data), '}')...), true
	}
	return line, bytes.HasPrefix(line, []byte(`{"error"`))
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
