package bedrock

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// stream reads AWS's event stream and writes server-sent events in OpenAI's form
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html).
// It is complete once the reason of the end and the usage have come: a body that
// ends before is cut, though it may end in due form.
type stream struct {
	head    openai.Head
	source  *bufio.Reader
	decoder *eventstream.Decoder
	payload []byte       // of the latest frame, used again
	ready   bytes.Buffer // events that are to be read
	failed  error        // what is told once they are read

	tools  map[int]*streamedTool // by the index of their block
	fault  *fault                // told with the usage
	ended  bool                  // the reason of the end has come
	closed bool                  // the usage, too
}

// streamedTool is a tool call that comes in pieces.
type streamedTool struct {
	at   int // its index among the calls
	said bool
}

// readAhead is what is read of the connection at once, in bytes.
const readAhead = 16 << 10

func newStream(head openai.Head, body io.Reader) io.Reader {
	return &stream{
		head: head, source: bufio.NewReaderSize(body, readAhead), decoder: eventstream.NewDecoder(),
		tools: map[int]*streamedTool{},
	}
}

// Read returns the events of the next frame that has some.
func (s *stream) Read(p []byte) (int, error) {
	for s.ready.Len() == 0 {
		if s.failed != nil {
			return 0, s.failed
		}
		s.failed = s.advance()
	}
	return s.ready.Read(p)
}

// advance takes one frame in. Its checksums are the decoder's to check.
func (s *stream) advance() error {
	message, err := s.decoder.Decode(s.source, s.payload[:0])
	switch {
	case errors.Is(err, io.EOF) && s.closed:
		return io.EOF
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil:
		return fmt.Errorf("read a frame: %w", err)
	}
	s.payload = message.Payload
	word := func(header string) string {
		if value := message.Headers.Get(header); value != nil {
			return value.String()
		}
		return ""
	}
	switch word(":message-type") {
	case "exception":
		return s.exception(word(":exception-type"), message.Payload)
	case "error":
		s.refuse(word(":error-code"), word(":error-message"))
		return nil
	}
	s.event(word(":event-type"), message.Payload)
	return nil
}

// unreadable is handed on in place of an event that is no JSON. It is forgiven where the
// stream ends in full order, as those of other vendors are.
const unreadable = "data: unreadable\n\n"

// exception hands on an error that came in place of the rest of the answer.
func (s *stream) exception(kind string, payload []byte) error {
	var said struct {
		Message  string `json:"message"`
		Original string `json:"originalMessage"`
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		said.Message = "the exception holds no JSON"
	}
	if said.Original != "" {
		said.Message += " (" + said.Original + ")"
	}
	if kind != "" { // in streams the names begin with a small letter
		kind = strings.ToUpper(kind[:1]) + kind[1:]
	}
	s.refuse(kind, said.Message)
	return nil
}

// refuse tells of an error.
func (s *stream) refuse(kind, message string) {
	broken := newObject(s.head, "chat.completion.chunk")
	broken.Error = &fault{kind, message}
	s.tell(broken)
}

// frame is the payload of any event: they share the names of their members.
type frame struct {
	Index int        `json:"contentBlockIndex"`
	Start blockStart `json:"start"`
	Delta blockDelta `json:"delta"`

	StopReason string       `json:"stopReason"`
	Usage      *counts      `json:"usage"`
	Tier       *serviceTier `json:"serviceTier"`
}

type blockStart struct {
	ToolUse *toolUse `json:"toolUse"`
}

type blockDelta struct {
	Text    string `json:"text"`
	ToolUse *struct {
		Input string `json:"input"` // a piece of JSON
	} `json:"toolUse"`
	Reasoning *reasoningDelta `json:"reasoningContent"`
}

type reasoningDelta struct {
	Text      string `json:"text"`
	Signature string `json:"signature"`
	Redacted  []byte `json:"redactedContent"`
}

// event hands on what an event says. Of one that is not known nothing is lost but
// what could not be told in OpenAI's form.
func (s *stream) event(kind string, payload []byte) {
	var came frame
	if json.Unmarshal(payload, &came) != nil {
		s.ready.WriteString(unreadable)
		return
	}
	switch kind {
	case "messageStart":
		empty := ""
		s.say(&message{Role: "assistant", Content: &empty}, nil)
	case "contentBlockStart":
		s.start(came.Index, came.Start.ToolUse)
	case "contentBlockDelta":
		s.delta(came.Index, &came.Delta)
	case "contentBlockStop":
		if tool := s.tools[came.Index]; tool != nil && !tool.said {
			s.piece(tool, "{}") // a call without arguments
		}
	case "messageStop":
		s.stop(came.StopReason)
	case "metadata":
		s.metadata(&came)
	}
}

func (s *stream) start(index int, use *toolUse) {
	if use == nil {
		return
	}
	tool := &streamedTool{at: len(s.tools)}
	s.tools[index] = tool
	s.say(&message{Calls: []call{{
		Index: &tool.at, ID: use.ID, Type: "function", Function: function{Name: use.Name},
	}}}, nil)
}

func (s *stream) delta(index int, d *blockDelta) {
	switch {
	case d.Text != "":
		s.say(&message{Content: &d.Text}, nil)
	case d.ToolUse != nil && s.tools[index] != nil && d.ToolUse.Input != "":
		s.piece(s.tools[index], d.ToolUse.Input)
	case d.Reasoning != nil:
		thought := d.Reasoning
		piece := &message{Reasoning: thought.Text}
		if thought.Text != "" || thought.Signature != "" {
			piece.Details = append(piece.Details, detail{
				Type: detailText, Text: thought.Text, Signature: thought.Signature, Index: index,
			})
		}
		if len(thought.Redacted) > 0 {
			piece.Details = append(piece.Details, detail{Type: detailEncrypted, Data: thought.Redacted, Index: index})
		}
		s.say(piece, nil)
	}
}

// piece hands on a part of a call's arguments.
func (s *stream) piece(tool *streamedTool, arguments string) {
	tool.said = true
	s.say(&message{Calls: []call{{Index: &tool.at, Function: function{Arguments: arguments}}}}, nil)
}

func (s *stream) stop(reason string) {
	s.ended = reason != ""
	if s.fault = malformed(reason); s.fault == nil && s.ended {
		finish := finishOf(reason)
		s.say(&message{}, &finish)
	}
}

// metadata ends the stream where its reason has come.
func (s *stream) metadata(came *frame) {
	last := newObject(s.head, "chat.completion.chunk")
	last.Usage, last.Tier, last.Error = came.Usage.openAI(), came.Tier.name(), s.fault
	s.tell(last)
	if s.ended {
		s.closed = true
		s.ready.WriteString("data: [DONE]\n\n")
	}
}

// say hands on a piece of the answer.
func (s *stream) say(delta *message, finish *string) {
	chunk := newObject(s.head, "chat.completion.chunk")
	chunk.Choices = append(chunk.Choices, choice{Delta: delta, Finish: finish})
	s.tell(chunk)
}

// tell makes a server-sent event.
func (s *stream) tell(chunk object) {
	s.ready.WriteString("data: ")
	s.ready.Write(plainjson.Of(chunk))
	s.ready.WriteString("\n\n")
}
