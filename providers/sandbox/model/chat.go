package model

import (
	"encoding/json"
	"hash/fnv"
	"strings"
)

// Ask is a chat completion request, as far as the sandbox reads it.
type Ask struct {
	Model               string          `json:"model"`
	Messages            []Turn          `json:"messages"`
	MaxTokens           int64           `json:"max_tokens"`
	MaxCompletionTokens int64           `json:"max_completion_tokens"`
	Stream              bool            `json:"stream"`
	StreamOptions       *StreamOptions  `json:"stream_options"`
	ResponseFormat      *Format         `json:"response_format"`
	Stop                Stops           `json:"stop"`
	N                   *int            `json:"n"`
	Temperature         *float64        `json:"temperature"`
	Seed                *int64          `json:"seed"`
	Logprobs            json.RawMessage `json:"logprobs"`
	TopLogprobs         *int            `json:"top_logprobs"`
	LogitBias           json.RawMessage `json:"logit_bias"`
	Tools               []Tool          `json:"tools"`
	ToolChoice          json.RawMessage `json:"tool_choice"`
	User                string          `json:"user"`
	CacheKey            string          `json:"prompt_cache_key"`
}

// StreamOptions says what a stream carries beside the answer.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// Format is the form that an answer has to have.
type Format struct {
	Type       string `json:"type"` // text, json_object, json_schema
	JSONSchema *struct {
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"schema"`
		Strict *bool           `json:"strict"`
	} `json:"json_schema"`
}

// Tool is a function that the model may call.
type Tool struct {
	Function struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"function"`
}

// Stops are texts that end an answer.
type Stops []string

// UnmarshalJSON takes null, a string or a list of strings.
func (s *Stops) UnmarshalJSON(data []byte) error {
	var one *string
	if json.Unmarshal(data, &one) == nil {
		if one != nil {
			*s = Stops{*one}
		}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return err
	}
	*s = many
	return nil
}

// Tokens counts what the conversation's texts have.
func (a *Ask) Tokens() int64 {
	var tokens int64
	for _, turn := range a.Messages {
		tokens += CountTokens(string(turn.Content))
	}
	return tokens
}

// Conversation is the same for the requests of one conversation: it goes by the
// key that they bring, else by their user, else by how they begin.
func (a *Ask) Conversation() uint64 {
	sum := fnv.New64a()
	switch {
	case a.CacheKey != "":
		sum.Write([]byte(a.CacheKey))
	case a.User != "":
		sum.Write([]byte(a.User))
	case len(a.Messages) > 0:
		sum.Write([]byte(a.Messages[0].Content))
	}
	return sum.Sum64()
}

// Limit returns how many tokens the answer may have, 0 for any number.
func (a *Ask) Limit() int64 {
	if a.MaxCompletionTokens > 0 {
		return a.MaxCompletionTokens
	}
	return a.MaxTokens
}

// Structured tells whether the answer has to be JSON.
func (a *Ask) Structured() bool {
	return a.ResponseFormat != nil && strings.HasPrefix(a.ResponseFormat.Type, "json")
}

// Usage counts tokens. In includes Cached.
type Usage struct {
	In, Out, Cached int64
}

// Completion is an answer before a vendor's dress.
type Completion struct {
	Text   string
	Call   *ToolCall // instead of a text
	Finish string    // stop, length or tool_calls
	Usage  Usage
}

// ToolCall is a call of a function.
type ToolCall struct {
	ID        string // set by who answers with it
	Name      string
	Arguments string // JSON
}

// Complete answers a request. The same request gets the same answer. It fails
// when the request's schema is not one.
func (m *Model) Complete(ask *Ask) (Completion, error) {
	done := Completion{Finish: "stop"}
	for _, turn := range ask.Messages {
		done.Usage.In += CountTokens(string(turn.Content)) + tokensPerTurn
	}
	tool := ask.calledTool()
	if tool != nil {
		return m.call(ask, tool, done)
	}
	text, err := m.text(ask)
	if err != nil {
		return Completion{}, err
	}
	for _, stop := range ask.Stop {
		if stop != "" {
			text, _, _ = strings.Cut(text, stop)
		}
	}
	text, cut := cutTokens(text, ask.Limit())
	if cut {
		done.Finish = "length"
	}
	done.Text = text
	done.Usage.Out = CountTokens(text)
	return done, nil
}

// tokensPerTurn is what a message takes beside its text.
const tokensPerTurn = 4

func (m *Model) text(ask *Ask) (string, error) {
	if !ask.Structured() {
		return m.Answer(ask.Messages), nil
	}
	if ask.ResponseFormat.JSONSchema == nil || len(ask.ResponseFormat.JSONSchema.Schema) == 0 {
		data, err := json.Marshal(map[string]string{"text": m.Answer(ask.Messages)})
		return string(data), err
	}
	data, err := Fill(ask.ResponseFormat.JSONSchema.Schema, ask.lastUser())
	return string(data), err
}

func (a *Ask) lastUser() string {
	for i := len(a.Messages) - 1; i >= 0; i-- {
		if a.Messages[i].Role == "user" {
			return string(a.Messages[i].Content)
		}
	}
	return ""
}

// calledTool returns the tool that the request insists on; one that it merely
// offers is not called.
func (a *Ask) calledTool() *Tool {
	var word string
	if json.Unmarshal(a.ToolChoice, &word) == nil {
		if word == "required" && len(a.Tools) > 0 {
			return &a.Tools[0]
		}
		return nil
	}
	var named Tool
	if json.Unmarshal(a.ToolChoice, &named) != nil {
		return nil
	}
	for i, tool := range a.Tools {
		if tool.Function.Name == named.Function.Name {
			return &a.Tools[i]
		}
	}
	return nil
}

func (m *Model) call(ask *Ask, tool *Tool, done Completion) (Completion, error) {
	schema := tool.Function.Parameters
	if len(schema) == 0 {
		schema = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	arguments, err := Fill(schema, ask.lastUser())
	if err != nil {
		return Completion{}, err
	}
	done.Finish = "tool_calls"
	done.Call = &ToolCall{Name: tool.Function.Name, Arguments: string(arguments)}
	done.Usage.Out = CountTokens(string(arguments))
	return done, nil
}
