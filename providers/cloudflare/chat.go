package cloudflare

import (
	"encoding/json"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// options are Cloudflare's parameters beside OpenAI's
// (https://developers.cloudflare.com/workers-ai/models).
var options = []string{
	"chat_template_kwargs", "functions", "guided_json", "lora", "options", "raw", "repetition_penalty", "tags", "top_k",
}

// encode puts a request into Cloudflare's words.
func encode(req *providers.Request, body *openai.Body) error {
	if err := refuse(req); err != nil {
		return err
	}
	body.N = nil
	if body.MaxTokens == 0 { // where nothing is said, 256 tokens are the end
		body.MaxTokens = providers.TypicalAnswer
	}
	body.ResponseFormat = bareFormat(req.ResponseFormat)
	return nil
}

// refuse names what Workers AI does not have, or ignores.
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
	}
	for i := range req.Messages {
		if linksImage(req.Messages[i].Content) {
			return openai.Unsupported("image_url", "send the picture itself, as a data URI")
		}
	}
	return nil
}

// linksImage tells whether a message holds the address of a picture: none is fetched.
func linksImage(content json.RawMessage) bool {
	if len(content) == 0 || content[0] != '[' {
		return false
	}
	var parts []struct {
		Image struct {
			URL string `json:"url"`
		} `json:"image_url"`
	}
	if json.Unmarshal(content, &parts) != nil {
		return false // the vendor says what is wrong with it
	}
	for _, part := range parts {
		if part.Image.URL != "" && !strings.HasPrefix(part.Image.URL, "data:") {
			return true
		}
	}
	return false
}

// bareFormat takes the schema of an answer out of OpenAI's envelope, which holds its
// name beside it: Cloudflare would take the envelope for the schema
// (https://developers.cloudflare.com/workers-ai/features/json-mode).
func bareFormat(format json.RawMessage) json.RawMessage {
	var asked struct {
		Type   string `json:"type"`
		Schema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	}
	if json.Unmarshal(format, &asked) != nil || len(asked.Schema.Schema) == 0 {
		return format
	}
	return plainjson.Of(map[string]any{"type": asked.Type, "json_schema": asked.Schema.Schema})
}

// formatted tells whether the answer has a format: such answers are not streamed.
func formatted(req *providers.Request) bool {
	var format struct{ Type string }
	return json.Unmarshal(req.ResponseFormat, &format) == nil && strings.HasPrefix(format.Type, "json")
}
