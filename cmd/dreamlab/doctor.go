package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/status"
)

// doctorVerb tests what Dream Lab depends on.
type doctorVerb struct {
	settings
	address
	printing
}

// Run prints the settings and the findings, and fails where one needs mending.
func (v *doctorVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.loadAt(sh, v.address)
	if err != nil {
		return err
	}
	found, err := boot.Diagnose(ctx, c)
	if err != nil {
		return err
	}
	if v.asJSON() {
		err = json.NewEncoder(sh.out).Encode(found)
	} else {
		err = writeExamination(sh.out, found)
	}
	if err != nil {
		return err
	}
	if faults := found.Faults(); faults > 0 {
		return fmt.Errorf("%d of %d dependencies need mending, as told above", faults, len(found.Findings))
	}
	return nil
}

func writeExamination(out io.Writer, e *status.Examination) error {
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
