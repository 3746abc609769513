package openai

import (
	"net/http"
	"strings"

	"dreamlab/providers"
)

// byCode maps the vendors' own codes and types. They outrank the status.
var byCode = map[string]providers.Kind{
	"context_length_exceeded":   providers.KindContext,
	"exceed_context_size_error": providers.KindContext,
	"context_window_exceeded":   providers.KindContext,
	"string_above_max_length":   providers.KindContext,
	"content_filter":            providers.KindContentFilter,
	"content_policy_violation":  providers.KindContentFilter,
	"json_validate_failed":      providers.KindModelOutput,
	"tool_use_failed":           providers.KindModelOutput,
	"model_not_found":           providers.KindModelGone,
	"model_decommissioned":      providers.KindModelGone,
	"model_not_available":       providers.KindModelGone,
	"DeploymentNotFound":        providers.KindModelGone,
	"invalid_api_key":           providers.KindAuth,
	"insufficient_quota":        providers.KindBilling,
	"blocked_api_access":        providers.KindBilling,
	"rate_limit_exceeded":       providers.KindRateLimit,
	"dynamic_request_limited":   providers.KindRateLimit,
	"dynamic_token_limited":     providers.KindRateLimit,
	"model_rate_limit":          providers.KindRateLimit,
	"capacity_exceeded":         providers.KindCapacity,
	"unsupported_parameter":     providers.KindUnsupported,
	"unsupported_value":         providers.KindUnsupported,
}

// byPhrase maps what vendors say without a code of its own, lower case. The
// first that is found counts.
var byPhrase = []struct {
	phrase string
	kind   providers.Kind
}{
	{"context length", providers.KindContext},
	{"context window", providers.KindContext},
	{"context size", providers.KindContext},
	{"context limit", providers.KindContext},
	{"maximum prompt length", providers.KindContext},
	{"maximum number of tokens", providers.KindContext},
	{"maximum number of input tokens", providers.KindContext},
	{"input is too long", providers.KindContext},
	{"input too long", providers.KindContext},
	{"prompt is too long", providers.KindContext},
	{"prompt too long", providers.KindContext},
	{"reduce the length of the messages", providers.KindContext},
	{"range of input length", providers.KindContext},
	{"`max_new_tokens` must be", providers.KindContext},
	{"too many tokens", providers.KindContext},
	{"request too large", providers.KindTooLarge},
	{"throttled by remote service", providers.KindRateLimit},
	{"daily free allocation", providers.KindQuota},
	{"has been decommissioned", providers.KindModelGone},
}

// byStatus maps what is left.
var byStatus = map[int]providers.Kind{
	http.StatusBadRequest:            providers.KindInvalid,
	http.StatusUnauthorized:          providers.KindAuth,
	http.StatusPaymentRequired:       providers.KindBilling,
	http.StatusForbidden:             providers.KindPermission,
	http.StatusNotFound:              providers.KindModelGone,
	http.StatusGone:                  providers.KindModelGone,
	http.StatusConflict:              providers.KindServer, // somebody else was faster: again
	http.StatusRequestTimeout:        providers.KindTimeout,
	http.StatusRequestEntityTooLarge: providers.KindTooLarge,
	http.StatusFailedDependency:      providers.KindServer,
	http.StatusTooEarly:              providers.KindServer,
	http.StatusTooManyRequests:       providers.KindRateLimit,
	498:                              providers.KindCapacity, // Groq: the flex tier is full
	http.StatusServiceUnavailable:    providers.KindCapacity,
	http.StatusGatewayTimeout:        providers.KindTimeout,
	522:                              providers.KindTimeout, // Cloudflare: no connection
	524:                              providers.KindTimeout, // Cloudflare: no answer
	529:                              providers.KindCapacity,
}

func kindOf(f Failure) providers.Kind {
	for _, code := range []string{f.Code, f.Type} {
		if kind, ok := byCode[code]; ok {
			return kind
		}
	}
	if f.Status < 500 {
		message := strings.ToLower(f.Message)
		for _, known := range byPhrase {
			if known.kind == providers.KindContext && f.Status == http.StatusTooManyRequests {
				continue // too many of them a minute
			}
			if strings.Contains(message, known.phrase) {
				return known.kind
			}
		}
		if optional(f.Param) && lacks(message) {
			return providers.KindUnsupported
		}
	}
	if kind, ok := byStatus[f.Status]; ok {
		return kind
	}
	if f.Status >= 400 && f.Status < 500 {
		return providers.KindInvalid
	}
	return providers.KindServer
}

// optional tells whether a parameter can be left out.
func optional(param string) bool {
	return param != "" && param != "model" && !strings.HasPrefix(param, "messages")
}

// lacks tells whether a vendor says that it does not have what was asked for.
func lacks(message string) bool {
	for _, phrase := range []string{"not supported", "not support ", "unsupported"} {
		if strings.Contains(message, phrase) {
			return true
		}
	}
	return false
}
