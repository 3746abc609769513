package handlers

import (
	"cmp"
	"errors"
	"fmt"

	"dreamlab/providers"
	"dreamlab/tasks"
)

// telling is how a kind of vendor error is told to a client.
type telling struct {
	code   string
	advice string // what to do
	what   string // what went wrong
	final  bool
	quoted bool // the vendor's message is shown; other messages are meant for the owner of the account
}

var tellings = map[providers.Kind]telling{
	providers.KindInvalid: {code: "invalid_request", advice: "correct the request",
		what: "it refuses the request", final: true, quoted: true},
	providers.KindUnsupported: {code: "unsupported_parameter", advice: "leave it out, or choose another model",
		what: "it does not take a parameter", final: true, quoted: true},
	providers.KindContext: {code: "context_length_exceeded", advice: "shorten the messages or the answer, or choose a larger model",
		what: "it takes less", final: true, quoted: true},
	providers.KindTooLarge: {code: "context_length_exceeded", advice: "shorten the messages",
		what: "it takes less", final: true, quoted: true},
	providers.KindContentFilter: {code: "content_filter", advice: "change the request",
		what: "it refuses the content", final: true, quoted: true},
	providers.KindModelOutput: {code: "vendor_unavailable", advice: "try again",
		what: "the model broke its answer twice"},
	providers.KindAuth: {code: "vendor_unavailable", advice: "ask the operator to run dreamlab doctor",
		what: "our key does not work", final: true},
	providers.KindPermission: {code: "vendor_unavailable", advice: "change the request, or ask the operator to run dreamlab doctor",
		what: "our key may not do this", final: true},
	providers.KindBilling: {code: "vendor_unavailable", advice: "ask the operator to top it up",
		what: "our account has no money left", final: true},
	providers.KindModelGone: {code: "model_not_found", advice: "choose another model",
		what: "it does not serve this one any more", final: true, quoted: true},
	providers.KindRateLimit: {code: "rate_limit_exceeded", advice: "try again later",
		what: "it asks to slow down", quoted: true},
	providers.KindQuota: {code: "rate_limit_exceeded", advice: "try again later",
		what: "our quota is used up", quoted: true},
	providers.KindCapacity: {code: "vendor_unavailable", advice: "try again later",
		what: "it is full", quoted: true},
	providers.KindCold: {code: "vendor_unavailable", advice: "try again later, or use an alias, for which others stand in",
		what: "the model's deployment does not run now"},
	providers.KindBusy: {code: "vendor_unavailable", advice: "try again later",
		what: "it has as many calls of ours as are configured"},
	providers.KindTimeout: {code: "vendor_timeout", advice: "try again",
		what: "it did not answer in time"},
	providers.KindServer: {code: "vendor_unavailable", advice: "try again",
		what: "it failed", quoted: true},
	providers.KindTruncated: {code: "vendor_unavailable", advice: "try again",
		what: "its answer broke off"},
	providers.KindUnreadable: {code: "vendor_unavailable", advice: "choose another model, or tell the operator",
		what: "its answer can not be read", final: true},
	providers.KindCancelled: {code: "internal", advice: "try again",
		what: "the call was given up"},
}

// Failure puts an error of a call into the words of the public contract. A
// failure that is one already stays as it is; an error from elsewhere is
// internal and is tried again.
func Failure(err error) *tasks.Failure {
	var told *tasks.Failure
	if errors.As(err, &told) {
		return told
	}
	var e *providers.Error
	if !errors.As(err, &e) {
		return &tasks.Failure{Code: "internal", Message: "the call could not be made: try again", Err: err}
	}
	t, known := tellings[e.Kind]
	if !known {
		t = tellings[providers.KindServer]
	}
	return &tasks.Failure{Code: t.code, Message: message(e, t), Param: e.PlainParam(), Final: t.final || e.NoRetry,
		Free: e.Kind == providers.KindBusy, After: e.RetryAfter, Err: err}
}

// message says what to do, and in brackets which vendor said what.
func message(e *providers.Error, t telling) string {
	advice, what := t.advice, t.what
	if param := e.PlainParam(); param != "" && e.Kind == providers.KindUnsupported {
		advice = fmt.Sprintf("leave out %q, or choose another model", param)
	}
	ours, theirs := e.Status == 0 && t.final, e.Status != 0 && t.quoted
	if e.Message != "" && (ours || theirs) {
		what = providers.Redact(e.Message)
	}
	return fmt.Sprintf("%s (%s: %s)", advice, cmp.Or(e.Provider, "the vendor"), what)
}
