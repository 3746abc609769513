package together

import (
	"encoding/json"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// encode puts a request into Together's words
// (https://docs.together.ai/reference/chat-completions-1).
func encode(req *providers.Request, body *openai.Body) error {
	if req.Logprobs { // Together answers in a form of its own, which OpenAI's clients can not read
		return openai.Unsupported("logprobs", "leave it out or use another vendor")
	}
	return encodeTools(req, body)
}

// options are Together's parameters that OpenAI does not have
// (https://docs.together.ai/reference/chat-completions-1).
var options = []string{
	"chat_template_kwargs", "compliance", "context_length_exceeded_behavior", "echo", "min_p", "reasoning",
	"repetition_penalty", "safety_model", "top_k",
}

// members are what reasoning models want back of their earlier turns.
var members = []string{"reasoning", "reasoning_content"}

// hidden are members of Together's answers that OpenAI's do not have and that tell a
// client nothing: an empty prompt, the seed, the number of a token, a text that repeats
// the content.
var hidden = []string{"prompt", "seed", "text", "token_id"}

// encodeTools says "none" by leaving the tools out, and "required" by naming the
// only tool, for Together takes neither. With several tools there is no such way.
func encodeTools(req *providers.Request, body *openai.Body) error {
	var choice string
	if len(req.ToolChoice) == 0 || json.Unmarshal(req.ToolChoice, &choice) != nil {
		return nil
	}
	switch choice {
	case "required":
		if name := onlyTool(req.Tools); name != "" {
			body.ToolChoice = plainjson.Of(map[string]any{
				"type": "function", "function": map[string]string{"name": name},
			})
			return nil
		}
		return openai.Unsupported("tool_choice", `use "auto" or name the function`)
	case "none":
		body.Tools, body.ToolChoice, body.ParallelToolCalls = nil, nil, nil
	}
	return nil
}

// onlyTool returns the name of the tool where there is just one.
func onlyTool(tools json.RawMessage) string {
	var list []struct {
		Function struct{ Name string }
	}
	if json.Unmarshal(tools, &list) != nil || len(list) != 1 {
		return ""
	}
	return list[0].Function.Name
}

// words are Together's own for what it refuses
// (https://docs.together.ai/docs/error-codes).
var words = openai.Words{
	Codes: map[string]providers.Kind{
		"dynamic_request_limited": providers.KindRateLimit,
		"dynamic_token_limited":   providers.KindRateLimit,
		"model_not_available":     providers.KindModelGone,
		"routing_error":           providers.KindCold, // no replica of the endpoint is ready
	},
}

// classify knows what Together's errors mean beyond their code
// (https://docs.together.ai/docs/error-codes).
func classify(f openai.Failure, e *providers.Error) {
	if f.Status == http.StatusForbidden && strings.Contains(f.Message, "max_tokens") {
		e.Kind = providers.KindContext
	}
}
