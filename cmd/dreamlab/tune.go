package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"dreamlab/cmd/internal/client"
)

// tuneOptions are the flags of `tune`.
type tuneOptions struct {
	asking
	ask    client.TuneRequest
	budget string
}

func tuneVerb() verb {
	return verb{
		name: "tune", client: true, help: "fine-tune on the kept examples, and promote what is better",
		more: "With --wait it ends with 3 where a gate refuses to train or to promote.",
		make: func(flags *flag.FlagSet) action {
			var o tuneOptions
			o.declareWait(flags)
			flags.StringVar(&o.ask.Alias, "alias", "", "the `ALIAS` to tune for, assistant without it")
			flags.StringVar(&o.ask.Base, "base", "", "the `MODEL` to start from, the team's base without it")
			flags.IntVar(&o.ask.MinExamples, "min-examples", 0, "the `NUMBER` of new examples that are enough")
			flags.StringVar(&o.budget, "budget", "", "the `USD` that it may cost, with a month of hosting")
			flags.BoolVar(&o.ask.DryRun, "dry-run", false, "only wait for an estimate of what it would cost at most")
			return o.run
		},
	}
}

func (o *tuneOptions) run(ctx context.Context, sh shell, args []string) error {
	if err := nothing(args); err != nil {
		return err
	}
	o.wait = o.wait || o.ask.DryRun
	if err := o.checkWait(); err != nil {
		return err
	}
	c, err := o.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	o.ask.BudgetUSD = json.Number(o.budget)
	t, err := c.Tune(ctx, o.ask)
	if err != nil {
		return err
	}
	if o.wait {
		show := stages(sh, func(t client.Tune) string { return t.Stage })
		t, err = await(ctx, &o.asking, t.ID, "/v1/tunes/", func(ctx context.Context) (client.Tune, error) {
			return c.WatchTune(ctx, t.ID, show)
		})
		if err != nil {
			return err
		}
	}
	return o.show(ctx, sh, c, t)
}

func (o *tuneOptions) show(ctx context.Context, sh shell, c *client.Client, t client.Tune) error {
	switch {
	case o.json:
		if err := printRaw(ctx, sh, c, "/v1/tunes/"+t.ID); err != nil {
			return err
		}
	case t.Decision != nil && o.ask.DryRun:
		fmt.Fprintln(sh.out, t.Decision.Reason)
	case t.Decision == nil:
		fmt.Fprintf(sh.out, "%s %s\n", t.ID, t.Status)
	default:
		fmt.Fprintf(sh.out, "%s %s: %s; %s; $%s\n", t.ID, t.Status, promotion(t.Decision.Promoted),
			t.Decision.Reason, t.CostUSD)
	}
	if !o.wait {
		return nil
	}
	if err := unsuccessful(t.ID, t.Status, t.Error); err != nil {
		return err
	}
	if t.Decision != nil && !t.Decision.Promoted && !o.ask.DryRun {
		return refusedError{fmt.Errorf("%s was not promoted: %s", t.ID, t.Decision.Reason)}
	}
	return nil
}

func promotion(promoted bool) string {
	if promoted {
		return "promoted"
	}
	return "not promoted"
}
