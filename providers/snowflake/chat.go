package snowflake

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// options are Snowflake's parameters beside those of OpenAI's that all vendors take.
var options = []string{"prompt_cache_key"}

// How long an answer of the plain models gets, in tokens: where nothing is said, and at
// most.
const (
	defaultAnswer = 4_096
	maxAnswer     = 16_384
)

// family is who made a model: what it can be asked for goes by that.
type family int

const (
	plainFamily family = iota // Llama, Mistral, DeepSeek, Snowflake's own
	claudeFamily
	openaiFamily
)

func familyOf(model string) family {
	switch {
	case strings.HasPrefix(model, "claude-"):
		return claudeFamily
	case strings.HasPrefix(model, "openai-"):
		return openaiFamily
	}
	return plainFamily
}

// encode puts a request into Snowflake's words. What a plain model has no parameter for,
// Snowflake refuses, or leaves out without a word: both are refused here.
func (d *driver) encode(req *providers.Request, body *openai.Body) error {
	made := familyOf(req.Model)
	if made != openaiFamily && req.ReasoningEffort != "" {
		return openai.Unsupported("reasoning_effort", "only the models of OpenAI take it")
	}
	if made == plainFamily || d.guard {
		if err := refuse(req); err != nil {
			return err
		}
		body.N, body.Seed, body.ResponseFormat = nil, nil, nil
	}
	if !d.guard {
		openai.LimitCompletion(body)
		return nil
	}
	body.StreamOptions = nil // the usage always comes
	return nil
}

// refuse names what the plain models lack.
func refuse(req *providers.Request) error {
	const advice = "leave it out, or use another model or vendor"
	for _, param := range []struct {
		name  string
		given bool
	}{
		{"tools", len(req.Tools) > 0}, {"tool_choice", len(req.ToolChoice) > 0},
		{"response_format", formatted(req.ResponseFormat)}, {"stop", len(req.Stop) > 0},
		{"n", req.N != nil && *req.N != 1}, {"seed", req.Seed != nil}, {"logprobs", req.Logprobs},
		{"top_logprobs", req.TopLogprobs != nil}, {"logit_bias", len(req.LogitBias) > 0},
		{"frequency_penalty", given(req.FrequencyPenalty)}, {"presence_penalty", given(req.PresencePenalty)},
	} {
		if param.given {
			return openai.Unsupported(param.name, advice)
		}
	}
	for i := range req.Messages {
		switch message := &req.Messages[i]; {
		case message.Role != "system" && message.Role != "user" && message.Role != "assistant":
			return openai.Unsupported("messages.role", "these models know system, user and assistant")
		case len(message.ToolCalls) > 0:
			return openai.Unsupported("messages.tool_calls", advice)
		case strings.Contains(string(message.Content), `"image_url"`):
			return openai.Unsupported("messages.content", "these models take text alone")
		}
	}
	return nil
}

func given(penalty *float64) bool { return penalty != nil && *penalty != 0 }

// formatted tells whether an answer has to have another form than text.
func formatted(raw json.RawMessage) bool {
	var format struct{ Type string }
	return len(raw) > 0 && (json.Unmarshal(raw, &format) != nil || format.Type != "text")
}

// words are Snowflake's own for what it refuses.
var words = openai.Words{
	Codes: map[string]providers.Kind{
		"390112": providers.KindAuth,       // the session has expired
		"390144": providers.KindAuth,       // the signed token is invalid
		"390189": providers.KindPermission, // the role is not granted
		"390303": providers.KindAuth,       // the OAuth token is invalid
		"390318": providers.KindAuth,       // the OAuth token has expired
	},
	Phrases: []openai.Phrase{
		{Text: "unknown model", Kind: providers.KindModelGone},
		{Text: "max tokens of", Kind: providers.KindContext},
	},
	RequestIDs: []string{"X-Snowflake-Request-Id"},
}

// classify tells a model that took too long from one that is full: both are 503.
func classify(f openai.Failure, e *providers.Error) {
	if f.Status == http.StatusServiceUnavailable && strings.Contains(strings.ToLower(f.Message), "timed out") {
		e.Kind, e.Charge = providers.KindTimeout, providers.ChargeUnknown
	}
}

// Chat asks for one completion, as [providers.Driver] says.
func (d *driver) Chat(
	ctx context.Context, req *providers.Request, sink providers.Sink,
) (*providers.Reply, error) {
	return d.Client.Chat(ctx, d.guarded(req), sink)
}

// guarded is a request with the switch of Cortex Guard.
func (d *driver) guarded(req *providers.Request) *providers.Request {
	if !d.guard {
		return req
	}
	guarded := *req
	guarded.Vendor = map[string]json.RawMessage{"guardrails": json.RawMessage(`{"enabled":true}`)}
	for name, value := range req.Vendor {
		guarded.Vendor[name] = value
	}
	return &guarded
}

// cut tells whether an answer has as many tokens as it may: that a plain model was cut
// short shows in nothing else.
func cut(req *providers.Request, usage providers.Usage) bool {
	limit := int64(req.MaxTokens)
	if limit <= 0 {
		limit = defaultAnswer
	}
	return familyOf(req.Model) == plainFamily && !usage.Missing && usage.Output >= min(limit, maxAnswer)
}
