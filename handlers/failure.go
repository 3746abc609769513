package handlers

import (
	"errors"
	"fmt"

	"dreamlab/providers"
	"dreamlab/tasks"
)

// telling is how a kind of vendor error is told to a client.
type telling struct {
	code   string
	advice string
	final  bool
}

var tellings = map[providers.Kind]telling{
	providers.KindInvalid:       {"invalid_request", "correct the request", true},
	providers.KindUnsupported:   {"unsupported_parameter", "leave it out or choose another model", true},
	providers.KindContext:       {"context_length_exceeded", "shorten the messages or the answer", true},
	providers.KindTooLarge:      {"context_length_exceeded", "shorten the messages", true},
	providers.KindContentFilter: {"content_filter", "the vendor refuses this: change it", true},
	providers.KindModelOutput:   {"vendor_unavailable", "the model broke its answer twice: try again", false},
	providers.KindAuth:          {"vendor_unavailable", "its key does not work: run dreamlab doctor", true},
	providers.KindPermission:    {"vendor_unavailable", "its key may not do this: run dreamlab doctor", true},
	providers.KindBilling:       {"vendor_unavailable", "its account has no money left: top it up", true},
	providers.KindModelGone:     {"model_not_found", "the model is served no more: choose another", true},
	providers.KindRateLimit:     {"rate_limit_exceeded", "it asks to slow down: try again later", false},
	providers.KindQuota:         {"rate_limit_exceeded", "its quota is used up: try again later", false},
	providers.KindCapacity:      {"vendor_unavailable", "the vendor is full: try again", false},
	providers.KindBusy:          {"vendor_unavailable", "it has as many calls as it may have: try again", false},
	providers.KindTimeout:       {"vendor_timeout", "the vendor was too slow: try again", false},
	providers.KindServer:        {"vendor_unavailable", "the vendor failed: try again", false},
	providers.KindTruncated:     {"vendor_unavailable", "the answer broke off: try again", false},
	providers.KindUnreadable:    {"vendor_unavailable", "the vendor's answer can not be read: try again", false},
	providers.KindCancelled:     {"internal", "the call was given up: try again", false},
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
	return &tasks.Failure{Code: t.code, Message: message(e, t), Final: t.final, Free: e.Kind == providers.KindBusy,
		After: e.RetryAfter, Err: err}
}

// message says who failed, what to do, and for wrong requests what the vendor said.
func message(e *providers.Error, t telling) string {
	where := e.Provider
	if e.Model != "" {
		where += "/" + e.Model
	}
	if e.Param != "" {
		where += fmt.Sprintf(" (parameter %q)", e.Param)
	}
	if t.final && e.Message != "" {
		return fmt.Sprintf("%s: %s: %s", where, t.advice, e.Message)
	}
	return fmt.Sprintf("%s: %s", where, t.advice)
}
