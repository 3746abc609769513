package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"dreamlab/store"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

// fault is an error as a client sees it: OpenAI's shape, and a message that
// says what to do.
type fault struct {
	Status  int
	Code    string // of the closed set in the public contract
	Message string
	Param   string
	After   time.Duration // when to try again; 0 where that is not known
	foreign bool          // Message is a job's, and not for the log
	err     error         // for the log alone
}

// Error returns code and message.
func (f *fault) Error() string {
	if f.foreign {
		return fmt.Sprintf("%s (a message of %d bytes)", f.Code, len(f.Message))
	}
	if f.err != nil {
		return fmt.Sprintf("%s: %s: %v", f.Code, f.Message, f.err)
	}
	return f.Code + ": " + f.Message
}

// Unwrap returns the cause.
func (f *fault) Unwrap() error { return f.err }

func invalid(param, format string, args ...any) *fault {
	return &fault{Status: http.StatusBadRequest, Code: "invalid_request", Param: param,
		Message: fmt.Sprintf(format, args...)}
}

func missing(what string) *fault {
	return &fault{
		Status: http.StatusNotFound, Code: "not_found",
		Message: "There is no such " + what + ": check the id, and that the key belongs to its tenant.",
	}
}

// statuses gives each code of the contract its HTTP status.
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

// coded makes a fault of a code that came from elsewhere: a job's error.
func coded(code, message string) *fault {
	status, known := statuses[code]
	if !known {
		code, status = "internal", http.StatusInternalServerError
	}
	return &fault{Status: status, Code: code, Message: message}
}

// jobFault makes a fault of a job's error. Its message may repeat what a vendor
// said of the prompt, so the log gets its length alone.
func jobFault(e store.JobError) *fault {
	f := coded(e.Code, e.Message)
	f.Param, f.After, f.foreign = e.Param, e.RetryAfter, true
	return f
}

// errStopping is the cause of a request's context that ended with the server.
var errStopping = errors.New("the server stops")

// stoppingFault is what is told to whom the server did not wait for any longer.
func stoppingFault(err error) *fault {
	return &fault{Status: http.StatusServiceUnavailable, Code: "internal", err: err,
		Message: "This server is stopping: send the request again, with the same Idempotency-Key if it had one."}
}

// faultOf turns any error into what its client is told. What has no kind of
// its own is internal, and its text goes to the log alone.
func faultOf(err error) *fault {
	var f *fault
	var input *tasks.InputError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &input):
		f = coded(input.Code, input.Error())
		f.Param = input.Param
		return f
	case errors.As(err, &tooLarge):
		return &fault{
			Status: http.StatusRequestEntityTooLarge, Code: "invalid_request",
			Message: fmt.Sprintf("The body is larger than %d bytes: send less at once.", tooLarge.Limit),
		}
	}
	return storeFault(err)
}

func storeFault(err error) *fault {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return missing("object")
	case errors.Is(err, store.ErrText):
		return &fault{Status: http.StatusBadRequest, Code: "invalid_request", err: err,
			Message: "The request holds a NUL character or bytes that are not UTF-8: remove them."}
	case errors.Is(err, engine.ErrQueueUnavailable):
		return &fault{Status: http.StatusServiceUnavailable, Code: "queue_unavailable", err: err,
			Message: "The queue does not answer, and nothing was started: try again in a few seconds."}
	case errors.Is(err, store.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		return &fault{Status: http.StatusServiceUnavailable, Code: "internal", err: err,
			Message: "The database is busy: try again in a few seconds."}
	case errors.Is(err, store.ErrFull):
		return &fault{Status: http.StatusInsufficientStorage, Code: "internal", err: err,
			Message: "There is no room left to store this: the operator has to make some."}
	}
	return &fault{Status: http.StatusInternalServerError, Code: "internal", err: err,
		Message: "Something went wrong on our side: try again, and give the operator the x-request-id if it stays."}
}

// kindOf returns OpenAI's word for the sort of error, which its clients show.
func kindOf(f *fault) string {
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

// body returns the error in OpenAI's shape.
func (f *fault) body() []byte {
	e := errorBody{Message: f.Message, Type: kindOf(f), Code: f.Code}
	if f.Param != "" {
		e.Param = &f.Param
	}
	text, err := plainJSON(map[string]errorBody{"error": e})
	if err != nil {
		panic(err) // strings always marshal
	}
	return text
}

// writeFault answers with an error. An error of the connection while doing so
// has nobody left to be told to.
func writeFault(w http.ResponseWriter, f *fault) error {
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
	return write(w, f.Status, "application/json", append(f.body(), '\n'))
}
