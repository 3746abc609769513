package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
)

func doctorVerb() verb {
	return verb{
		name: "doctor", help: "show each setting and its source, and test each dependency",
		make: func(flags *flag.FlagSet) action {
			var s settings
			s.declare(flags)
			s.declareAddr(flags)
			asJSON := flags.Bool("json", false, "print one JSON object")
			return func(ctx context.Context, sh shell, args []string) error {
				if err := nothing(args); err != nil {
					return err
				}
				c, err := s.load(sh)
				if err != nil {
					return err
				}
				return examine(ctx, sh, c, *asJSON)
			}
		},
	}
}

// examination is what `doctor --json` prints.
type examination struct {
	Settings []config.Value `json:"settings"`
	Findings []boot.Finding `json:"findings"`
}

func examine(ctx context.Context, sh shell, c *config.Config, asJSON bool) error {
	values, err := c.Values()
	if err != nil {
		return err
	}
	found := examination{values, boot.Examine(ctx, c)}
	if asJSON {
		err = json.NewEncoder(sh.out).Encode(found)
	} else {
		err = found.write(sh.out)
	}
	if err != nil {
		return err
	}
	faults := 0
	for _, f := range found.Findings {
		if !f.OK {
			faults++
		}
	}
	if faults > 0 {
		return fmt.Errorf("%d of %d dependencies need mending, as told above", faults, len(found.Findings))
	}
	return nil
}

func (e examination) write(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM")
	for _, v := range e.Settings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", v.Key, v.Value, v.Origin)
	}
	fmt.Fprintln(table, "\t\t")
	fmt.Fprintln(table, "DEPENDENCY\tSTATE\tDETAIL")
	for _, f := range e.Findings {
		state := "ok"
		if !f.OK {
			state = "FAULT"
		}
		first, more, _ := strings.Cut(f.Detail, "\n")
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Name, state, first)
		for line := range strings.Lines(more) {
			fmt.Fprintf(table, "\t\t%s\n", strings.TrimSpace(line))
		}
		if f.Mend != "" {
			fmt.Fprintf(table, "\t\t→ %s\n", f.Mend)
		}
	}
	return table.Flush()
}
