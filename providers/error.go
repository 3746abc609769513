package providers

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what went wrong with an attempt. The set is closed: drivers map into
// it, the borders of Dream Lab map out of it, and nothing between looks at a
// status code.
type Kind string

// The kinds of error, and what cures each.
const (
	KindInvalid       Kind = "invalid"           // the request is wrong: nothing cures it
	KindUnsupported   Kind = "unsupported_param" // the vendor lacks a parameter, which Param names: another vendor
	KindContext       Kind = "context_length"    // prompt and answer exceed the model's context
	KindTooLarge      Kind = "too_large"         // body or single request over a limit: never unchanged again
	KindContentFilter Kind = "content_filter"    // the vendor refused the content
	KindModelOutput   Kind = "model_output"      // the model produced malformed JSON or tool calls: once more
	KindAuth          Kind = "auth"              // the key is wrong: another vendor
	KindPermission    Kind = "permission"        // the key may not: another vendor
	KindBilling       Kind = "billing"           // no money at the vendor: another vendor
	KindModelGone     Kind = "model_gone"        // no such model (any more): another vendor
	KindRateLimit     Kind = "rate_limit"        // wait, then again
	KindQuota         Kind = "quota_exhausted"   // until RetryAfter: another vendor
	KindCapacity      Kind = "capacity"          // the vendor is full: again with jitter, or another
	KindCold          Kind = "cold"              // the model's endpoint sleeps or is being started: another target, at once
	KindBusy          Kind = "busy"              // we have as many calls under way as is configured: later
	KindTimeout       Kind = "timeout"           // no answer in time: again, or another
	KindServer        Kind = "server"            // the vendor failed: again, or another
	KindTruncated     Kind = "stream_truncated"  // the answer broke off: again, unless something was shown
	KindUnreadable    Kind = "unreadable"        // a success that can not be read, most likely billed: once more, or another
	KindCancelled     Kind = "cancelled"         // we gave up: nothing
)

// Retryable tells whether the same vendor may be asked again after a wait.
func (k Kind) Retryable() bool {
	switch k {
	case KindRateLimit, KindCapacity, KindCold, KindTimeout, KindServer, KindTruncated, KindModelOutput, KindUnreadable:
		return true
	}
	return false
}

// FailsOver tells whether another vendor can cure it.
func (k Kind) FailsOver() bool {
	switch k {
	case KindUnsupported, KindAuth, KindPermission, KindBilling, KindModelGone, KindQuota, KindRateLimit,
		KindCapacity, KindCold, KindTimeout, KindServer, KindTruncated, KindUnreadable:
		return true
	}
	return false
}

// Charge is what a failed attempt cost at the vendor.
type Charge string

// The three answers to "was it charged?".
const (
	ChargeNone    Charge = "none"    // the vendor does not bill this failure, or was never reached
	ChargeUsage   Charge = "usage"   // it billed the usage that came with the failure
	ChargeUnknown Charge = "unknown" // the outcome was lost: the reserved amount stays on the books
)

// Error is a failed attempt. It never holds a key. A vendor may repeat the prompt in
// its Message, which is for the client who wrote that alone: Error leaves it out, so
// that no log has it.
type Error struct {
	Kind      Kind
	Provider  string
	Model     string
	Status    int    // HTTP status; 0 where none came
	Code      string // the vendor's own code
	Message   string // the vendor's own words, or ours where Status is 0; cut to 500 bytes, with secrets taken out
	Param     string // the parameter, for KindUnsupported and KindInvalid
	RequestID string
	// RetryAfter is how long to wait, by any form in which the vendor said so.
	// Zero where it said nothing.
	RetryAfter time.Duration
	// NoRetry is set where the vendor said not to send the request again
	// (x-should-retry: false).
	NoRetry bool
	Charge  Charge
	Usage   Usage // with ChargeUsage
	Err     error // the cause, for errors.Is
}

// Error says who failed and how: by its own words where they are ours, by their
// length where they are the vendor's.
func (e *Error) Error() string {
	where := e.Provider
	if e.Model != "" {
		where += "/" + e.Model
	}
	switch {
	case e.Status != 0:
		return fmt.Sprintf("%s: %s (HTTP %d, code %q, request %q): a message of %d bytes",
			where, e.Kind, e.Status, e.PlainCode(), plain(e.RequestID), len(e.Message))
	case e.Err != nil && e.Message == "":
		return fmt.Sprintf("%s: %s: %v", where, e.Kind, e.Err)
	default:
		return fmt.Sprintf("%s: %s: %s", where, e.Kind, e.Message)
	}
}

// PlainCode returns the vendor's code where it is a word and no text, else "".
func (e *Error) PlainCode() string { return plain(e.Code) }

// PlainParam returns the parameter's name where it is a word and no text, else "".
func (e *Error) PlainParam() string { return plain(e.Param) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err, or KindServer for an error from elsewhere.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindServer
}
