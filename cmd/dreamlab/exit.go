package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
)

// The codes with which the program ends, as the public contract has them.
const (
	exitOK          = 0
	exitFailed      = 1   // it was tried and did not work
	exitUsage       = 2   // it was asked wrongly, or a setting is wrong
	exitRefused     = 3   // a gate refused what was tuned
	exitKey         = 4   // there is no key, or the API does not take it
	exitUnreachable = 5   // nobody answers there
	exitWaitOver    = 124 // --timeout ran out, as with timeout(1)
	exitInterrupted = 130 // as a shell has it for Ctrl-C
)

// usageError is a fault of how the program was asked.
type usageError struct{ error }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// refusedError is a gate's no.
type refusedError struct{ error }

// errWaitOver ends a wait by its --timeout.
var errWaitOver = errors.New("the wait is over")

// unwatched is the error of a wait that ended before what it waited for.
type unwatched struct {
	id, path string
	cause    error // errWaitOver, or the interruption
}

// Error says that the work goes on, and where it is seen.
func (u *unwatched) Error() string {
	why := "interrupted"
	if errors.Is(u.cause, errWaitOver) {
		why = errWaitOver.Error()
	}
	return fmt.Sprintf("%s: %s goes on at the server: GET %s shows it", why, u.id, u.path)
}

// Unwrap returns why the wait ended.
func (u *unwatched) Unwrap() error { return u.cause }

// conclude tells of the error and chooses the exit code.
func conclude(sh shell, v verb, err error) int {
	code := exitCode(err)
	var left *unwatched
	var asked *unasked
	switch {
	case err == nil:
	case errors.As(err, &left):
		fmt.Fprintf(sh.errs, "dreamlab %s: %v\n", v.name, left)
	case code == exitInterrupted && !errors.As(err, &asked):
		fmt.Fprintf(sh.errs, "dreamlab %s: stopped before it was done\n", v.name)
	case code == exitUsage && errors.As(err, new(usageError)):
		fmt.Fprintf(sh.errs, "dreamlab %s: %v (dreamlab %s -h shows how)\n", v.name, err, v.name)
	default:
		fmt.Fprintf(sh.errs, "dreamlab %s: %v\n", v.name, err)
	}
	return code
}

func exitCode(err error) int {
	var answer *client.Error
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errWaitOver):
		return exitWaitOver
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, new(usageError)), errors.As(err, new(config.Faults)):
		return exitUsage
	case errors.As(err, new(refusedError)):
		return exitRefused
	case errors.Is(err, config.ErrNoKey):
		return exitKey
	case errors.As(err, &answer) && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden):
		return exitKey
	case errors.Is(err, client.ErrUnreachable):
		return exitUnreachable
	}
	return exitFailed
}
