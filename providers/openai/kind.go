package openai

import (
	"net/http"
	"strings"

	"dreamlab/providers"
)

// Words are what one vendor says beyond what is common to many.
type Words struct {
	Codes      map[string]providers.Kind // by code or type
	Phrases    []Phrase                  // the first that is found counts
	Statuses   map[int]providers.Kind
	RequestIDs []string // headers that hold the vendor's id of a request
}

// Phrase is what a vendor says, lower case, where it has no code for it.
type Phrase struct {
	Text string
	Kind providers.Kind
}

// byCode maps the codes and types that many servers have, and what passes on the
// errors of others. They outrank the status.
var byCode = map[string]providers.Kind{
	"context_length_exceeded":   providers.KindContext,
	"exceed_context_size_error": providers.KindContext,
	"context_window_exceeded":   providers.KindContext,
	"string_above_max_length":   providers.KindContext,
	"content_filter":            providers.KindContentFilter,
	"content_policy_violation":  providers.KindContentFilter,
	"model_not_found":           providers.KindModelGone,
	"DeploymentNotFound":        providers.KindModelGone,
	"invalid_api_key":           providers.KindAuth,
	"insufficient_quota":        providers.KindBilling,
	"rate_limit_exceeded":       providers.KindRateLimit,
	"model_rate_limit":          providers.KindRateLimit,
	"unsupported_parameter":     providers.KindUnsupported,
	"unsupported_value":         providers.KindUnsupported,
}

// byPhrase maps what many say without a code of its own.
var byPhrase = []Phrase{
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
	// Of the tier flex: https://developers.openai.com/api/docs/guides/flex-processing.
	{"resource unavailable", providers.KindCapacity},
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
	498:                              providers.KindCapacity, // a tier is full
	http.StatusServiceUnavailable:    providers.KindCapacity,
	http.StatusGatewayTimeout:        providers.KindTimeout,
	522:                              providers.KindTimeout, // a front's word: no connection
	524:                              providers.KindTimeout, // a front's word: no answer
	529:                              providers.KindCapacity,
}

// kindOf finds what a failure means: by its code, by its words, by its status.
func (w Words) kindOf(f Failure) providers.Kind {
	for _, code := range []string{f.Code, f.Type} {
		for _, known := range []map[string]providers.Kind{w.Codes, byCode} {
			if kind, ok := known[code]; ok {
				return kind
			}
		}
	}
	if f.Status < 500 {
		if kind, ok := w.said(f); ok {
			return kind
		}
	}
	for _, known := range []map[int]providers.Kind{w.Statuses, byStatus} {
		if kind, ok := known[f.Status]; ok {
			return kind
		}
	}
	if f.Status >= 400 && f.Status < 500 {
		return providers.KindInvalid
	}
	return providers.KindServer
}

// said finds what the words of a failure mean.
func (w Words) said(f Failure) (providers.Kind, bool) {
	message := strings.ToLower(f.Message)
	for _, known := range [][]Phrase{w.Phrases, byPhrase} {
		for _, phrase := range known {
			if phrase.Kind == providers.KindContext && f.Status == http.StatusTooManyRequests {
				continue // too many of them a minute
			}
			if strings.Contains(message, phrase.Text) {
				return phrase.Kind, true
			}
		}
	}
	return providers.KindUnsupported, optional(f.Param) && lacks(message)
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
