package bedrock

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"

	"github.com/aws/smithy-go/encoding/httpbinding"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// converse is the body of a Converse request
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
type converse struct {
	Messages []turn            `json:"messages"`
	System   []block           `json:"system,omitempty"`
	Limits   *inference        `json:"inferenceConfig,omitempty"`
	Tools    *toolConfig       `json:"toolConfig,omitempty"`
	Output   *outputConfig     `json:"outputConfig,omitempty"`
	Tier     *serviceTier      `json:"serviceTier,omitempty"`
	Metadata map[string]string `json:"requestMetadata,omitempty"`
}

type inference struct {
	MaxTokens   int      `json:"maxTokens,omitempty"`
	Temperature *float64 `json:"temperature,omitempty"`
	TopP        *float64 `json:"topP,omitempty"`
	Stop        []string `json:"stopSequences,omitempty"`
}

type serviceTier struct {
	Type string `json:"type"`
}

type outputConfig struct {
	Effort     string      `json:"effort,omitempty"`
	TextFormat *textFormat `json:"textFormat,omitempty"`
}

type textFormat struct {
	Type      string `json:"type"`
	Structure struct {
		Schema jsonSchema `json:"jsonSchema"`
	} `json:"structure"`
}

type jsonSchema struct {
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Schema      string `json:"schema"` // JSON in a string
}

// newWire speaks Converse, with a service tier where one is set.
func newWire(tier string) *openai.Wire {
	return &openai.Wire{
		Ask: func(req *providers.Request, streamed bool) (string, any, error) {
			path := modelPath(req.Model, "converse")
			if streamed {
				path += "-stream"
			}
			body, err := newConverse(req)
			if err != nil {
				return path, nil, err
			}
			if asked := askedTier(req, tier); asked != "" {
				body.Tier = &serviceTier{asked}
			}
			return path, body.with(req.Vendor), nil
		},
		Whole: whole, Stream: newStream, Kind: "application/vnd.amazon.eventstream",
	}
}

// askedTier is the tier of a request, or else that of all. It is a hint: one that
// Bedrock does not have, such as "auto", is not sent.
func askedTier(req *providers.Request, otherwise string) string {
	var asked string
	if json.Unmarshal(req.Options["service_tier"], &asked) == nil && isTier(asked) {
		return asked
	}
	return otherwise
}

// with returns the body with the members that a client gave for it as they are, such
// as guardrailConfig or additionalModelRequestFields.
func (c *converse) with(members map[string]json.RawMessage) any {
	if len(members) == 0 {
		return c
	}
	body := []byte(plainjson.Of(c))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		body = completion.Set(body, name, members[name])
	}
	return json.RawMessage(body)
}

// modelPath is the path of an operation on a model, whose name is one segment.
func modelPath(model, operation string) string {
	return "/model/" + httpbinding.EscapePath(model, true) + "/" + operation
}

func newConverse(req *providers.Request) (*converse, error) {
	if err := refuse(req); err != nil {
		return nil, err
	}
	body := &converse{}
	if req.MaxTokens > 0 || req.Temperature != nil || req.TopP != nil || len(req.Stop) > 0 {
		body.Limits = &inference{req.MaxTokens, req.Temperature, req.TopP, req.Stop}
	}
	var err error
	if body.System, body.Messages, err = turns(req.Messages); err != nil {
		return nil, err
	}
	if body.Tools, err = tools(req); err != nil {
		return nil, err
	}
	if body.Output, err = output(req); err != nil {
		return nil, err
	}
	if req.User != "" {
		body.Metadata = map[string]string{"user": req.User}
	}
	return body, nil
}

// metadata is what a value of requestMetadata may hold.
var metadata = regexp.MustCompile(`^[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}$`)

// refuse names what Converse has no member for.
func refuse(req *providers.Request) error {
	const otherwise = "leave it out or use another vendor"
	switch {
	case req.N != nil && *req.N != 1:
		return openai.Unsupported("n", "leave it out or set it to 1")
	case req.Seed != nil:
		return openai.Unsupported("seed", otherwise)
	case req.FrequencyPenalty != nil && *req.FrequencyPenalty != 0:
		return openai.Unsupported("frequency_penalty", otherwise)
	case req.PresencePenalty != nil && *req.PresencePenalty != 0:
		return openai.Unsupported("presence_penalty", otherwise)
	case len(req.LogitBias) > 0:
		return openai.Unsupported("logit_bias", otherwise)
	case req.Logprobs:
		return openai.Unsupported("logprobs", otherwise)
	case req.TopLogprobs != nil:
		return openai.Unsupported("top_logprobs", otherwise)
	case req.ParallelToolCalls != nil && !*req.ParallelToolCalls:
		return openai.Unsupported("parallel_tool_calls", otherwise)
	case !metadata.MatchString(req.User):
		return openai.Unsupported("user", "give at most 256 letters, digits, spaces and :_@$#=/+,.-")
	}
	if option := req.Lacks(nil); option != "" {
		return openai.Unsupported(option, otherwise)
	}
	for i := range req.Messages {
		if req.Messages[i].Name != "" {
			return openai.Unsupported("messages.name", "put the name into the content")
		}
	}
	return nil
}

// output puts the effort and the form of the answer into Bedrock's words.
func output(req *providers.Request) (*outputConfig, error) {
	format, err := answerFormat(req.ResponseFormat)
	if err != nil || format == nil && req.ReasoningEffort == "" {
		return nil, err
	}
	return &outputConfig{Effort: req.ReasoningEffort, TextFormat: format}, nil
}

func answerFormat(raw json.RawMessage) (*textFormat, error) {
	var asked struct {
		Type   string `json:"type"`
		Schema struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Schema      json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	}
	if len(raw) == 0 {
		return nil, nil // no format is asked for
	}
	if err := json.Unmarshal(raw, &asked); err != nil {
		return nil, invalid("response_format", "it has not OpenAI's form")
	}
	switch {
	case asked.Type == "text":
		return nil, nil // what is done without a format
	case asked.Type != "json_schema" || len(asked.Schema.Schema) == 0:
		return nil, openai.Unsupported("response_format", "give a json_schema with a schema")
	}
	format := &textFormat{Type: "json_schema"}
	format.Structure.Schema = jsonSchema{asked.Schema.Name, asked.Schema.Description, string(asked.Schema.Schema)}
	return format, nil
}

// invalid is the error of a request that no vendor could serve.
func invalid(param, why string) error {
	return &providers.Error{
		Kind: providers.KindInvalid, Param: param, Charge: providers.ChargeNone, Message: param + ": " + why,
	}
}
