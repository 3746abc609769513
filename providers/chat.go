package providers

import (
	"encoding/json"

	"dreamlab/providers/completion"
	"dreamlab/store/plainjson"
)

// Request is one chat completion to be asked for, in the words of OpenAI's API
// (https://platform.openai.com/docs/api-reference/chat/create). A driver puts
// it into its vendor's words and refuses, with [KindUnsupported] and the
// parameter's name, what the vendor does not have. A zero field is not sent.
type Request struct {
	Model    string // the vendor's own name of the model
	Messages []Message
	completion.Settings

	// Inputs are texts to be turned into vectors, each of so many Dimensions (0 for as
	// many as the model makes). A request that has some asks for nothing else.
	Inputs     []string
	Dimensions int

	// Prefilled says that the last message is the beginning of the answer: the model goes
	// on from there. Only a [Prefiller] is given such a request.
	Prefilled bool `json:"-"`
}

// Message is one turn.
type Message struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content,omitempty"` // a string, null, or OpenAI's list of parts
	Name       string          `json:"name,omitempty"`
	ToolCalls  json.RawMessage `json:"tool_calls,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
	Refusal    string          `json:"refusal,omitempty"`
	// Extra holds members that OpenAI does not have, as clients hand them back
	// (reasoning_details). A driver passes on what its vendor takes.
	Extra map[string]json.RawMessage `json:"-"`
}

// Text returns the message's text: the string itself, or the text parts of a
// list of parts, joined by new lines.
func (m Message) Text() string {
	var text string
	if json.Unmarshal(m.Content, &text) == nil {
		return text
	}
	var parts []struct {
		Type, Text string
	}
	if json.Unmarshal(m.Content, &parts) != nil {
		return ""
	}
	for _, part := range parts {
		if part.Text == "" {
			continue
		}
		if text != "" {
			text += "\n"
		}
		text += part.Text
	}
	return text
}

// TextMessage returns a message that holds a plain string.
func TextMessage(role, text string) Message {
	return Message{Role: role, Content: plainjson.Of(text)}
}

// Reply is one finished completion.
type Reply struct {
	// Body is the answer as a chat.completion object: the vendor's own where it
	// came whole, mended where it strayed from OpenAI's form, and put together
	// where it was streamed. Empty where the stream broke.
	Body []byte
	// Content is the text of the first choice; Message is that choice's whole
	// message object.
	Content string
	Message json.RawMessage
	Refusal string
	Finish  string // stop, length, tool_calls, content_filter; vendors' other words are mapped to these
	Usage   Usage
	Service string // the tier of service that the answer names; "" where it names none

	Model     string // as the vendor named it in the answer
	RequestID string // the vendor's id of the request, for its support
	Sandbox   bool   // an emulator answered
	Skipped   int    // events of the stream that were no chunks, and held nothing that is missed
	Shown     bool   // a chunk that shows something was handed to the sink
}

// Usage counts tokens as the vendor billed them. Input includes CachedInput and CacheWrite.
// Missing is set where the vendor gave no usage: then the counts are zero and
// mean nothing, and the cost has to be shown as an estimate.
type Usage struct {
	Input       int64 `json:"input"`
	CachedInput int64 `json:"cached_input"`          // read from a cache
	CacheWrite  int64 `json:"cache_write,omitempty"` // written to one
	Output      int64 `json:"output"`                // includes Reasoning
	Reasoning   int64 `json:"reasoning"`
	Missing     bool  `json:"missing,omitempty"`
}
