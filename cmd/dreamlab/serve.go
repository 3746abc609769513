package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
	"dreamlab/tasks"
)

// processes makes the processes of one verb.
type processes = []boot.Process

// apiVerb serves the API.
type apiVerb struct {
	settings
	address
}

// Run serves until it is stopped.
func (v *apiVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.loadAt(sh, v.address)
	if err != nil {
		return err
	}
	return serve(ctx, sh, c, func(ctx context.Context, s *boot.Stack) (processes, error) {
		front, err := s.API(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sh.out, "Dream Lab answers at %s/v1\n", front.URL)
		return front.Processes, nil
	})
}

// schedulerVerb fires the schedules.
type schedulerVerb struct{ settings }

// Run fires them until it is stopped.
func (v *schedulerVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.load(sh)
	if err != nil {
		return err
	}
	return serve(ctx, sh, c, func(ctx context.Context, s *boot.Stack) (processes, error) {
		all, err := s.Scheduler(ctx)
		if err == nil {
			fmt.Fprintln(sh.out, "scheduler started")
		}
		return all, err
	})
}

// workerVerb does the work.
type workerVerb struct {
	settings
	Lanes string `placeholder:"LANES" help:"the LANES to work on, with commas between; all without it"`
}

// Run works until it is stopped.
func (v *workerVerb) Run(ctx context.Context, sh shell) error {
	lanes, err := parseLanes(v.Lanes)
	if err != nil {
		return err
	}
	c, err := v.load(sh)
	if err != nil {
		return err
	}
	return serve(ctx, sh, c, func(_ context.Context, s *boot.Stack) (processes, error) {
		fmt.Fprintln(sh.out, "worker started")
		return s.Worker(lanes)
	})
}

func parseLanes(text string) ([]tasks.Lane, error) {
	if text == "" {
		return nil, nil
	}
	var lanes []tasks.Lane
	for name := range strings.SplitSeq(text, ",") {
		lane, err := parseLane(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, lane)
	}
	return lanes, nil
}

func parseLane(name string) (tasks.Lane, error) {
	for _, lane := range tasks.Lanes() {
		if string(lane) == name {
			return lane, nil
		}
	}
	return "", misuse("there is no lane %q: use %v", name, tasks.Lanes())
}

// serve runs one of several processes, and so refuses embedded parts.
func serve(
	ctx context.Context, sh shell, c *config.Config, parts func(context.Context, *boot.Stack) (processes, error),
) (err error) {
	if err := boot.RefuseEmbedded(c); err != nil {
		return err
	}
	stack, err := boot.Open(ctx, c, boot.StackOptions{Log: newLog(sh.log, c.Log), Verbs: sh.root})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	all, err := parts(ctx, stack)
	if err != nil {
		return err
	}
	shown, err := stack.Scraped(ctx)
	if err != nil {
		return err
	}
	return stack.Run(ctx, append(shown, all...)...)
}
