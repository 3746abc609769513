package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// The account that every key belongs to.
const (
	projectID = "proj_sandbox"
	slug      = "sandbox"
	userID    = "user_sandbox"
)

// How many things of a kind an account may have.
const (
	maxFiles     = 1000
	maxTunes     = 1000
	maxEndpoints = 100
	maxDeployed  = 20 // in one endpoint
)

// state is what the account has; it outlives the process.
type state struct {
	Files     map[string]*file     `json:"files"`
	Tunes     map[string]*tune     `json:"tunes"`
	Endpoints map[string]*endpoint `json:"endpoints"`
}

func newState() *state {
	return &state{Files: map[string]*file{}, Tunes: map[string]*tune{}, Endpoints: map[string]*endpoint{}}
}

// change lets fn change the state, keeps what came of it and answers with it.
func (e *emulator) change(w http.ResponseWriter, fn func(now time.Time) (any, *lab.Failure)) {
	answer, refused := e.changed(fn)
	if refused != nil {
		fail(w, *refused)
		return
	}
	lab.WriteJSON(w, http.StatusOK, answer)
}

func (e *emulator) changed(fn func(now time.Time) (any, *lab.Failure)) (any, *lab.Failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	answer, refused := fn(e.lab.Now())
	if refused != nil {
		return nil, refused
	}
	if err := e.lab.Shelf.Save(stateName, e.state); err != nil {
		return nil, notKept(err)
	}
	return answer, nil
}

// read answers with what fn finds in the state.
func (e *emulator) read(w http.ResponseWriter, fn func(now time.Time) (any, *lab.Failure)) {
	e.mu.Lock()
	answer, refused := fn(e.lab.Now())
	e.mu.Unlock()
	if refused != nil {
		fail(w, *refused)
		return
	}
	lab.WriteJSON(w, http.StatusOK, answer)
}

func notKept(err error) *lab.Failure {
	status := http.StatusInternalServerError
	if errors.Is(err, lab.ErrFull) {
		status = http.StatusRequestEntityTooLarge
	}
	return &lab.Failure{Status: status, Message: err.Error()}
}

func absent(noun, id string) *lab.Failure {
	return &lab.Failure{Status: http.StatusNotFound, Code: "not_found",
		Message: fmt.Sprintf("%s %q not found", noun, id)}
}

func invalid(param, format string, args ...any) *lab.Failure {
	return &lab.Failure{
		Status:  http.StatusBadRequest,
		Param:   param,
		Message: fmt.Sprintf(format, args...),
	}
}

func conflict(format string, args ...any) *lab.Failure {
	return &lab.Failure{
		Status:  http.StatusConflict,
		Code:    "conflict",
		Message: fmt.Sprintf(format, args...),
	}
}

// settle bills what is billed by time and gives back what was not used.
func (e *emulator) settle(now time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	changed := false
	for _, t := range e.state.Tunes {
		changed = e.settleTune(t, now) || changed
	}
	for _, ep := range e.state.Endpoints {
		for _, d := range ep.Deployments {
			changed = e.settleDeployment(d, now) || changed
		}
	}
	if !changed {
		return nil
	}
	return e.lab.Shelf.Save(stateName, e.state)
}
