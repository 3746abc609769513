package chat

import (
	"bytes"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

// label is what every object of an answer carries in place of the vendor's own.
type label struct {
	id, model []byte // as JSON
}

// label names the model that answers, and not the alias that was asked for.
func (t *turn) label(target providers.Target) label {
	return label{id: completion.Quoted(t.name()), model: completion.Quoted(target.String())}
}

// labelled is a completion, or a chunk of one, on its way to the client.
type labelled struct {
	data      []byte
	usage     []byte // the vendor's own count, nil for none
	noChoices bool
}

// chunk puts the label on a chunk, in one pass and without decoding it. The usage
// is taken out: it is told once and at the end.
func (l label) chunk(data []byte) labelled { return l.put(data, []byte("null")) }

// whole puts the label on a whole completion. It keeps its usage where none is given.
func (l label) whole(data, usage []byte) []byte { return l.put(data, usage).data }

func (l label) put(data, usage []byte) labelled {
	var out labelled
	var hasID, hasModel bool
	text := make([]byte, 0, len(data)+len(l.id)+len(l.model)+32)
	at := 0
	for key, value := range completion.Members(data) {
		var by []byte
		switch string(key) {
		case "id":
			by, hasID = l.id, true
		case "model":
			by, hasModel = l.model, true
		case "usage":
			if completion.Present(value) {
				out.usage = value
			}
			by = usage
		case "choices":
			out.noChoices = len(bytes.Trim(value, "[] \t")) == 0
		}
		if by != nil {
			start := completion.Offset(data, value)
			text = append(append(text, data[at:start]...), by...)
			at = start + len(value)
		}
	}
	out.data = append(text, data[at:]...)
	if !hasID {
		out.data = completion.With(out.data, "id", l.id)
	}
	if !hasModel {
		out.data = completion.With(out.data, "model", l.model)
	}
	return out
}
