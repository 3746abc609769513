package bedrock

import (
	"cmp"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/openai"
)

// exceptions are the names of AWS's errors, by which Bedrock tells more than by the
// status: an exhausted quota is a 400, a model that is not loaded a 429
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors).
var exceptions = amazon.Kinds(map[string]providers.Kind{
	"ConflictException":         providers.KindInvalid,
	"InternalServerException":   providers.KindServer,
	"ModelErrorException":       providers.KindServer,
	"ModelNotReadyException":    providers.KindCold,
	"ModelStreamErrorException": providers.KindServer,
	"ModelTimeoutException":     providers.KindTimeout,
	"ResourceInUseException":    providers.KindInvalid,
	"ResourceNotFoundException": providers.KindModelGone,
	"TooManyTagsException":      providers.KindInvalid,

	"malformed_model_output": providers.KindModelOutput,
	"malformed_tool_use":     providers.KindModelOutput,
})

// words are Bedrock's own for what it refuses without a name of its own.
var words = openai.Words{
	Codes: exceptions,
	Phrases: []openai.Phrase{
		{Text: "api key is valid", Kind: providers.KindAuth},
		{Text: "model identifier is invalid", Kind: providers.KindModelGone},
		{Text: "on-demand throughput isn", Kind: providers.KindModelGone}, // it needs an inference profile
		{Text: "reached the end of its life", Kind: providers.KindModelGone},
		{Text: "too many input tokens", Kind: providers.KindContext},
		{Text: "exceeds the maximum length", Kind: providers.KindContext},
		{Text: "blocked by our content filters", Kind: providers.KindContentFilter},
		{Text: "blocked by content filtering policy", Kind: providers.KindContentFilter},
	},
	RequestIDs: []string{"X-Amzn-Requestid"},
}

// lacking tells by the words of a refusal what the model does not have.
var lacking = []struct{ said, param string }{
	{"tool_choice", "tool_choice"},
	{"toolchoice", "tool_choice"},
	{"tool", "tools"},
	{"textformat", "response_format"},
	{"outputconfig", "response_format"},
	{"structured output", "response_format"},
	{"output format", "response_format"},
	{"effort", "reasoning_effort"},
	{"image", "messages.content"},
	{"cachepoint", "cache_control"},
	{"prompt caching", "cache_control"},
	{"service tier", "service_tier"},
	{"servicetier", "service_tier"},
	{"stopsequences", "stop"},
	{"stop sequences", "stop"},
	{"temperature", "temperature"},
	{"topp", "top_p"},
	{"top_p", "top_p"},
	{"system", "messages"},
}

// classify reads the name of the error, which stands in a header or in the body, and
// what a model does not have, which is told in words alone.
func classify(f openai.Failure, e *providers.Error) {
	e.Code = amazon.ErrorName(cmp.Or(f.Header.Get("X-Amzn-Errortype"), e.Code))
	if kind, known := exceptions[e.Code]; known {
		e.Kind = kind
	}
	message := strings.ReplaceAll(strings.ToLower(f.Message), "’", "'")
	switch {
	case e.Kind == providers.KindModelGone && e.Model == "":
		e.Kind = providers.KindInvalid
	case e.Kind == providers.KindPermission && strings.Contains(message, "api key"):
		e.Kind = providers.KindAuth
	case e.Kind == providers.KindRateLimit && strings.Contains(message, "per day"):
		e.Kind = providers.KindQuota
	case e.Kind == providers.KindInvalid:
		takeLacking(message, e)
	}
	if f.Status == http.StatusFailedDependency || e.Kind == providers.KindTimeout {
		e.Charge = providers.ChargeUnknown // the model was at work
	}
}

func takeLacking(message string, e *providers.Error) {
	if !strings.Contains(message, "doesn't support") && !strings.Contains(message, "not support") {
		return
	}
	for _, known := range lacking {
		if strings.Contains(message, known.said) {
			e.Kind, e.Param = providers.KindUnsupported, known.param
			return
		}
	}
}
