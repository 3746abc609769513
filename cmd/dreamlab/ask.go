package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"

	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
)

// asking is what the verbs share that are clients of the API.
type asking struct {
	settings
	json, wait bool
}

func (a *asking) declare(flags *flag.FlagSet) {
	a.settings.declare(flags)
	flags.BoolVar(&a.json, "json", false, "print one JSON object")
}

func (a *asking) declareWait(flags *flag.FlagSet) {
	a.declare(flags)
	flags.BoolVar(&a.wait, "wait", false, "wait for the end and show how far it is")
}

// open returns a client of the API that is configured. The caller closes it.
func (a *asking) open(sh shell) (*client.Client, error) {
	c, err := config.LoadClient(a.options(sh))
	if err != nil {
		return nil, err
	}
	reach, err := c.Client(sh.lookup)
	if err != nil {
		return nil, err
	}
	return client.New(reach.URL, reach.Key), nil
}

// printRaw shows what stands at a path as the API shows it.
func printRaw(ctx context.Context, sh shell, c *client.Client, path string) error {
	text, err := c.Raw(ctx, path)
	if err != nil {
		return err
	}
	fmt.Fprintf(sh.out, "%s\n", text)
	return nil
}

// unsuccessful is the error of what ended otherwise than well.
func unsuccessful(what, status string, err *client.JobError) error {
	if status == "succeeded" {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s %s", what, status)
	}
	return fmt.Errorf("%s %s: %s (%s)", what, status, err.Message, cmp.Or(err.Code, "no code"))
}
