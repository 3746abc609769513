package vertex

import (
	"bytes"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// maxAnswer is the most that the open models with a limit of their own answer with,
// by the beginning of their names, in tokens. Unset, their answers are cut short; set
// higher, the request is refused.
var maxAnswer = map[string]int{"meta/llama-4-": 8192}

// options are Google's parameters that OpenAI does not have: how Gemini thinks, what is
// filtered and cached stand in extra_body.
var options = []string{"extra_body", "web_search_options"}

// members are what Gemini wants back of its earlier turns: the signatures of thoughts.
// Those of tool calls stand in the calls.
var members = []string{"extra_content"}

// encode puts a request into Google's words
// (https://cloud.google.com/vertex-ai/generative-ai/docs/migrate/openai/overview). What
// Gemini has no parameter for, Google leaves out without a word.
func encode(req *providers.Request, body *openai.Body) error {
	gemini := strings.HasPrefix(req.Model, "google/")
	if gemini && len(req.LogitBias) > 0 {
		return openai.Unsupported("logit_bias", "leave it out or use another vendor")
	}
	for prefix, most := range maxAnswer {
		if !strings.HasPrefix(req.Model, prefix) {
			continue
		}
		if req.MaxTokens > most {
			return openai.Unsupported("max_tokens", "this model answers with at most 8192")
		}
		if req.MaxTokens == 0 {
			body.MaxTokens = most
		}
	}
	return nil
}

// words are Google's own for what it refuses
// (https://cloud.google.com/apis/design/errors#error_model).
var words = openai.Words{
	Codes: map[string]providers.Kind{
		"UNAUTHENTICATED":     providers.KindAuth,
		"PERMISSION_DENIED":   providers.KindPermission,
		"FAILED_PRECONDITION": providers.KindPermission, // the project lacks what the model asks for
		"NOT_FOUND":           providers.KindModelGone,
		"RESOURCE_EXHAUSTED":  providers.KindRateLimit,
		"UNAVAILABLE":         providers.KindCapacity,
		"DEADLINE_EXCEEDED":   providers.KindTimeout,
		"ABORTED":             providers.KindServer,
		"CANCELLED":           providers.KindServer, // by Google: our own are told by the context
		"INTERNAL":            providers.KindServer,
		"UNKNOWN":             providers.KindServer,
		"DATA_LOSS":           providers.KindServer,

		// The numbers of google.rpc.Code, as the lines of batches have them.
		"2": providers.KindServer, "3": providers.KindInvalid, "4": providers.KindTimeout,
		"5": providers.KindModelGone, "7": providers.KindPermission, "8": providers.KindRateLimit,
		"9": providers.KindPermission, "10": providers.KindServer, "13": providers.KindServer,
		"14": providers.KindCapacity, "15": providers.KindServer, "16": providers.KindAuth,
	},
}

// classify knows what the details of Google's errors mean.
func classify(f openai.Failure, e *providers.Error) {
	if f.Type != "" && e.Code == f.Code {
		e.Code = f.Type // the word says more than the number, which is the status again
	}
	switch {
	case e.Kind == providers.KindPermission && unpaid(f.Body):
		e.Kind = providers.KindBilling
	case e.Kind == providers.KindRateLimit && bytes.Contains(f.Body, []byte("PerDay")):
		e.Kind = providers.KindQuota
	}
}

// unpaid tells the reasons of a google.rpc.ErrorInfo that are about money.
func unpaid(body []byte) bool {
	for _, reason := range []string{`"BILLING_DISABLED"`, `"CONSUMER_SUSPENDED"`} {
		if bytes.Contains(body, []byte(reason)) {
			return true
		}
	}
	return false
}
