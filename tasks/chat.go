package tasks

import (
	"encoding/json"

	"dreamlab/providers/completion"
	"dreamlab/store/learn"
)

// ChatInput is the input of chat.run.
type ChatInput struct {
	// Request is the client's body of POST /v1/chat/completions, checked.
	Request json.RawMessage `json:"request"`
	// Alias is the route that traffic follows, "" where the client named a model.
	Alias string `json:"alias,omitempty"`
	// Targets are the alias' at the time of the request. A chat whose client waits
	// is put to them; others go by the route that is in force when they run.
	Targets []learn.RouteTarget `json:"targets,omitempty"`
	// Conversation is the client's metadata.conversation_id, or "".
	Conversation string `json:"conversation,omitempty"`
	Stream       bool   `json:"stream,omitempty"`
	Usage        bool   `json:"usage,omitempty"` // stream_options.include_usage
	// Keep is false with "store": false: no experience, and input and result
	// are cleared once delivered.
	Keep bool `json:"keep"`
	// Memory lets the tenant's memory be put in front of the conversation.
	Memory bool `json:"memory,omitempty"`
	// Recovery is what becomes of a stream that breaks off, "" for [RecoverError].
	Recovery string `json:"recovery,omitempty"`
	// Missed tells that the cache was asked before, and had no answer.
	Missed bool `json:"missed,omitempty"`
}

// Model is the name that the client asked for, "" where the request is not kept.
func (in ChatInput) Model() string {
	var asked struct {
		Model string `json:"model"`
	}
	if json.Unmarshal(in.Request, &asked) != nil {
		return in.Alias
	}
	return asked.Model
}

// What becomes of a stream whose vendor breaks off after a part of the answer was there:
// dreamlab.stream_recovery in a request.
const (
	RecoverError  = "error"  // it ends with an error
	RecoverHold   = "hold"   // nothing was shown before the answer is whole: another target gives one
	RecoverResume = "resume" // another target goes on from what was shown
)

// What a chat wants of the cache: dreamlab.cache in a request.
const (
	CacheAuto    = "auto"    // an answer that is there, else one that is asked and kept
	CacheOff     = "off"     // nothing
	CacheRefresh = "refresh" // an answer that is asked and kept, whatever is there
	CacheOnly    = "only"    // an answer that is there, or none
)

// ChatRequest is a body of POST /v1/chat/completions that was read and checked
// (https://platform.openai.com/docs/api-reference/chat/create).
type ChatRequest struct {
	Model    string
	Messages []Message
	completion.Settings

	Stream       bool
	Usage        bool              // stream_options.include_usage
	Keep         bool              // store, true by default
	Memory       bool              // dreamlab.memory
	Recovery     string            // dreamlab.stream_recovery
	Cache        string            // dreamlab.cache, "" where it says nothing
	Metadata     map[string]string // its conversation_id ties turns together
	Conversation string
}

// ParseChat reads and checks the body of a chat. Its error is an [*InputError].
// Whether the model's vendor has a parameter is not asked here: what OpenAI's API does
// not have is among the Options.
func ParseChat(body []byte) (*ChatRequest, error) {
	return ParseChatTaking(body, func(string) bool { return true })
}

// ParseChatTaking is ParseChat where the options are known that some vendor takes: another
// name is misspelt, and refused before what it leaves missing.
func ParseChatTaking(body []byte, takes func(option string) bool) (*ChatRequest, error) {
	members, fault := object("", body)
	if fault != nil {
		return nil, fault
	}
	r := &ChatRequest{Keep: true}
	for _, name := range sortedNames(members) {
		read, known := chatFields[name]
		switch {
		case known:
		case takes(name):
			read = readOption
		default:
			return nil, invalid(name, "there is no such parameter: remove it (ours stand under \"dreamlab\")")
		}
		if fault := read(r, name, members[name]); fault != nil {
			return nil, fault
		}
	}
	if fault := r.check(members); fault != nil {
		return nil, fault
	}
	return r, nil
}

// check holds what the parameters say to each other.
func (r *ChatRequest) check(members map[string]json.RawMessage) *InputError {
	has := func(name string) bool { _, ok := members[name]; return ok }
	switch {
	case r.Model == "":
		return invalid("model", "name a model: an alias such as \"assistant\", or provider/model")
	case len(r.Messages) == 0:
		return invalid("messages", "at least one message is needed")
	case has("max_tokens") && has("max_completion_tokens"):
		return invalid("max_tokens", "give max_completion_tokens alone: max_tokens is its older name")
	case r.TopLogprobs != nil && !r.Logprobs:
		return invalid("top_logprobs", "set logprobs to true as well")
	case has("tool_choice") && !has("tools") && string(r.ToolChoice) != `"none"`:
		return invalid("tool_choice", "give tools to choose from")
	case has("stream_options") && !r.Stream:
		return invalid("stream_options", "only allowed with \"stream\": true")
	}
	if fault := r.checkVendor(); fault != nil {
		return fault
	}
	return r.checkChoice()
}

// checkVendor refuses parameters of OpenAI's API among what is merged into the vendor's
// body as it is: beside the messages they are checked, and what they cost is reserved.
func (r *ChatRequest) checkVendor() *InputError {
	for _, name := range sortedNames(r.Vendor) {
		if _, known := chatFields[name]; known {
			return invalid("dreamlab.vendor."+name, "this is a parameter of the request itself: give it beside the messages")
		}
	}
	return nil
}

// Input returns the job's input for a checked body.
func (r *ChatRequest) Input(body []byte, alias string) ChatInput {
	return ChatInput{
		Request: body, Alias: alias, Conversation: r.Conversation,
		Stream: r.Stream, Usage: r.Usage, Keep: r.Keep, Memory: r.Memory,
		Recovery: r.Recovery,
	}
}

// minBytesPerToken divides a prompt's bytes into the fewest tokens that it can have. A
// token of English text has about four bytes, rarely more than six: a prompt that
// exceeds the context even so is refused before any vendor is called.
const minBytesPerToken = 6

// CheckContext refuses a request that can not fit a model's context, in tokens.
// A context of 0 is not known and takes everything.
func (r *ChatRequest) CheckContext(tokens int) error {
	if tokens <= 0 {
		return nil
	}
	size := len(r.Tools)
	for _, m := range r.Messages {
		if !hasImage(m.Content) {
			size += len(m.Content) + len(m.ToolCalls)
		}
	}
	if least := size/minBytesPerToken + r.MaxTokens; least > tokens {
		return &InputError{
			Code: "context_length_exceeded", Param: "messages",
			Message: "the messages and the answer need more tokens than the model's context holds: shorten them, " +
				"ask for fewer, or choose a model with a longer context",
		}
	}
	return nil
}
