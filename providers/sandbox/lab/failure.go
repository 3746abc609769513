package lab

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Failure is an error that an emulator dresses in its vendor's words.
type Failure struct {
	Status  int
	Type    string // the vendor's own; empty takes what the vendor says for Status
	Code    string
	Param   string
	Message string // empty takes what the vendor says for Status
	// RetryAfter is the header's text: seconds, or whatever a script asks for.
	RetryAfter string
	// Full marks a failure for lack of capacity; the vendor has a status for it.
	Full bool
	// Extra are further fields of the error object.
	Extra map[string]any
}

// ContentFiltered is OpenAI's code for a prompt that was refused for what it says.
const ContentFiltered = "content_filter"

// Absent says that nothing has an id.
func Absent(noun, id string) *Failure {
	return &Failure{Status: http.StatusNotFound, Message: fmt.Sprintf("%s %q not found", noun, id)}
}

// Invalid says what is wrong with a parameter, empty for the whole request.
func Invalid(param, format string, args ...any) *Failure {
	return &Failure{Status: http.StatusBadRequest, Param: param, Message: fmt.Sprintf(format, args...)}
}

// Conflict says that the state of things does not allow a change.
func Conflict(format string, args ...any) *Failure {
	return &Failure{Status: http.StatusConflict, Message: fmt.Sprintf(format, args...)}
}

// NotKept says why the shelf could not keep or give something.
func NotKept(err error) *Failure {
	status := http.StatusInternalServerError
	if errors.Is(err, ErrFull) {
		status = http.StatusRequestEntityTooLarge
	}
	return &Failure{Status: status, Message: err.Error()}
}

// Word is what a vendor says of a status.
type Word struct{ Type, Code, Message string }

// Words are a vendor's words by status. Those of 500 stand for all server errors
// that have none of their own, those of 400 for everything else.
type Words map[int]Word

// Complete puts the vendor's words where a failure brings none of its own.
func (w Words) Complete(f Failure) Failure {
	said, found := w[f.Status]
	if !found {
		said = w[http.StatusBadRequest]
		if f.Status >= http.StatusInternalServerError {
			said = w[http.StatusInternalServerError]
		}
	}
	f.Type, f.Code = cmp.Or(f.Type, said.Type), cmp.Or(f.Code, said.Code)
	f.Message = cmp.Or(f.Message, said.Message)
	return f
}

// WriteFailure answers with a failure's body, and with its wait as a header.
func WriteFailure(w http.ResponseWriter, f Failure, body any) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	WriteJSON(w, f.Status, body)
}

// OrNil returns a text, or nil for JSON's null where it is empty.
func OrNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// Change lets fn change what an emulator has, and keeps what came of it under a name; all points to it. The caller
// holds the lock.
func (l *Lab) Change(name string, all any, fn func(now time.Time) *Failure) *Failure {
	if refused := fn(l.Now()); refused != nil {
		return refused
	}
	if err := l.Shelf.Save(name, all); err != nil {
		return NotKept(err)
	}
	return nil
}
