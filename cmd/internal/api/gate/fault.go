package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/db"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

// ErrStopping is the cause of a request's context that ended with the server.
var ErrStopping = errors.New("the server stops")

// stoppingFault is the answer to a request that the stopping server does not wait for any longer.
func stoppingFault(err error) *wire.Fault {
	return &wire.Fault{Status: http.StatusServiceUnavailable, Code: "internal", Err: err,
		Message: "This server is stopping: send the request again, with the same Idempotency-Key if it had one."}
}

// FaultOf turns any error into the answer to its client. An error without a kind of
// its own is internal, and its text is only logged.
func FaultOf(err error) *wire.Fault {
	var f *wire.Fault
	var input *tasks.InputError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &input):
		f = wire.Coded(input.Code, input.Error())
		f.Param = input.Param
		return f
	case errors.As(err, &tooLarge):
		return &wire.Fault{
			Status: http.StatusRequestEntityTooLarge, Code: "invalid_request",
			Message: fmt.Sprintf("The body is larger than %d bytes: send less at once.", tooLarge.Limit),
		}
	}
	return storeFault(err)
}

func storeFault(err error) *wire.Fault {
	switch {
	case errors.Is(err, db.ErrNotFound):
		return wire.Missing("object")
	case errors.Is(err, db.ErrText):
		return &wire.Fault{Status: http.StatusBadRequest, Code: "invalid_request", Err: err,
			Message: "The request holds a NUL character or bytes that are not UTF-8: remove them."}
	case errors.Is(err, engine.ErrQueueUnavailable):
		return &wire.Fault{Status: http.StatusServiceUnavailable, Code: "queue_unavailable", Err: err,
			Message: "The queue does not answer, and nothing was started: try again in a few seconds."}
	case errors.Is(err, db.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		return &wire.Fault{Status: http.StatusServiceUnavailable, Code: "internal", Err: err,
			Message: "The database is busy: try again in a few seconds."}
	case errors.Is(err, db.ErrFull):
		return &wire.Fault{Status: http.StatusInsufficientStorage, Code: "internal", Err: err,
			Message: "There is no room left to store this: the operator has to make some."}
	}
	return &wire.Fault{Status: http.StatusInternalServerError, Code: "internal", Err: err,
		Message: "Something went wrong on our side: try again, and give the operator the x-request-id if it stays."}
}

// OrMissing says what is not there.
func OrMissing(err error, what string) error {
	if errors.Is(err, db.ErrNotFound) {
		return wire.Missing(what)
	}
	return err
}

// OrNoModel says which model is not there.
func OrNoModel(err error, name string) error {
	if errors.Is(err, db.ErrNotFound) {
		return wire.Coded("model_not_found", fmt.Sprintf("There is no model %.100q: GET /v1/models lists those "+
			"that can be asked for.", name))
	}
	return err
}
