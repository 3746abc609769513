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

// shell is the environment of a verb.
type shell struct {
	in        io.Reader
	out, errs io.Writer // run escapes control characters that are written to them
	log       io.Writer // where errs goes, unescaped, for lines in colour
	lookup    func(name string) (string, bool)
}

// verb is a command of the program.
type verb struct {
	name string
	args string // the arguments after the flags
	help string // one line
	more string // further help, "" for none
	// client tells that it is a client of the API.
	client bool
	// make declares the flags and returns the action, which runs once they are read.
	make func(flags *flag.FlagSet) action
}

// action runs a verb.
type action func(ctx context.Context, sh shell, args []string) error

// verbs are all verbs, in the order in which help lists them.
func verbs() []verb {
	return []verb{
		upVerb(), demoVerb(), apiVerb(), workerVerb(), schedulerVerb(),
		migrateVerb(), keyVerb(), doctorVerb(), statusVerb(), healthVerb(), benchVerb(), sandboxVerb(),
		modelsVerb(), priceVerb(),
		chatVerb(), importVerb(), dreamVerb(), tuneVerb(), versionVerb(),
	}
}

// run runs the program with the arguments and returns its exit code.
func run(ctx context.Context, sh shell, args []string) int {
	sh.log = sh.errs
	sh.out, sh.errs = &plainWriter{to: sh.out}, &plainWriter{to: sh.errs}
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		fmt.Fprint(sh.out, help())
		return exitOK
	}
	name := args[0]
	if name == "--version" || name == "-version" {
		name = "version"
	}
	all := verbs()
	at := slices.IndexFunc(all, func(v verb) bool { return v.name == name })
	if at < 0 {
		return noVerb(sh, all, name)
	}
	return conclude(sh, all[at], all[at].run(ctx, sh, args[1:]))
}

func noVerb(sh shell, all []verb, name string) int {
	var names []string
	for _, v := range all {
		names = append(names, v.name)
	}
	if advice := meant(name, names); advice != "" {
		fmt.Fprintf(sh.errs, "dreamlab: there is no verb %q%s (dreamlab help lists them)\n", name, advice)
		return exitUsage
	}
	fmt.Fprintf(sh.errs, "dreamlab: there is no verb %q\n\n%s", name, help())
	return exitUsage
}

func (v verb) run(ctx context.Context, sh shell, args []string) error {
	flags := flag.NewFlagSet(v.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors of flags are printed like all others
	do := v.make(flags)
	rest, err := parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(sh.out, v.usage(flags))
		return nil
	}
	if err != nil {
		return flagFault(flags, err)
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

// help lists the verbs.
func help() string {
	var out strings.Builder
	out.WriteString("Dream Lab answers chats by day and makes its model better by night.\n\n" +
		"usage: dreamlab VERB [flags] [arguments]\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&out, "  %-10s %s\n", v.name, v.help)
	}
	out.WriteString("\ndreamlab VERB -h shows the flags of a verb.\n\n" + reach)
	return out.String()
}

// reach describes how the verbs that are clients find the API.
const reach = `status, chat, import, dream and tune ask the API at DREAMLAB_URL with the key in
DREAMLAB_KEY. Without them they find the ` + "`dreamlab up`" + ` of the data directory
(DREAMLAB_DATA) by the address and the key that it keeps there; the key goes to no
other server.

Exit codes: 0 done, 1 failed, 2 wrong arguments or settings, 3 refused by a gate, 4 no
valid key, 5 the server cannot be reached, 124 the wait ran out, 130 interrupted.
`

// usage returns the help of a verb.
func (v verb) usage(flags *flag.FlagSet) string {
	var out strings.Builder
	fmt.Fprintf(&out, "usage: %s\n\n%s\n", strings.TrimSpace("dreamlab "+v.name+" [flags] "+v.args), v.help)
	if v.more != "" {
		out.WriteString("\n" + v.more + "\n")
	}
	flags.VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&out, "\n  --%s\n      %s", strings.TrimSpace(f.Name+" "+name), text)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" {
			fmt.Fprintf(&out, " (without it: %s)", f.DefValue)
		}
	})
	out.WriteString("\n")
	if v.client {
		out.WriteString("\n" + reach)
	}
	return out.String()
}

// settings are the flags that every verb with a configuration has.
type settings struct {
	file, addr, data, log string
}

func (s *settings) declare(flags *flag.FlagSet) {
	flags.StringVar(&s.file, "config", "", "the `FILE` to read instead of "+config.DefaultFile)
	flags.StringVar(&s.data, "data", "", "the `DIRECTORY` of the embedded parts, instead of DREAMLAB_DATA")
	flags.StringVar(&s.log, "log", "", "the `LEVEL` of the log, instead of DREAMLAB_LOG")
}

// declareAddr is for the verbs that serve the API, or are clients of it.
func (s *settings) declareAddr(flags *flag.FlagSet) {
	flags.StringVar(&s.addr, "addr", "", "`HOST:PORT` of the API, instead of DREAMLAB_ADDR")
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
