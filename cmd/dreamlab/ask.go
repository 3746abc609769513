package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
)

// asking holds the flags that all verbs share that are clients of the API.
type asking struct {
	reaching
	printing
}

// reaching are the flags that say where the API is.
type reaching struct {
	Context string `group:"Settings" placeholder:"NAME" help:"the NAME of a server of dreamlab login, instead of the current one"`
	settings
	address
}

// Foot stands below the help of the verbs that are clients.
func (*reaching) Foot() string { return reach }

// waiting holds the flags of verbs that start work and can wait for its end.
type waiting struct {
	Wait    bool          `help:"wait for the end and show how far it is"`
	Timeout time.Duration `placeholder:"DURATION" help:"with --wait: how long at most, a DURATION"`
}

// check refuses a --timeout that would be ignored.
func (w *waiting) check() error {
	if w.Timeout < 0 || w.Timeout > 0 && !w.Wait {
		return misuse("--timeout bounds a --wait, and has to be more than nothing")
	}
	return nil
}

// await follows the work with an id at the server until it ends, or until the wait does.
func await[T any](ctx context.Context, w waiting, id, path string, watch func(context.Context) (T, error)) (T, error) {
	if w.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, w.Timeout, errWaitOver)
		defer cancel()
	}
	seen, err := watch(ctx)
	if err != nil && ctx.Err() != nil {
		err = &unwatched{id: id, path: path + id, cause: context.Cause(ctx)}
	}
	return seen, err
}

// open returns a client of the API that is configured. The caller closes it.
func (r *reaching) open(sh shell) (*client.Client, error) {
	options := r.options(sh, r.address)
	options.Flags["context"] = r.Context
	c, err := config.LoadClient(options)
	if err != nil {
		return nil, err
	}
	reach, err := c.Client(options)
	if err != nil {
		return nil, err
	}
	return client.New(reach.URL, reach.Key), nil
}

// printRaw prints the response at a path as the API sends it.
func printRaw(ctx context.Context, sh shell, c *client.Client, path string) error {
	text, err := c.Raw(ctx, path)
	if err != nil {
		return err
	}
	fmt.Fprintf(sh.out, "%s\n", text)
	return nil
}

// unsuccessful returns the error of work that ended without success.
func unsuccessful(what, status string, err *client.JobError) error {
	if status == "succeeded" {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s %s", what, status)
	}
	return fmt.Errorf("%s %s: %s (%s)", what, status, err.Message, cmp.Or(err.Code, "no code"))
}
