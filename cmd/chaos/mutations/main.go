// Command mutations breaks the program on purpose, one promise at a time, and checks that a
// test or a run of chaos fails. Each mutation is a small change of one file, made in a copy of
// the tree in a temporary folder, with the tests that must fail.
//
//	go run ./cmd/chaos/mutations                 # all that tests catch: about ten minutes
//	go run ./cmd/chaos/mutations --only 'lease'  # those whose name matches
//	go run ./cmd/chaos/mutations --chaos         # and those that chaos alone can see
//
// It ends with status 1 when a mutation survives, when its tests fail without it,
// or when it does not fit the source any more.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"text/tabwriter"
)

// options are the flags.
type options struct {
	only  *regexp.Regexp
	chaos bool
	list  bool
}

func main() {
	var o options
	only := flag.String("only", "", "make the mutations whose name matches this regular expression")
	flag.BoolVar(&o.chaos, "chaos", false, "make those too that a run of chaos has to notice, four minutes each")
	flag.BoolVar(&o.list, "list", false, "list the mutations and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if o.only, err = regexp.Compile(*only); err == nil {
		err = run(ctx, o, os.Stdout)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

var errSurvived = errors.New("no test failed: write one that does")

// run makes the chosen mutations, and writes the result of each.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	chosen := o.choose(mutations())
	if o.list {
		return list(out, chosen)
	}
	tree, err := copyTree(".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.remove()) }()
	if err := tree.healthy(ctx, chosen); err != nil {
		return err
	}
	var faults []error
	for _, m := range chosen {
		catch, err := tree.try(ctx, m)
		switch {
		case err != nil:
			catch = "could not be made"
			faults = append(faults, fmt.Errorf("%s: %w", m.name, err))
		case catch == "":
			faults = append(faults, fmt.Errorf("%s: %w", m.name, errSurvived))
		}
		fmt.Fprintf(out, "%-52s %s\n", m.name, cmp.Or(catch, "SURVIVED"))
	}
	return errors.Join(faults...)
}

func (o options) choose(all []mutation) []mutation {
	var chosen []mutation
	for _, m := range all {
		if o.only.MatchString(m.name) && (o.chaos || m.seed == 0) {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

func list(out io.Writer, all []mutation) error {
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, m := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\n", m.name, m.file, m.by())
	}
	return table.Flush()
}
