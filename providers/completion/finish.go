package completion

import "strings"

// reasons maps the words with which vendors end an answer, in lower case, to
// OpenAI's five. A word that is not here ends no whole answer: "error",
// "network_error" (Z.ai), "insufficient_system_resource" (DeepSeek), "other".
var reasons = map[string]string{
	"stop":           "stop",
	"length":         "length",
	"tool_calls":     "tool_calls",
	"content_filter": "content_filter",
	"function_call":  "tool_calls", // OpenAI's older name

	"eos":                "stop",
	"eos_token":          "stop",
	"stop_token":         "stop",
	"stop_sequence":      "stop",
	"end_turn":           "stop",
	"end":                "stop",
	"complete":           "stop",
	"completed":          "stop",
	"finished":           "stop",
	"finish_reason_stop": "stop",

	"max_tokens":                    "length",
	"max_output_tokens":             "length",
	"max_length":                    "length",
	"model_length":                  "length",
	"token_limit":                   "length",
	"finish_reason_max_tokens":      "length",
	"model_context_window_exceeded": "length",

	"tool_call": "tool_calls",
	"tool_use":  "tool_calls",

	"content_filtered":     "content_filter",
	"guardrail_intervened": "content_filter",
	"safety":               "content_filter",
	"sensitive":            "content_filter",
	"refusal":              "content_filter",
	"recitation":           "content_filter",
	"blocklist":            "content_filter",
	"prohibited_content":   "content_filter",
	"spii":                 "content_filter",
}

// Finish returns OpenAI's word for a vendor's reason of an end, or false where
// the word tells of no end that makes the answer whole. Some vendors write more
// behind a colon ("content_filter: SAFETY").
func Finish(word string) (string, bool) {
	if ours, ok := reasons[word]; ok {
		return ours, true
	}
	word, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(word)), ":")
	ours, ok := reasons[word]
	return ours, ok
}
