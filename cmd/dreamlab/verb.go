package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
)

// shell is the world that a verb sees.
type shell struct {
	in        io.Reader
	out, errs io.Writer
	lookup    func(name string) (string, bool)
}

// The codes with which the program ends.
const (
	exitOK     = 0
	exitFailed = 1 // it was tried and did not work
	exitUsage  = 2 // it was asked wrongly
)

// verb is one thing that the program does.
type verb struct {
	name string
	args string // what follows the flags
	help string // one line
	// make declares the flags and returns what is done once they are read.
	make func(flags *flag.FlagSet) action
}

// action does a verb's work.
type action func(ctx context.Context, sh shell, args []string) error

// verbs is the whole list, in the order in which help shows it.
func verbs() []verb {
	return []verb{
		upVerb(), demoVerb(), apiVerb(), workerVerb(), schedulerVerb(),
		migrateVerb(), keyVerb(), doctorVerb(), statusVerb(), benchVerb(), sandboxVerb(),
		chatVerb(), importVerb(), dreamVerb(), tuneVerb(),
	}
}

// usageError is a fault of how the program was asked.
type usageError struct{ error }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run does what the arguments say and returns the program's exit code.
func run(ctx context.Context, sh shell, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		fmt.Fprint(sh.out, help())
		return exitOK
	}
	all := verbs()
	at := slices.IndexFunc(all, func(v verb) bool { return v.name == args[0] })
	if at < 0 {
		fmt.Fprintf(sh.errs, "dreamlab: there is no verb %q\n\n%s", args[0], help())
		return exitUsage
	}
	return conclude(sh, all[at], all[at].run(ctx, sh, args[1:]))
}

func (v verb) run(ctx context.Context, sh shell, args []string) error {
	flags := flag.NewFlagSet(v.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the flags' faults are told like all others
	do := v.make(flags)
	rest, err := parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(sh.out, v.usage(flags))
		return nil
	}
	if err != nil {
		return usageError{err}
	}
	return do(ctx, sh, rest)
}

// parse reads flags that stand before, after and between the arguments.
func parse(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return rest, nil
		}
		parsed := len(args) - flags.NArg()
		if parsed > 0 && args[parsed-1] == "--" {
			return append(rest, flags.Args()...), nil
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// conclude tells of the error and chooses the exit code.
func conclude(sh shell, v verb, err error) int {
	var wrong usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(sh.errs, "dreamlab: stopped before it was done")
		return exitFailed
	case errors.As(err, &wrong):
		fmt.Fprintf(sh.errs, "dreamlab %s: %v (dreamlab %s -h shows how)\n", v.name, err, v.name)
		return exitUsage
	}
	fmt.Fprintf(sh.errs, "dreamlab %s: %v\n", v.name, err)
	var faults config.Faults
	if errors.As(err, &faults) {
		return exitUsage
	}
	return exitFailed
}

// help lists the verbs.
func help() string {
	var out strings.Builder
	out.WriteString("Dream Lab answers chats by day and makes its model better by night.\n\n" +
		"usage: dreamlab VERB [flags] [arguments]\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&out, "  %-10s %s\n", v.name, v.help)
	}
	out.WriteString("\ndreamlab VERB -h shows the flags of a verb.\n")
	return out.String()
}

// usage shows a verb's flags.
func (v verb) usage(flags *flag.FlagSet) string {
	var out strings.Builder
	fmt.Fprintf(&out, "usage: %s\n\n%s\n", strings.TrimSpace("dreamlab "+v.name+" [flags] "+v.args), v.help)
	flags.VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&out, "\n  --%s\n      %s", strings.TrimSpace(f.Name+" "+name), text)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
			fmt.Fprintf(&out, " (default %s)", f.DefValue)
		}
	})
	out.WriteString("\n")
	return out.String()
}

// settings are the flags that every verb with a configuration has.
type settings struct {
	file, addr, data, log string
}

func (s *settings) declare(flags *flag.FlagSet) {
	flags.StringVar(&s.file, "config", "", "the `FILE` to read instead of "+config.DefaultFile)
	flags.StringVar(&s.addr, "addr", "", "`HOST:PORT` of the API, instead of DREAMLAB_ADDR")
	flags.StringVar(&s.data, "data", "", "the `DIRECTORY` of the embedded parts, instead of DREAMLAB_DATA")
	flags.StringVar(&s.log, "log", "", "the `LEVEL` of the log, instead of DREAMLAB_LOG")
}

func (s *settings) load(sh shell) (*config.Config, error) {
	return config.Load(s.options(sh))
}

func (s *settings) options(sh shell) config.Options {
	return config.Options{
		File: s.file, Vendors: boot.Vendors(), Lookup: sh.lookup,
		Flags: map[string]string{"addr": s.addr, "data": s.data, "log": s.log},
	}
}

// nothing refuses arguments where a verb takes none.
func nothing(args []string) error {
	if len(args) > 0 {
		return misuse("it takes no arguments, but was given %q", args[0])
	}
	return nil
}
