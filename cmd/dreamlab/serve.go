package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"dreamlab/cmd/internal/boot"
	"dreamlab/tasks"
)

// processes makes the processes of one verb.
type processes = []boot.Process

func apiVerb() verb {
	const help = "serve the API alone"
	return serving("api", help, func(ctx context.Context, sh shell, s *boot.Stack) (processes, error) {
		front, err := s.API(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sh.out, "Dream Lab answers at %s/v1\n", front.URL)
		return front.Processes, nil
	})
}

func schedulerVerb() verb {
	const help = "fire the schedules"
	return serving("scheduler", help, func(ctx context.Context, sh shell, s *boot.Stack) (processes, error) {
		all, err := s.Scheduler(ctx)
		if err == nil {
			fmt.Fprintln(sh.out, "scheduler started")
		}
		return all, err
	})
}

func workerVerb() verb {
	var lanes string
	const help = "do the work that is queued"
	v := serving("worker", help, func(_ context.Context, sh shell, s *boot.Stack) (processes, error) {
		chosen, err := parseLanes(lanes)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(sh.out, "worker started")
		return s.Worker(chosen)
	})
	declare := v.make
	v.make = func(flags *flag.FlagSet) action {
		flags.StringVar(&lanes, "lanes", "", "the `LANES` to work on, with commas between; all without it")
		return declare(flags)
	}
	return v
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

// serving makes a verb that runs one of several processes, and so refuses embedded parts.
func serving(name, help string, parts func(context.Context, shell, *boot.Stack) (processes, error)) verb {
	return verb{name: name, help: help, make: func(flags *flag.FlagSet) action {
		var s settings
		s.declare(flags)
		if name == "api" {
			s.declareAddr(flags)
		}
		return func(ctx context.Context, sh shell, args []string) (err error) {
			if err := nothing(args); err != nil {
				return err
			}
			c, err := s.load(sh)
			if err != nil {
				return err
			}
			if err := boot.RefuseEmbedded(c); err != nil {
				return err
			}
			stack, err := boot.Open(ctx, c, boot.StackOptions{Log: newLog(sh.log, c.Log)})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, stack.Close()) }()
			all, err := parts(ctx, sh, stack)
			if err != nil {
				return err
			}
			shown, err := stack.Scraped(ctx)
			if err != nil {
				return err
			}
			return stack.Run(ctx, append(shown, all...)...)
		}
	}}
}
