package together

import (
	"encoding/json"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// encode puts a request into Together's words
// (https://docs.together.ai/reference/chat-completions-1).
func encode(req *providers.Request, body *openai.Body) error {
	if err := encodeTools(req, body); err != nil {
		return err
	}
	body.Logprobs, body.TopLogprobs = nil, nil
	if req.Logprobs { // a number here: how many alternatives
		alternatives := 1
		if req.TopLogprobs != nil {
			alternatives = max(*req.TopLogprobs, 1)
		}
		body.Logprobs = alternatives
	}
	return nil
}

// encodeTools says "none" by leaving the tools out, and refuses "required",
// neither of which Together takes.
func encodeTools(req *providers.Request, body *openai.Body) error {
	var choice string
	if len(req.ToolChoice) == 0 || json.Unmarshal(req.ToolChoice, &choice) != nil {
		return nil
	}
	switch choice {
	case "required":
		return openai.Unsupported("tool_choice", `use "auto" or name the function`)
	case "none":
		body.Tools, body.ToolChoice, body.ParallelToolCalls = nil, nil, nil
	}
	return nil
}

// classify knows what Together's errors mean beyond their code
// (https://docs.together.ai/docs/error-codes).
func classify(f openai.Failure, e *providers.Error) {
	if f.Status == http.StatusForbidden && strings.Contains(f.Message, "max_tokens") {
		e.Kind = providers.KindContext
	}
}
