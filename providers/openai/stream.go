package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/plainjson"
)

// Limits of a streamed answer. A token comes in a chunk of 200 to 700 bytes, with
// the likelihoods of twenty others in one of up to 4 KiB.
const (
	maxStream      = 32 << 20 // all of it, in bytes
	minStream      = 4 << 20  // in bytes: allowed to an answer of any length
	bytesPerToken  = 1 << 10
	bytesPerLikely = 4 << 10
	maxIdle        = 64 // chunks in a row that show nothing and are handed on
	maxSkipped     = 64 // events that are no chunks
)

// streamLimit is how large the stream of an answer may get, in bytes.
func streamLimit(req *providers.Request) int64 {
	if req.MaxTokens <= 0 {
		return maxStream
	}
	each, choices := int64(bytesPerToken), int64(1)
	if req.Logprobs {
		each = bytesPerLikely
	}
	if req.N != nil {
		choices = int64(max(*req.N, 1))
	}
	return min(max(int64(req.MaxTokens)*each*choices, minStream), maxStream)
}

// stream is an answer that is coming in.
type stream struct {
	answer  *answer
	reply   *providers.Reply
	reader  completion.Reader
	head    head
	beside  completion.Gathered // what else stands there
	members members             // of the chunk that is read
	idle    int                 // chunks in a row that showed nothing
	skipped int                 // events that were no chunks
}

// head is what stands beside the choices of an answer.
type head struct {
	ID      json.RawMessage `json:"id,omitempty"`
	Object  string          `json:"object"`
	Created json.RawMessage `json:"created,omitempty"`
	Model   string          `json:"model"`
	Choices json.RawMessage `json:"choices"`
	Usage   json.RawMessage `json:"usage"`
}

// stream reads an answer as it comes and hands each chunk on, to a sink that may
// be nil. The reply holds it as a whole.
func (c *Client) stream(
	a *answer, reply *providers.Reply, sink providers.Sink, cancel context.CancelFunc,
) (*providers.Reply, error) {
	s := &stream{answer: a, reply: reply, reader: completion.Reader{Hidden: c.dialect.Hidden}}
	reply.Usage.Missing = true
	err := s.run(newEvents(a.body, maxLine), sink)
	if a.bound.N <= 0 {
		err = a.tooLarge("the stream")
	}
	s.finish()
	if err != nil {
		return reply, err
	}
	drain(a.body, cancel)
	return reply, nil
}

// drain reads to the end of the body, but does not wait for it.
func drain(body *bufio.Reader, cancel context.CancelFunc) {
	timer := time.AfterFunc(drainPatience, cancel)
	defer timer.Stop()
	if _, err := io.CopyN(io.Discard, body, drainBytes); err == nil {
		cancel() // there is more to come, which nobody wants
	}
}

func (s *stream) run(events *events, sink providers.Sink) error {
	for {
		data, object, err := events.next()
		marked := err == nil && string(data) == "[DONE]"
		switch {
		case marked || clean(err):
			if fault := s.close(sink); fault != nil {
				return fault
			}
			if marked {
				return s.done()
			}
			return s.ended(err)
		case err != nil:
			return s.ended(err)
		case !object:
			if err := s.skip(data); err != nil {
				return err
			}
			continue
		}
		if s.answer.translate != nil {
			data = s.answer.translate(data)
		}
		if err := s.take(data, sink); err != nil {
			return err
		}
	}
}

// take reads one event and hands it on.
func (s *stream) take(data []byte, sink providers.Sink) error {
	chunk, err := s.chunk(data)
	if err != nil {
		return err
	}
	if chunk.Data == nil || sink == nil {
		return nil
	}
	if err := sink(chunk); err != nil {
		return s.answer.given(s.reply, err)
	}
	return nil
}

// close takes what the dialect has still to say of a stream that has ended.
func (s *stream) close(sink providers.Sink) error {
	if s.answer.translate == nil {
		return nil
	}
	last := s.answer.translate(nil)
	if last == nil {
		return nil
	}
	return s.take(last, sink)
}

// clean tells whether a body has ended, and was not cut.
func clean(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }

// done judges a stream that the vendor closed in due form. Events that were no
// chunks are forgiven then, and counted.
func (s *stream) done() error {
	switch {
	case !s.reader.Begun():
		return s.charged(s.answer.unreadable("the stream held no choice", nil))
	case !s.reader.Whole():
		return s.charged(s.answer.fault(providers.KindTruncated, "the stream ended without a reason", nil))
	}
	return nil
}

// ended judges a stream without the closing mark: it is whole where the reason for
// its end came before a clean end, and cut otherwise.
func (s *stream) ended(err error) error {
	if errors.Is(err, errLongLine) {
		e := s.answer.unreadable("the stream can not be read", err)
		e.NoRetry = true
		return s.charged(e)
	}
	if clean(err) && s.reader.Whole() {
		return s.unmarked()
	}
	if errors.Is(err, io.EOF) && !s.reader.Begun() {
		return s.charged(s.answer.unreadable("the stream held no choice", nil))
	}
	e := s.answer.broken("the stream broke off", err)
	if e.Kind == providers.KindServer {
		e.Kind = providers.KindTruncated
	}
	return s.charged(e)
}

// unmarked judges a stream that has all but the closing mark. Events that were no chunks
// may have held a part of the answer.
func (s *stream) unmarked() error {
	if s.skipped == 0 {
		return nil
	}
	what := fmt.Sprintf("%d events were no chunks, and the stream ended without [DONE]", s.skipped)
	return s.charged(s.answer.fault(providers.KindTruncated, what, nil))
}

// charged sets what a stream cost that failed after its usage was told.
func (s *stream) charged(e *providers.Error) *providers.Error {
	if !s.reply.Usage.Missing {
		e.Charge, e.Usage = providers.ChargeUsage, s.reply.Usage
	}
	return e
}

// chunk looks at one event, a JSON object, without decoding it. The chunk's Data
// is nil where there is nothing to hand on.
func (s *stream) chunk(data []byte) (providers.Chunk, error) {
	dialect := &s.answer.client.dialect
	data = completion.Without(tidy(data), dialect.Hidden...)
	m := &s.members
	m.read(data, dialect.Extension)
	s.note(m)
	if err := s.extension(m.extension); err != nil {
		return providers.Chunk{}, err
	}
	if m.failed() {
		return providers.Chunk{}, s.charged(s.answer.client.inBand(s.answer, data, s.reply.Usage))
	}
	if len(m.choices) == 0 || m.choices[0] != '[' {
		return s.withoutChoices(data), nil
	}
	seen, err := s.reader.Take(m.choices)
	if err != nil {
		return providers.Chunk{}, s.charged(s.answer.judged(err, s.reply.Usage))
	}
	s.reply.Shown = s.reply.Shown || seen.Shows
	if !seen.Shows && !seen.Ends && s.tooIdle() {
		return providers.Chunk{}, nil
	}
	if seen.Shows {
		s.idle = 0
	}
	data = m.mended(data, seen.Choices)
	if string(m.object) == `"chat.completion"` { // a whole answer in one event
		data = completion.Set(data, "object", completion.Quoted("chat.completion.chunk"))
	}
	return providers.Chunk{Data: data, Shows: seen.Shows, Ends: seen.Ends}, nil
}

// withoutChoices makes a chunk of an event that tells something beside the answer:
// clients iterate over the choices, of which it has none.
func (s *stream) withoutChoices(data []byte) providers.Chunk {
	if len(s.members.beside) == 0 || s.tooIdle() {
		return providers.Chunk{}
	}
	return providers.Chunk{Data: completion.Set(data, "choices", []byte("[]"))}
}

// tooIdle counts a chunk that shows nothing, of which few are handed on: they
// would have to be held back until something is shown.
func (s *stream) tooIdle() bool {
	s.idle++
	return s.idle > maxIdle
}

// skip passes over an event that is no JSON object.
func (s *stream) skip(data []byte) error {
	if object := firstOf(data); object != nil { // Google wraps its error in an array
		return s.charged(s.answer.client.inBand(s.answer, object, s.reply.Usage))
	}
	if s.skipped++; s.skipped > maxSkipped {
		return s.charged(s.answer.unreadable("the events of the stream are no chunks", nil))
	}
	return nil
}

// firstOf returns the first item of a list of errors, nil for anything else.
func firstOf(data []byte) []byte {
	if !json.Valid(data) {
		return nil
	}
	for item := range completion.Items(data) {
		if m := membersOf(item, ""); completion.IsObject(item) && m.failed() {
			return item
		}
		break
	}
	return nil
}

// tidy makes a chunk one line of UTF-8: a carriage return is white space to JSON,
// and the end of a line to SSE.
func tidy(data []byte) []byte {
	if bytes.IndexByte(data, '\r') >= 0 || bytes.IndexByte(data, '\n') >= 0 {
		data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r"), []byte(" ")), []byte("\n"), []byte(" "))
	}
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	return data
}

// note keeps what a chunk says of the whole answer.
func (s *stream) note(m *members) {
	for _, other := range m.beside {
		if string(other.key) != "obfuscation" { // padding, which hides how long a chunk's text is
			s.beside.Take(other.key, other.value, false)
		}
	}
	s.usage(m.usage)
	if quoted := m.tier; completion.HasText(quoted) && string(quoted[1:len(quoted)-1]) != s.reply.Service {
		s.reply.Service = string(completion.AppendText(nil, quoted))
	}
	if s.reply.Model == "" {
		s.reply.Model = string(completion.AppendText(nil, m.model))
	}
	if s.head.ID == nil && completion.HasText(m.id) {
		s.head.ID = bytes.Clone(m.id)
	}
	if s.head.Created == nil && completion.Present(m.created) && string(m.created) != "0" {
		s.head.Created = bytes.Clone(m.created)
	}
}

func (s *stream) usage(value []byte) {
	if !completion.Present(value) {
		return
	}
	if counts := parseUsage(value); !counts.Missing {
		s.reply.Usage, s.head.Usage = counts, bytes.Clone(value)
	}
}

// extension reads the vendor's own object in a chunk.
func (s *stream) extension(object []byte) error {
	for key, value := range completion.Members(object) {
		switch string(key) {
		case "id":
			if s.reply.RequestID == "" {
				s.reply.RequestID = string(completion.AppendText(nil, value))
			}
		case "usage":
			s.usage(value)
		case "error":
			if completion.Present(value) {
				body := completion.With([]byte("{}"), "error", value)
				return s.charged(s.answer.client.inBand(s.answer, body, s.reply.Usage))
			}
		}
	}
	return nil
}

// finish puts the pieces together as one answer.
func (s *stream) finish() {
	s.reply.Content, s.reply.Refusal = s.reader.Content(), s.reader.Refusal()
	s.reply.Finish, s.reply.Message, s.reply.Skipped = s.reader.Finish(), s.reader.Message(), s.skipped
	if !s.reader.Whole() {
		return
	}
	s.head.Object, s.head.Model, s.head.Choices = "chat.completion", s.reply.Model, s.reader.Choices()
	if s.head.Created == nil {
		s.head.Created = plainjson.Of(s.answer.client.now().Unix())
	}
	s.reply.Body = s.beside.AddTo(plainjson.Of(s.head))
}

// judged makes an error of what the choices of an answer told.
func (a *answer) judged(err error, used providers.Usage) *providers.Error {
	var failed *completion.ChoiceError
	switch {
	case errors.As(err, &failed):
		return a.client.inBand(a, failed.Body, used)
	case errors.Is(err, completion.ErrFiltered):
		e := a.fault(providers.KindContentFilter, "the vendor filtered the answer", nil)
		e.Code = "content_filter"
		return e
	}
	return a.unreadable(fmt.Sprintf("the answer is none: %v", err), nil)
}
