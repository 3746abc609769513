package groq

import (
	"encoding/json"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// maxStops is how many stop sequences Groq takes.
const maxStops = 4

// encode puts a request into Groq's words
// (https://console.groq.com/docs/api-reference#chat-create).
func encode(req *providers.Request, body *openai.Body) error {
	if err := refuse(req); err != nil {
		return err
	}
	body.N = nil
	openai.LimitCompletion(body)
	return nil
}

// options are Groq's parameters that OpenAI does not have
// (https://console.groq.com/docs/api-reference#chat-create).
var options = []string{
	"citation_options", "compound_custom", "disable_tool_validation", "documents", "include_reasoning",
	"reasoning_format", "search_settings", "service_tier",
}

// tiers are Groq's tiers of service. Flex costs the same as what is asked for live, and
// is refused with 498 when it is full (https://console.groq.com/docs/flex-processing).
var tiers = map[string]bool{"auto": false, "on_demand": false, "performance": false, "flex": true}

// members are what gpt-oss and others want back of their earlier turns between tool
// calls (https://console.groq.com/docs/reasoning).
var members = []string{"reasoning"}

// refuse names what Groq answers with 400.
func refuse(req *providers.Request) error {
	switch {
	case req.N != nil && *req.N != 1:
		return openai.Unsupported("n", "leave it out or set it to 1")
	case req.Logprobs:
		return openai.Unsupported("logprobs", "leave it out or use another vendor")
	case req.TopLogprobs != nil:
		return openai.Unsupported("top_logprobs", "leave it out or use another vendor")
	case len(req.LogitBias) > 0:
		return openai.Unsupported("logit_bias", "leave it out or use another vendor")
	case len(req.Stop) > maxStops:
		return openai.Unsupported("stop", "give at most four sequences")
	case hasSchema(req) && len(req.Tools) > 0:
		return openai.Unsupported("response_format", "a json_schema does not go with tools")
	}
	for i := range req.Messages {
		if req.Messages[i].Name != "" {
			return openai.Unsupported("messages.name", "put the name into the content")
		}
	}
	return nil
}

// prefill tells how a model goes on from its last message: those that reason first
// do not (https://console.groq.com/docs/prefilling).
func prefill(model string) providers.Prefill {
	if strings.HasPrefix(model, "llama-") || strings.HasPrefix(model, "meta-llama/") {
		return providers.PrefillLast
	}
	return ""
}

// hasSchema tells whether the answer has a schema: such answers are not streamed
// (https://console.groq.com/docs/structured-outputs).
func hasSchema(req *providers.Request) bool {
	var format struct{ Type string }
	return json.Unmarshal(req.ResponseFormat, &format) == nil && format.Type == "json_schema"
}

// words are Groq's own for what it refuses (https://console.groq.com/docs/errors).
var words = openai.Words{
	Codes: map[string]providers.Kind{
		"json_validate_failed": providers.KindModelOutput,
		"tool_use_failed":      providers.KindModelOutput,
		"model_decommissioned": providers.KindModelGone,
		"blocked_api_access":   providers.KindBilling,
		"capacity_exceeded":    providers.KindCapacity,
	},
}

// classify knows what Groq's errors mean beyond their code
// (https://console.groq.com/docs/errors).
func classify(f openai.Failure, e *providers.Error) {
	switch {
	case f.Status == http.StatusUnprocessableEntity:
		e.Kind, e.Charge = providers.KindModelOutput, providers.ChargeUnknown
	case e.Kind == providers.KindRateLimit && daily(f.Message):
		e.Kind = providers.KindQuota
	case f.Status >= 500:
		e.Charge = providers.ChargeNone // "You will not be charged for requests that return server error codes"
	}
}

// daily tells the limits of a day, which no wait within a call outlasts, from
// those of a minute, which have the same code.
func daily(message string) bool {
	return strings.Contains(message, "per day")
}
