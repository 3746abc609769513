package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"dreamlab/providers"
)

// maxStream bounds all of a streamed answer, in bytes.
const maxStream = 4 * maxBody

// stream is an answer that is coming in.
type stream struct {
	answer    *answer
	reply     *providers.Reply
	content   []byte
	refusal   []byte
	reasoning []byte
	tools     toolCalls
	choices   bool // a chunk held a choice
	foreign   bool // the present chunk ends with a vendor's own word
}

// stream reads an answer as it comes and hands each chunk on.
func (c *Client) stream(
	a *answer, reply *providers.Reply, sink providers.Sink, cancel context.CancelFunc,
) (*providers.Reply, error) {
	s := &stream{answer: a, reply: reply}
	reply.Usage.Missing = true
	body := &io.LimitedReader{R: a.Body, N: maxStream}
	err := s.run(newEvents(body, maxLine), sink)
	if body.N <= 0 {
		err = a.garbled("the stream is larger than the limit", nil)
	}
	s.finish()
	if err != nil {
		return reply, err
	}
	drain(body, cancel)
	return reply, nil
}

// drain reads to the end of the body, but does not wait for it.
func drain(body io.Reader, cancel context.CancelFunc) {
	timer := time.AfterFunc(drainPatience, cancel)
	defer timer.Stop()
	if _, err := io.CopyN(io.Discard, body, drainBytes); err == nil {
		cancel() // there is more to come, which nobody wants
	}
}

func (s *stream) run(events *events, sink providers.Sink) error {
	for {
		data, err := events.next()
		if err != nil {
			return s.ended(err)
		}
		if string(data) == "[DONE]" {
			return s.done()
		}
		chunk, err := s.chunk(data)
		if err != nil {
			return err
		}
		if err := sink(chunk); err != nil {
			return s.answer.given(s.reply, err)
		}
	}
}

// done judges a stream that the vendor closed in due form.
func (s *stream) done() error {
	if !s.choices {
		return s.answer.garbled("the stream held no choice", nil)
	}
	if s.reply.Finish == "" {
		s.reply.Finish = "stop"
	}
	return nil
}

// ended judges a stream without the closing mark: it is whole when the reason
// for its end came, and cut otherwise.
func (s *stream) ended(err error) error {
	if errors.Is(err, errLongLine) {
		return s.answer.garbled("the stream can not be read", err)
	}
	if s.reply.Finish != "" {
		return nil
	}
	e := s.answer.broken("the stream broke off", err)
	if e.Kind == providers.KindServer {
		e.Kind = providers.KindTruncated
	}
	return s.charged(e)
}

// charged sets what a stream cost that failed after its usage was told.
func (s *stream) charged(e *providers.Error) *providers.Error {
	if !s.reply.Usage.Missing {
		e.Charge, e.Usage = providers.ChargeUsage, s.reply.Usage
	}
	return e
}

// chunk looks at one event without decoding it.
func (s *stream) chunk(data []byte) (providers.Chunk, error) {
	if !json.Valid(data) {
		return providers.Chunk{}, s.charged(s.answer.garbled("an event of the stream is no JSON", nil))
	}
	if bytes.IndexByte(data, '\r') >= 0 { // white space to JSON, the end of a line to SSE
		data = bytes.ReplaceAll(data, []byte("\r"), []byte(" "))
	}
	s.foreign = false
	shows := false
	for key, value := range fields(data) {
		switch string(key) {
		case "choices":
			for choice := range items(value) {
				shows = s.choice(choice) || shows
			}
		case "usage":
			s.usage(value)
		case "model":
			s.model(value)
		case "error":
			if present(value) {
				return providers.Chunk{}, s.charged(s.answer.client.inBand(s.answer, data, s.reply.Usage))
			}
		case s.answer.client.dialect.Extension:
			if err := s.extension(value); err != nil {
				return providers.Chunk{}, err
			}
		}
	}
	if s.foreign {
		data = inOurWords(data)
	}
	return providers.Chunk{Data: data, Shows: shows}, nil
}

func (s *stream) usage(value []byte) {
	if !present(value) {
		return
	}
	if counts := parseUsage(value); !counts.Missing {
		s.reply.Usage = counts
	}
}

func (s *stream) model(value []byte) {
	if s.reply.Model == "" {
		s.reply.Model = string(appendText(nil, value))
	}
}

// extension reads the vendor's own object in a chunk.
func (s *stream) extension(object []byte) error {
	for key, value := range fields(object) {
		switch string(key) {
		case "id":
			if s.reply.RequestID == "" {
				s.reply.RequestID = string(appendText(nil, value))
			}
		case "usage":
			s.usage(value)
		case "error":
			if present(value) {
				body := append(append([]byte(`{"error":`), value...), '}')
				return s.charged(s.answer.client.inBand(s.answer, body, s.reply.Usage))
			}
		}
	}
	return nil
}

// choice takes in one choice of a chunk and tells whether it shows something.
// The text of the first choice alone is kept.
func (s *stream) choice(choice []byte) (shows bool) {
	var delta, ending []byte
	first := true
	for key, value := range fields(choice) {
		switch string(key) {
		case "index":
			first = string(value) == "0"
		case "delta":
			delta = value
		case "finish_reason":
			ending = value
		}
	}
	s.choices = true
	if hasText(ending) {
		theirs := string(appendText(nil, ending))
		s.foreign = s.foreign || finish(theirs) != theirs
		if first {
			s.reply.Finish = finish(theirs)
		}
	}
	return s.delta(delta, first)
}

func (s *stream) delta(delta []byte, first bool) (shows bool) {
	for key, value := range fields(delta) {
		var kept *[]byte
		switch string(key) {
		case "content":
			kept = &s.content
		case "refusal":
			kept = &s.refusal
		case "reasoning", "reasoning_content":
			kept = &s.reasoning
		case "tool_calls":
			if len(value) > 2 && value[0] == '[' {
				shows = true
				s.tools.merge(value, first)
			}
			continue
		default:
			continue
		}
		if hasText(value) {
			shows = true
			if first {
				*kept = appendText(*kept, value)
			}
		}
	}
	s.reply.Shown = s.reply.Shown || shows
	return shows
}

// finish puts the pieces together as one message.
func (s *stream) finish() {
	message := struct {
		Role      string    `json:"role"`
		Content   *string   `json:"content"`
		Reasoning string    `json:"reasoning,omitempty"`
		Refusal   string    `json:"refusal,omitempty"`
		ToolCalls toolCalls `json:"tool_calls,omitempty"`
	}{Role: "assistant", Reasoning: string(s.reasoning), Refusal: string(s.refusal), ToolCalls: s.tools}
	s.reply.Content, s.reply.Refusal = string(s.content), message.Refusal
	if len(s.content) > 0 || len(s.tools) == 0 {
		message.Content = &s.reply.Content
	}
	encoded, err := encode(message)
	if err != nil { // strings always encode
		panic(err)
	}
	s.reply.Message = bytes.TrimSpace(encoded)
}
