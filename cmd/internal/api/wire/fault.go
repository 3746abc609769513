package wire

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"dreamlab/store/plainjson"
)

// Fault is an error as a client sees it: OpenAI's shape, and a message that
// says what to do.
type Fault struct {
	Status  int
	Code    string // of the closed set in the public contract
	Message string
	Param   string
	After   time.Duration // when to try again; 0 where that is not known
	Foreign bool          // Message is a job's, and not for the log
	Err     error         // the cause, for the log alone
}

// Error returns code and message.
func (f *Fault) Error() string {
	if f.Foreign {
		return fmt.Sprintf("%s (a message of %d bytes)", f.Code, len(f.Message))
	}
	if f.Err != nil {
		return fmt.Sprintf("%s: %s: %v", f.Code, f.Message, f.Err)
	}
	return f.Code + ": " + f.Message
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Invalid is the fault of a request that can not be taken as it is: 400.
func Invalid(param, format string, args ...any) *Fault {
	return &Fault{Status: http.StatusBadRequest, Code: "invalid_request", Param: param,
		Message: fmt.Sprintf(format, args...)}
}

// Missing is the fault of what is not there, or not the tenant's: 404.
func Missing(what string) *Fault {
	return &Fault{
		Status: http.StatusNotFound, Code: "not_found",
		Message: "There is no such " + what + ": check the id, and that the key belongs to its tenant.",
	}
}

// Statuses gives each code of the contract its HTTP status.
func Statuses() map[string]int { return maps.Clone(statuses) }

var statuses = map[string]int{
	"invalid_request":         http.StatusBadRequest,
	"unsupported_parameter":   http.StatusBadRequest,
	"invalid_api_key":         http.StatusUnauthorized,
	"forbidden":               http.StatusForbidden,
	"not_found":               http.StatusNotFound,
	"model_not_found":         http.StatusNotFound,
	"context_length_exceeded": http.StatusBadRequest,
	"content_filter":          http.StatusBadRequest,
	"idempotency_conflict":    http.StatusConflict,
	"dream_running":           http.StatusConflict,
	"rate_limit_exceeded":     http.StatusTooManyRequests,
	"insufficient_quota":      http.StatusTooManyRequests,
	"queue_unavailable":       http.StatusServiceUnavailable,
	"vendor_unavailable":      http.StatusBadGateway,
	"vendor_timeout":          http.StatusGatewayTimeout,
	"stream_interrupted":      http.StatusBadGateway,
	"stream_gone":             http.StatusGone,
	"internal":                http.StatusInternalServerError,
}

// Coded makes a fault of a code that came from elsewhere: a job's error.
func Coded(code, message string) *Fault {
	status, known := statuses[code]
	if !known {
		code, status = "internal", http.StatusInternalServerError
	}
	return &Fault{Status: status, Code: code, Message: message}
}

// kindOf returns OpenAI's word for the sort of error, which its clients show.
func kindOf(f *Fault) string {
	switch {
	case f.Code == "insufficient_quota":
		return "insufficient_quota"
	case f.Status == http.StatusUnauthorized:
		return "authentication_error"
	case f.Status == http.StatusForbidden:
		return "permission_error"
	case f.Status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case f.Status >= http.StatusInternalServerError:
		return "server_error"
	}
	return "invalid_request_error"
}

type errorBody struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

// Body returns the error in OpenAI's shape.
func (f *Fault) Body() []byte {
	e := errorBody{Message: f.Message, Type: kindOf(f), Code: f.Code}
	if f.Param != "" {
		e.Param = &f.Param
	}
	text, err := plainjson.Encode(map[string]errorBody{"error": e})
	if err != nil {
		panic(err) // strings always marshal
	}
	return text
}

// WriteFault answers with an error. An error of the connection while doing so
// can be told to no client, and goes to the log.
func WriteFault(w http.ResponseWriter, f *Fault) error { return WriteFaultAs(w, f, f.Body()) }

// WriteFaultAs is WriteFault with a body of another form.
func WriteFaultAs(w http.ResponseWriter, f *Fault, body []byte) error {
	switch f.Status {
	case http.StatusUnauthorized:
		if w.Header().Get("WWW-Authenticate") == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="dreamlab"`)
		}
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "2")
	}
	if f.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.After.Seconds()))))
	}
	return Write(w, f.Status, "application/json", append(body, '\n'))
}
