package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// tuneVerb works with tunes.
type tuneVerb struct {
	Start  tuneStartVerb  `cmd:"" default:"1" help:"fine-tune on the kept examples, and promote what is better"`
	List   tuneListVerb   `cmd:"" help:"list tunes, the newest first"`
	Show   tuneShowVerb   `cmd:"" help:"show a tune: its stage, dataset, evaluation and decision"`
	Cancel tuneCancelVerb `cmd:"" help:"cancel a tune that runs"`
}

// tuneStartVerb starts a fine-tune.
type tuneStartVerb struct {
	asking
	waiting
	Alias       string  `placeholder:"ALIAS" help:"the ALIAS to tune for, assistant without it"`
	Base        string  `placeholder:"MODEL" help:"the MODEL to start from, the team's base without it"`
	MinExamples int     `placeholder:"NUMBER" help:"the NUMBER of new examples that are enough"`
	Budget      string  `placeholder:"USD" help:"the USD that it may cost, with a month of hosting"`
	DryRun      bool    `help:"only wait for an estimate of what it would cost at most"`
	ChatsPerDay int     `placeholder:"NUMBER" help:"the NUMBER of chats a day that hosting is priced at, not those of the last weeks"`
	Method      string  `enum:",sft,dpo,auto" default:"" placeholder:"METHOD" help:"learn from answers, pairs, or as fits"`
	Beta        float64 `placeholder:"NUMBER" help:"how near to its base dpo holds the model, as configured without it"`
	Model       string  `placeholder:"MODEL" help:"serve the tuned MODEL at another place: no training, the same exam"`
	Host        string  `placeholder:"VENDOR" help:"the VENDOR that is to serve it, the cheapest that can without it"`
	Plan        bool    `help:"only print where it could be trained and served, at what price, and what forbids the rest"`
}

// Help tells how a gate shows.
func (*tuneStartVerb) Help() string {
	return "With --wait it ends with 3 where a gate refuses to train or to promote."
}

// Run starts the tune and, where it is told to, waits for its end.
func (v *tuneStartVerb) Run(ctx context.Context, sh shell) error {
	v.DryRun = v.DryRun || v.Plan
	v.Wait = v.Wait || v.DryRun
	if err := v.check(); err != nil {
		return err
	}
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	t, err := c.Tune(ctx, client.TuneRequest{
		Alias: v.Alias, Base: v.Base, MinExamples: v.MinExamples, BudgetUSD: json.Number(v.Budget), DryRun: v.DryRun,
		ChatsPerDay: v.ChatsPerDay, Method: v.Method, Beta: v.Beta, Model: v.Model, Host: v.Host,
	})
	if err != nil {
		return err
	}
	if v.Wait {
		progress := sh.progress()
		t, err = await(ctx, v.waiting, t.ID, "/v1/tunes/", func(ctx context.Context) (client.Tune, error) {
			return c.WatchTune(ctx, t.ID, func(t client.Tune) {
				progress.Show(show.Step{Stage: t.Stage, CostUSD: t.CostUSD.String()})
			})
		})
		progress.Close()
		if err != nil {
			return err
		}
	}
	return v.show(ctx, sh, c, t)
}

func (v *tuneStartVerb) show(ctx context.Context, sh shell, c *client.Client, t client.Tune) error {
	switch {
	case v.asJSON():
		if err := printRaw(ctx, sh, c, "/v1/tunes/"+t.ID); err != nil {
			return err
		}
	case v.Plan && len(t.Plan) > 0 && t.Decision != nil:
		if err := printPlan(sh.out, t.Plan); err != nil {
			return err
		}
		fmt.Fprintln(sh.out, t.Decision.Reason)
	case t.Decision != nil && v.DryRun:
		fmt.Fprintln(sh.out, t.Decision.Reason)
	case t.Decision == nil:
		fmt.Fprintf(sh.out, "%s %s\n", t.ID, t.Status)
	default:
		fmt.Fprintf(sh.out, "%s %s: %s; %s; $%s\n", t.ID, t.Status, promotion(t.Decision.Promoted),
			t.Decision.Reason, t.CostUSD)
	}
	if !v.Wait {
		return nil
	}
	if err := unsuccessful(t.ID, t.Status, t.Error); err != nil {
		return err
	}
	if t.Decision != nil && !t.Decision.Promoted && !v.DryRun {
		return refusedError{fmt.Errorf("%s was not promoted: %s", t.ID, t.Decision.Reason)}
	}
	return nil
}

// printPlan prints the ways to a tuned model, a line each.
func printPlan(out io.Writer, plan []client.Offer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TRAINER\tPLACE\tBASE\tTRAINING\tA MONTH\tLATENCY\tNOTE")
	for _, o := range plan {
		training, month, latency, note := "$"+o.TrainingUSD.String(), "$"+o.HostingUSD.String(), o.Latency, o.Note
		switch {
		case o.Forbidden != "":
			training, month, latency, note = "-", "-", "-", o.Forbidden
		case o.Chosen && note != "":
			note = "chosen; " + note
		case o.Chosen:
			note = "chosen"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Trainer, o.Place, o.Base, training, month, latency, note)
	}
	return table.Flush()
}

func promotion(promoted bool) string {
	if promoted {
		return "promoted"
	}
	return "not promoted"
}
