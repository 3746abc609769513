package completion

import "encoding/json"

// Settings are what a chat may be asked for beside its model and messages, in the
// words of OpenAI's API (https://platform.openai.com/docs/api-reference/chat/create).
// A client's request, a call of the router and the body that a vendor gets have them
// alike. A zero field is not sent.
type Settings struct {
	MaxTokens         int             `json:"max_tokens,omitempty"` // of the answer, however the vendor spells the field
	Temperature       *float64        `json:"temperature,omitempty"`
	TopP              *float64        `json:"top_p,omitempty"`
	N                 *int            `json:"n,omitempty"`
	Seed              *int64          `json:"seed,omitempty"`
	Stop              []string        `json:"stop,omitempty"`
	FrequencyPenalty  *float64        `json:"frequency_penalty,omitempty"`
	PresencePenalty   *float64        `json:"presence_penalty,omitempty"`
	LogitBias         json.RawMessage `json:"logit_bias,omitempty"`
	Logprobs          bool            `json:"logprobs,omitempty"`
	TopLogprobs       *int            `json:"top_logprobs,omitempty"`
	Tools             json.RawMessage `json:"tools,omitempty"`
	ToolChoice        json.RawMessage `json:"tool_choice,omitempty"`
	ParallelToolCalls *bool           `json:"parallel_tool_calls,omitempty"`
	// ResponseFormat has OpenAI's form: {"type":"json_schema","json_schema":{"name","schema","strict"}}.
	ResponseFormat  json.RawMessage `json:"response_format,omitempty"`
	ReasoningEffort string          `json:"reasoning_effort,omitempty"`
	User            string          `json:"user,omitempty"`
}
