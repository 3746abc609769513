package bedrock

import (
	"encoding/json"
	"errors"

	"dreamlab/providers/completion"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// answer is Bedrock's whole answer
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
type answer struct {
	Output struct {
		Message *turn `json:"message"`
	} `json:"output"`
	StopReason string       `json:"stopReason"`
	Usage      *counts      `json:"usage"`
	Tier       *serviceTier `json:"serviceTier"`
}

// counts is Bedrock's usage. Input counts what was neither read from a cache nor
// written to one.
type counts struct {
	Input      int64 `json:"inputTokens"`
	Output     int64 `json:"outputTokens"`
	CacheRead  int64 `json:"cacheReadInputTokens"`
	CacheWrite int64 `json:"cacheWriteInputTokens"`
}

// object is a chat.completion or a chunk of one.
type object struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage,omitempty"`
	Tier    string   `json:"service_tier,omitempty"`
	Error   *fault   `json:"error,omitempty"`
}

type choice struct {
	Index   int      `json:"index"`
	Message *message `json:"message,omitempty"`
	Delta   *message `json:"delta,omitempty"`
	Finish  *string  `json:"finish_reason"`
}

// message is what a choice says, whole or by pieces.
type message struct {
	Role      string   `json:"role,omitempty"`
	Content   *string  `json:"content,omitempty"`
	Reasoning string   `json:"reasoning,omitempty"`
	Details   []detail `json:"reasoning_details,omitempty"`
	Calls     []call   `json:"tool_calls,omitempty"`
}

type call struct {
	Index    *int     `json:"index,omitempty"` // of a piece
	ID       string   `json:"id,omitempty"`
	Type     string   `json:"type,omitempty"`
	Function function `json:"function"`
}

type function struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

// usage counts in OpenAI's words, where the prompt includes what was cached.
type usage struct {
	Prompt     int64        `json:"prompt_tokens"`
	Completion int64        `json:"completion_tokens"`
	Total      int64        `json:"total_tokens"`
	Details    *cacheCounts `json:"prompt_tokens_details,omitempty"`
}

type cacheCounts struct {
	Cached  int64 `json:"cached_tokens"`
	Written int64 `json:"cache_write_tokens"`
}

// fault is an error that came in place of an answer.
type fault struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func (c *counts) openAI() *usage {
	if c == nil {
		return nil
	}
	prompt := c.Input + c.CacheRead + c.CacheWrite
	u := &usage{Prompt: prompt, Completion: c.Output, Total: prompt + c.Output}
	if c.CacheRead > 0 || c.CacheWrite > 0 {
		u.Details = &cacheCounts{c.CacheRead, c.CacheWrite}
	}
	return u
}

// newObject begins an object of a kind.
func newObject(head openai.Head, kind string) object {
	return object{ID: head.ID, Object: kind, Created: head.Created, Model: head.Model, Choices: []choice{}}
}

// malformed are the reasons for which an answer is none: the model wrote what can
// not be read. The fault's type is the reason.
func malformed(reason string) *fault {
	switch reason {
	case "malformed_model_output", "malformed_tool_use":
		return &fault{reason, "the model's answer was malformed (" + reason + ")"}
	}
	return nil
}

// whole makes a chat.completion of an answer. Members in which errors come are left
// for the caller to see.
func whole(head openai.Head, body []byte) ([]byte, error) {
	var came answer
	if err := json.Unmarshal(body, &came); err != nil {
		return nil, errors.New("it is not the JSON of Converse")
	}
	if came.Output.Message == nil || came.StopReason == "" {
		return nil, errors.New("it holds no message or no reason of its end")
	}
	made := newObject(head, "chat.completion")
	made.Usage, made.Tier = came.Usage.openAI(), came.Tier.name()
	if made.Error = malformed(came.StopReason); made.Error == nil {
		finish := finishOf(came.StopReason)
		made.Choices = append(made.Choices, choice{Message: came.Output.Message.openAI(), Finish: &finish})
	}
	return plainjson.Of(made), nil
}

func (t *serviceTier) name() string {
	if t == nil {
		return ""
	}
	return t.Type
}

// finishOf returns OpenAI's word for an end; one that is not known stays, and ends no
// answer.
func finishOf(reason string) string {
	if ours, known := completion.Finish(reason); known {
		return ours
	}
	return reason
}

// openAI puts a turn of the model into OpenAI's words.
func (t *turn) openAI() *message {
	m := &message{Role: "assistant"}
	text := ""
	for i, b := range t.Content {
		text += b.Text
		switch {
		case b.ToolUse != nil:
			m.Calls = append(m.Calls, call{ID: b.ToolUse.ID, Type: "function", Function: function{
				Name: b.ToolUse.Name, Arguments: argumentsOf(b.ToolUse.Input),
			}})
		case b.Reasoning != nil:
			m.Details = append(m.Details, b.Reasoning.details(i)...)
			if b.Reasoning.Text != nil {
				m.Reasoning += b.Reasoning.Text.Text
			}
		}
	}
	if text != "" || len(m.Calls) == 0 {
		m.Content = &text
	}
	return m
}

func argumentsOf(input json.RawMessage) string {
	if len(input) == 0 || string(input) == "null" {
		return "{}"
	}
	return string(input)
}
