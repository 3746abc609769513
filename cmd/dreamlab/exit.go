package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"dreamlab/cmd/internal/cli"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
)

// The exit codes of the program, as the public contract defines them.
const (
	exitOK          = 0
	exitFailed      = 1   // the work failed
	exitUsage       = 2   // wrong arguments or settings
	exitRefused     = 3   // the gate refused the tuned model
	exitKey         = 4   // there is no key, or the API does not take it
	exitUnreachable = 5   // the server cannot be reached
	exitWaitOver    = 124 // --timeout ran out, as with timeout(1)
	exitInterrupted = 130 // as a shell has it for Ctrl-C
)

// usageError is an error in the arguments.
type usageError struct{ error }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// refusedError says that the gate refused the tuned model.
type refusedError struct{ error }

// errWaitOver ends a wait after its --timeout.
var errWaitOver = errors.New("the wait is over")

// unwatched is the error of a wait that ended before the work did.
type unwatched struct {
	id, path string
	cause    error // errWaitOver, or the interruption
}

// Error says that the work continues, and how to see it.
func (u *unwatched) Error() string {
	why := "interrupted"
	if errors.Is(u.cause, errWaitOver) {
		why = errWaitOver.Error()
	}
	return fmt.Sprintf("%s: %s goes on at the server: GET %s shows it", why, u.id, u.path)
}

// Unwrap returns why the wait ended.
func (u *unwatched) Unwrap() error { return u.cause }

// conclude prints the error of a verb and chooses the exit code.
func conclude(sh shell, name string, err error) int {
	code := exitCode(err)
	var left *unwatched
	var asked *unasked
	switch {
	case err == nil:
	case errors.As(err, &left):
		fmt.Fprintf(sh.errs, "%s: %v\n", name, left)
	case code == exitInterrupted && !errors.As(err, &asked):
		fmt.Fprintf(sh.errs, "%s: stopped before it was done\n", name)
	case errors.As(err, new(usageError)), errors.As(err, new(*cli.Fault)):
		fmt.Fprintf(sh.errs, "%s: %v (%s -h shows how)\n", name, err, name)
	default:
		fmt.Fprintf(sh.errs, "%s: %v\n", name, err)
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
	case errors.As(err, new(usageError)), errors.As(err, new(*cli.Fault)), errors.As(err, new(config.Faults)):
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
