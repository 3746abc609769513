package lab

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode"

	"dreamlab/providers/sandbox/model"
)

// NewID returns an id that nobody can guess, behind a vendor's prefix.
func NewID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }

// Dialect is how a vendor dresses an answer.
type Dialect struct {
	Vendor Vendor
	// Whole makes the chat.completion object.
	Whole func(*Answer) map[string]any
	// Head makes the event that comes before all others. Defaults to none.
	Head func(*Answer) map[string]any
	// Chunk makes one chat.completion.chunk object.
	Chunk func(*Answer, Piece) map[string]any
	// Broken makes the event that says that a stream failed.
	Broken func(*Answer) map[string]any
	// BrokenInList puts the event of Broken into a list, as Google does.
	BrokenInList bool
	// Unmarked streams end without [DONE].
	Unmarked bool
	// Tail makes what a stream carries after its last piece, nil for nothing.
	Tail func(*Answer) map[string]any
	// Framing is how the events of a stream are written. Defaults to server-sent
	// events with [DONE] at their end.
	Framing *Framing
	// BadJSON answers a structured answer that is not JSON. Defaults to
	// answering it as it is.
	BadJSON func(http.ResponseWriter, *Answer)
}

// Answer is a completion with what a vendor puts around it.
type Answer struct {
	model.Completion
	ID      string
	Model   string // as asked
	Billed  string // as the price list names it. Defaults to Model.
	Free    bool   // paid otherwise than by the token
	Tier    string // of service, as asked
	Percent int64  // of the usual price, that of a tier of service. Defaults to 100.
	Created time.Time
	Ask     *model.Ask
	// Reasoning are tokens of thought before the answer. They are billed as its
	// output, and counted in Usage.Out.
	Reasoning int64
}

// Piece is a part of a streamed answer.
type Piece struct {
	Text  string
	First bool // carries the role
	Last  bool // carries the reason of the end, and no text
}

// Chat answers a request that the emulator found sound: it asks the model,
// bills the answer, plays the faults of answers, and writes it, streamed where
// that was asked.
func (l *Lab) Chat(w http.ResponseWriter, r *http.Request, d *Dialect, a *Answer, brain *model.Model) {
	if refused := l.Complete(a, brain); refused != nil {
		d.Vendor.Fail(w, *refused)
		return
	}
	nano := l.bill(d.Vendor.Name, a)
	if asked, ok := w.(*recorder); ok {
		asked.billed, asked.nano = true, nano
	}
	target := Target{d.Vendor.Name, r.Method, r.URL.Path, a.Ask.Model, a.Tier}
	if _, bad := l.TakeFault(target, FaultBadJSON); bad && a.Structured() {
		a.Text = strings.TrimSuffix(a.Text, "}")
	}
	if a.Structured() && d.BadJSON != nil && !json.Valid([]byte(a.Text)) {
		d.BadJSON(w, a)
		return
	}
	if !a.Ask.Stream {
		WriteJSON(w, http.StatusOK, d.Whole(a))
		return
	}
	l.stream(w, r, d, a)
}

// Complete asks the model, without a bill: what is answered in a batch is billed with it.
func (l *Lab) Complete(a *Answer, brain *model.Model) *Failure {
	var err error
	if a.Completion, err = brain.Complete(a.Ask); err != nil {
		return Invalid("response_format", "%v", err)
	}
	if a.Call != nil {
		a.Call.ID = NewID("call_")
	}
	a.Usage.Out += a.Reasoning
	a.ID, a.Created = NewID("chatcmpl-"), l.Clock.wall() // a chat takes no time that could be driven
	a.Billed = cmp.Or(a.Billed, a.Model)
	return nil
}

// bill returns what the answer costs, nano-dollars.
func (l *Lab) bill(vendor string, a *Answer) int64 {
	if !a.Free {
		return payPart(l, Payment{Vendor: vendor, Model: a.Billed}, a.Usage, cmp.Or(a.Percent, 100))
	}
	l.Pay(Payment{Vendor: vendor, Model: a.Billed, Calls: 1, TokensIn: a.Usage.In, TokensOut: a.Usage.Out})
	return 0
}

// Structured tells whether the answer is a text that has to be JSON.
func (a *Answer) Structured() bool { return a.Call == nil && a.Ask.Structured() }

// pieces cuts the answer for a stream.
func (a *Answer) pieces() []Piece {
	out := []Piece{{First: true}}
	for _, text := range cut(a.Text) {
		out = append(out, Piece{Text: text})
	}
	return append(out, Piece{Last: true})
}

// cut makes of a text what a stream's chunks carry: words with the space
// before them.
func cut(text string) []string {
	var out []string
	start := 0
	inWord := false
	for i, r := range text {
		space := unicode.IsSpace(r)
		if space && inWord {
			out = append(out, text[start:i])
			start = i
		}
		inWord = !space
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}

// stream writes the answer as server-sent events and plays the faults of
// streams. A client that leaves ends it.
func (l *Lab) stream(w http.ResponseWriter, r *http.Request, d *Dialect, a *Answer) {
	s := &events{writer: w, request: r, framing: cmp.Or(d.Framing, &serverSent)}
	target := Target{d.Vendor.Name, r.Method, r.URL.Path, a.Ask.Model, a.Tier}
	fault, broken := l.TakeFault(target, FaultTruncate, FaultStreamError, FaultStall)
	odd, _ := l.TakeFault(target, FaultBadChunk, FaultNoMark)
	if asked, ok := w.(*recorder); ok {
		asked.fault = cmp.Or(asked.fault, fault.Kind, odd.Kind)
	}
	w.Header().Set("Content-Type", s.framing.Kind)
	if d.Head != nil && !s.send(d.Head(a)) {
		return
	}
	for i, piece := range a.pieces() {
		if broken && i >= fault.Chunks {
			s.fail(fault, d, a)
			return
		}
		if odd.Kind == FaultBadChunk && i == odd.Chunks {
			s.write(s.framing.Bad)
		}
		if !s.send(d.Chunk(a, piece)) {
			return
		}
	}
	if broken {
		s.fail(fault, d, a)
		return
	}
	if d.Tail != nil {
		if tail := d.Tail(a); tail != nil && !s.send(tail) {
			return
		}
	}
	if !d.Unmarked && odd.Kind != FaultNoMark {
		s.done()
	}
}

// Framing is how a vendor writes the events of a stream.
type Framing struct {
	Kind  string                 // media type
	Event func(event any) []byte // as it goes over the wire
	Done  []byte                 // ends the stream; nil where an event does
	Bad   []byte                 // an event that is no JSON
}

// serverSent is what most vendors write.
var serverSent = Framing{
	Kind: "text/event-stream", Event: serverSentEvent, Done: []byte("data: [DONE]\n\n"),
	Bad: []byte("data: {\"id\":\"chatcmpl-\n\n"),
}

func serverSentEvent(event any) []byte {
	data, err := json.Marshal(event)
	if err != nil { // what the emulators answer always marshals
		panic(err)
	}
	return bytes.Join([][]byte{[]byte("data: "), data, []byte("\n\n")}, nil)
}

// events writes the events of a stream.
type events struct {
	writer  http.ResponseWriter
	request *http.Request
	framing *Framing
}

// send tells whether the client still listens.
func (s *events) send(event any) bool { return s.write(s.framing.Event(event)) }

func (s *events) done() { s.write(s.framing.Done) }

func (s *events) write(data []byte) bool {
	if _, err := s.writer.Write(data); err != nil {
		return false
	}
	if flusher, ok := s.writer.(http.Flusher); ok {
		flusher.Flush()
	}
	return s.request.Context().Err() == nil
}

func (s *events) fail(f Fault, d *Dialect, a *Answer) {
	switch f.Kind {
	case FaultStreamError:
		event := any(d.Broken(a))
		if d.BrokenInList {
			event = []any{event}
		}
		s.send(event)
		return
	case FaultStall:
		Wait(s.request.Context(), maxHang)
	}
	panic(http.ErrAbortHandler)
}
