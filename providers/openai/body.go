package openai

import (
	"encoding/json"
	"maps"
	"slices"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/plainjson"
)

// Body is a chat request as it goes over the wire
// (https://platform.openai.com/docs/api-reference/chat/create). A dialect
// changes it before it is encoded, once.
type Body struct {
	Model    string              `json:"model"`
	Messages []providers.Message `json:"messages"`
	completion.Settings
	MaxCompletionTokens int            `json:"max_completion_tokens,omitempty"` // where the vendor takes no max_tokens
	Stream              bool           `json:"stream,omitempty"`
	StreamOptions       *StreamOptions `json:"stream_options,omitempty"`
}

// StreamOptions ask for the usage at the end of a stream.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

func newBody(req *providers.Request, streamed bool) *Body {
	body := &Body{Model: req.Model, Messages: req.Messages, Settings: req.Settings}
	if streamed {
		body.Stream, body.StreamOptions = true, &StreamOptions{IncludeUsage: true}
	}
	return body
}

// extended is a body whose messages hold more than OpenAI's do.
type extended struct {
	*Body
	Messages []json.RawMessage `json:"messages"` // in place of the body's own
}

// withExtra returns what is to be encoded: the body itself, where no message holds
// anything extra.
func withExtra(body *Body) any {
	if !slices.ContainsFunc(body.Messages, func(m providers.Message) bool { return len(m.Extra) > 0 }) {
		return body
	}
	messages := make([]json.RawMessage, len(body.Messages))
	for i, m := range body.Messages {
		text := plainjson.Of(m)
		for _, name := range slices.Sorted(maps.Keys(m.Extra)) {
			text = completion.Set(text, name, m.Extra[name])
		}
		messages[i] = text
	}
	return extended{Body: body, Messages: messages}
}

// plainTools returns the tools with the members alone that OpenAI has: others, such
// as Anthropic's cache_control, are refused by some vendors.
func plainTools(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	var tools []struct {
		Type     json.RawMessage `json:"type,omitempty"`
		Function *struct {
			Name        json.RawMessage `json:"name,omitempty"`
			Description json.RawMessage `json:"description,omitempty"`
			Parameters  json.RawMessage `json:"parameters,omitempty"`
			Strict      json.RawMessage `json:"strict,omitempty"`
		} `json:"function,omitempty"`
	}
	if json.Unmarshal(raw, &tools) != nil {
		return raw // the vendor says what is wrong with it
	}
	return plainjson.Of(tools)
}

// Unsupported is the error with which a dialect refuses a parameter.
func Unsupported(param, advice string) error {
	return &providers.Error{
		Kind: providers.KindUnsupported, Param: param, Charge: providers.ChargeNone,
		Message: "the vendor does not take the parameter " + param + ": " + advice,
	}
}
