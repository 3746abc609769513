package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"dreamlab/cmd/internal/client"
)

// overview is what `status` shows.
type overview struct {
	Ready  client.Ready   `json:"ready"`
	Dreams []client.Dream `json:"dreams"`
	Tunes  []client.Tune  `json:"tunes"`
	Usage  client.Usage   `json:"usage"`
}

func statusVerb() verb {
	return verb{
		name: "status", help: "show how Dream Lab stands: its parts, dreams, tunes and spending",
		make: func(flags *flag.FlagSet) action {
			var a asking
			a.declare(flags)
			return func(ctx context.Context, sh shell, args []string) error {
				if err := nothing(args); err != nil {
					return err
				}
				c, err := a.open(sh)
				if err != nil {
					return err
				}
				defer c.Close()
				o, err := look(ctx, c)
				if err != nil {
					return err
				}
				if a.json {
					return json.NewEncoder(sh.out).Encode(o)
				}
				return o.write(sh.out)
			}
		},
	}
}

func look(ctx context.Context, c *client.Client) (o overview, err error) {
	if o.Ready, err = c.Ready(ctx); err != nil {
		return o, err
	}
	if o.Dreams, err = c.Dreams(ctx); err != nil {
		return o, err
	}
	if o.Tunes, err = c.Tunes(ctx); err != nil {
		return o, err
	}
	o.Usage, err = c.Usage(ctx, "purpose")
	return o, err
}

func (o overview) write(out io.Writer) error {
	fmt.Fprintf(out, "%s%s\n", o.Ready.Status, sandboxed(o.Ready.Sandbox))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(o.Ready.Dependencies)) {
		d := o.Ready.Dependencies[name]
		why := ""
		if d.Error != nil {
			why = *d.Error
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", name, d.State, why)
	}
	fmt.Fprintln(table, "dreams\t\t")
	for _, d := range o.Dreams {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", d.ID, d.Status, countsOf(d))
	}
	fmt.Fprintln(table, "tunes\t\t")
	for _, t := range o.Tunes {
		reason := t.Stage
		if t.Decision != nil {
			reason = t.Decision.Reason
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", t.ID, t.Status, reason)
	}
	fmt.Fprintln(table, "spent, USD\t\t")
	for _, s := range append(o.Usage.Data, o.Usage.Total) {
		fmt.Fprintf(table, "  %s\t%s\t%d calls\n", nameOf(s), s.Settled, s.Calls)
	}
	return table.Flush()
}

func nameOf(s client.Spend) string {
	if s.Group == "" {
		return "in all"
	}
	return s.Group
}
