package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"dreamlab/cmd/internal/client"
)

// dreamOptions are the flags of `dream`.
type dreamOptions struct {
	asking
	limit        int
	mode, budget string
	dry          bool
}

func dreamVerb() verb {
	return verb{
		name: "dream", help: "go back over new conversations now",
		make: func(flags *flag.FlagSet) action {
			var o dreamOptions
			o.declareWait(flags)
			flags.IntVar(&o.limit, "limit", 0, "the `NUMBER` of experiences at most")
			flags.StringVar(&o.mode, "mode", "", "how the vendors are asked, a `MODE`: auto, live or batch")
			flags.StringVar(&o.budget, "budget", "", "the `USD` that it may cost")
			flags.BoolVar(&o.dry, "dry-run", false, "only say what it would do and cost")
			return o.run
		},
	}
}

func (o *dreamOptions) run(ctx context.Context, sh shell, args []string) error {
	if err := nothing(args); err != nil {
		return err
	}
	c, err := o.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	d, err := c.Dream(ctx, client.DreamRequest{
		Limit: o.limit, Mode: o.mode, BudgetUSD: json.Number(o.budget), DryRun: o.dry,
	})
	if err != nil {
		return err
	}
	if o.wait {
		show := stages(sh, func(d client.Dream) string { return d.Stage })
		if d, err = c.WatchDream(ctx, d.ID, show); err != nil {
			return err
		}
	}
	return o.show(ctx, sh, c, d)
}

func (o *dreamOptions) show(ctx context.Context, sh shell, c *client.Client, d client.Dream) error {
	if o.json {
		if err := printRaw(ctx, sh, c, "/v1/dreams/"+d.ID); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(sh.out, "%s %s: %s\n", d.ID, d.Status, countsOf(d))
	}
	if !o.wait {
		return nil
	}
	return unsuccessful(d.ID, d.Status, d.Error)
}

// countsOf says what a dream came to.
func countsOf(d client.Dream) string {
	rejected := 0
	for _, n := range d.Counts.Rejected {
		rejected += n
	}
	return fmt.Sprintf("%d experiences, %d examples kept, %d not, %d reflections, $%s",
		d.Counts.Experiences, d.Counts.Kept, rejected, d.Counts.Reflections, d.CostUSD)
}

// stages tells of each stage once.
func stages[T any](sh shell, stage func(T) string) func(T) {
	last := ""
	return func(seen T) {
		if now := stage(seen); now != last && now != "" {
			last = now
			fmt.Fprintf(sh.errs, "… %s\n", now)
		}
	}
}
