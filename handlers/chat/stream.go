package chat

import (
	"bytes"
	"context"
	"errors"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/db"
)

// stream lets an answer flow into a reply: each chunk gets our id and the name of
// the model that answers, and is written with whatever became ready beside it. What
// shows nothing is held back, because the last chunk is to carry what is only known
// at the end.
type stream struct {
	turn    *turn
	label   label
	created int64 // unix seconds, for chunks of our own
	pump    *pump
	held    [][]byte
	usage   []byte              // the vendor's own count, when it came
	beside  completion.Gathered // what chunks without choices told, for the next one that has some
	shown   bool
}

func (t *turn) newStream(ctx context.Context) *stream {
	return &stream{turn: t, created: t.run.Job.Created.Unix(), pump: newPump(ctx, t.reply)}
}

// began records which target answers. Lines that another target sent before, and of which the
// client was shown nothing, are dropped.
func (s *stream) began(target providers.Target, try int) {
	s.label, s.held, s.usage, s.beside = s.turn.label(target), nil, nil, completion.Gathered{}
	s.turn.reply.Head(s.turn.headOf(target, try))
}

// take is the sink of the call. A reply that can not be written does not stop
// the answer, which is paid for and kept; one that another worker writes does.
func (s *stream) take(chunk providers.Chunk) error {
	if s.fenced() {
		return db.ErrFenced
	}
	line := s.label.chunk(chunk.Data)
	if line.usage != nil {
		s.usage = bytes.Clone(line.usage)
	}
	if line.noChoices {
		s.gather(chunk.Data)
		return nil
	}
	s.held = append(s.held, s.gathered(line.data))
	switch {
	case chunk.Shows && !chunk.Ends:
		s.release(0)
	case s.shown:
		s.release(1)
	}
	s.shown = s.shown || chunk.Shows
	return nil
}

// gather keeps what a chunk without choices tells beside the usage, which is written at
// the end: clients look for choices in every chunk.
func (s *stream) gather(data []byte) {
	for key, value := range completion.Members(data) {
		switch string(key) {
		case "id", "object", "created", "model", "choices", "usage", "obfuscation":
		default:
			s.beside.Take(key, value, false)
		}
	}
}

// gathered returns a chunk with what was kept for it.
func (s *stream) gathered(data []byte) []byte {
	data = s.beside.AddTo(data)
	s.beside = completion.Gathered{}
	return data
}

// release writes what is held back, but for the last few.
func (s *stream) release(but int) {
	if n := len(s.held) - but; n > 0 {
		s.pump.add(s.held[:n:n]...)
		s.held = append([][]byte(nil), s.held[n:]...)
	}
}

// tail returns the events that end a reply.
func (s *stream) tail(a *handlers.Answered, ours []byte, usage bool) [][]byte {
	s.label = s.turn.label(a.Target)
	if len(s.held) == 0 {
		s.held = [][]byte{s.closing(a)}
	}
	if usage {
		s.held = append(s.held, s.counted(a))
	}
	last := len(s.held) - 1
	s.held[last] = completion.With(s.gathered(s.held[last]), "dreamlab", ours)
	return append(s.held, []byte("[DONE]"))
}

func (s *stream) close()        { s.pump.close() }
func (s *stream) broken() error { return s.pump.failure() }
func (s *stream) fenced() bool  { return errors.Is(s.pump.failure(), db.ErrFenced) }
