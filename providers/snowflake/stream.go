package snowflake

import (
	"cmp"
	"encoding/json"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/plainjson"
)

// event is a part of a streamed answer, of either route.
type event struct {
	ID      json.RawMessage `json:"id,omitempty"`
	Object  string          `json:"object"`
	Created json.RawMessage `json:"created,omitempty"`
	Model   json.RawMessage `json:"model,omitempty"`
	Choices []part          `json:"choices"`
	Usage   *usage          `json:"usage,omitempty"`
}

type part struct {
	Index   int             `json:"index"`
	Delta   json.RawMessage `json:"delta,omitempty"`
	Message json.RawMessage `json:"message,omitempty"`
	Finish  *string         `json:"finish_reason"`
}

// usage is what the older route counts. What the guard has read is billed apart.
type usage struct {
	Prompt     float64 `json:"prompt_tokens"`
	Completion float64 `json:"completion_tokens"`
	Total      float64 `json:"total_tokens"`
}

// ending is what a stream tells only when all of it has come: Claude gives no reason of
// its end, and the plain models say "stop" of an answer that was cut short. The reason is
// held back until the usage tells.
type ending struct {
	driver *driver
	req    *providers.Request
	calls  bool   // tools were called
	held   bool   // "stop" was held back
	last   []byte // the newest chunk
	counts providers.Usage
	told   bool
}

// translate puts the events of a stream, or a whole answer, into OpenAI's form.
func (d *driver) translate(req *providers.Request) func([]byte) []byte {
	e := &ending{driver: d, req: req, counts: providers.Usage{Missing: true}}
	return e.next
}

func (e *ending) next(data []byte) []byte {
	if data == nil {
		return e.close()
	}
	if e.driver.guard {
		data = native(data)
	}
	var seen event
	if json.Unmarshal(data, &seen) != nil {
		return data // the client says what is wrong with it
	}
	if seen.Usage != nil && seen.Usage.Total > 0 {
		e.counts = providers.Usage{Output: int64(seen.Usage.Completion)}
	}
	if len(seen.Choices) == 0 {
		return data
	}
	if seen.Choices[0].Message != nil {
		return e.whole(data, &seen)
	}
	e.last = append(e.last[:0], data...)
	e.calls = e.calls || called(seen.Choices[0].Delta)
	if finish := seen.Choices[0].Finish; finish == nil || *finish != "stop" || familyOf(e.req.Model) != plainFamily {
		e.told = e.told || finish != nil && *finish != ""
		return data
	}
	e.held = true
	return completion.Set(data, "choices", without(seen.Choices))
}

// whole corrects the reason of the end of an answer that came whole. That Claude gives
// none, all readers of whole answers know.
func (e *ending) whole(data []byte, seen *event) []byte {
	finish := seen.Choices[0].Finish
	if finish != nil && *finish != "stop" || !cut(e.req, e.counts) {
		return data
	}
	length := "length"
	seen.Choices[0].Finish = &length
	return completion.Set(data, "choices", plainjson.Of(seen.Choices))
}

// without returns the choices with no reason of an end.
func without(choices []part) []byte {
	for i := range choices {
		choices[i].Finish = nil
	}
	return plainjson.Of(choices)
}

// called tells whether a delta calls a tool.
func called(delta json.RawMessage) bool {
	var says struct {
		Calls []json.RawMessage `json:"tool_calls"`
	}
	return json.Unmarshal(delta, &says) == nil && len(says.Calls) > 0
}

// close gives the reason of the end, where one was held back, or where none came though
// the usage did, which comes last.
func (e *ending) close() []byte {
	if e.told || !e.held && e.counts.Missing {
		return nil
	}
	reason := "stop"
	switch {
	case e.calls:
		reason = "tool_calls"
	case cut(e.req, e.counts):
		reason = "length"
	}
	last := plainjson.Of([]part{{Delta: json.RawMessage("{}"), Finish: &reason}})
	return completion.Set(e.last, "choices", last)
}

// native puts what the older route answers into OpenAI's form: its deltas have a type,
// its usage is empty until the last one, and a whole answer has no type at all.
func native(data []byte) []byte {
	var seen struct {
		event
		Choices []struct {
			Message json.RawMessage `json:"message"`
			Delta   *struct {
				Text    string `json:"text"`
				Content string `json:"content"`
			} `json:"delta"`
			Finish *string `json:"finish_reason"`
		} `json:"choices"`
	}
	if json.Unmarshal(data, &seen) != nil || seen.Choices == nil {
		return data
	}
	out := seen.event
	out.Object = "chat.completion.chunk"
	for i, choice := range seen.Choices {
		one := part{Index: i, Message: choice.Message, Finish: choice.Finish}
		switch {
		case one.Message != nil:
			out.Object = "chat.completion"
		case choice.Delta == nil:
			return data
		default:
			one.Delta = plainjson.Of(map[string]string{"content": cmp.Or(choice.Delta.Content, choice.Delta.Text)})
		}
		out.Choices = append(out.Choices, one)
	}
	if out.Usage = out.Usage.apart(); out.Usage != nil && out.Usage.Total == 0 {
		out.Usage = nil
	}
	return plainjson.Of(out)
}

// apart leaves what the guard has read out of the total, which is not the model's output.
func (u *usage) apart() *usage {
	if u == nil {
		return nil
	}
	return &usage{Prompt: u.Prompt, Completion: u.Completion, Total: u.Prompt + u.Completion}
}
