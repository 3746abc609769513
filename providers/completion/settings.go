package completion

import (
	"encoding/json"
	"slices"
)

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

	// Options are the parameters that are not among those above. A vendor gets those
	// that it has; one that it lacks is refused by name, unless it is a [Hint].
	Options map[string]json.RawMessage `json:"-"`
	// Vendor is merged into the body as it is, whoever answers.
	Vendor map[string]json.RawMessage `json:"-"`
}

// hints steer a vendor's own service and change no answer.
var hints = []string{"prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier"}

// Hint tells whether an option may be left out where a vendor lacks it.
func Hint(option string) bool { return slices.Contains(hints, option) }

// AnyOption stands in a list of options for all of them.
const AnyOption = "all"

// Lacks returns the first option, by name, that is not among those that are taken, and
// is no hint; "" for none.
func (s *Settings) Lacks(taken []string) string {
	for _, name := range sortedKeys(s.Options) {
		if !Hint(name) && !Takes(taken, name) {
			return name
		}
	}
	return ""
}

// Takes tells whether an option is among those that are taken.
func Takes(taken []string, option string) bool {
	return slices.Contains(taken, option) || slices.Contains(taken, AnyOption)
}

// Beside returns what stands in a body beside the settings of OpenAI's own: the options
// that are taken, and what is merged into the body as it is.
func (s *Settings) Beside(taken []string) map[string]json.RawMessage {
	beside := map[string]json.RawMessage{}
	for name, value := range s.Options {
		if Takes(taken, name) {
			beside[name] = value
		}
	}
	for name, value := range s.Vendor {
		beside[name] = value
	}
	return beside
}
