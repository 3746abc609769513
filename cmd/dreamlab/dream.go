package main

import (
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// dreamVerb works with dreams.
type dreamVerb struct {
	Start  dreamStartVerb  `cmd:"" default:"1" help:"go back over new conversations now"`
	List   dreamListVerb   `cmd:"" help:"list dreams, the newest first"`
	Show   dreamShowVerb   `cmd:"" help:"show a dream: what it went over, kept and refused, and its cost"`
	Cancel dreamCancelVerb `cmd:"" help:"cancel a dream that runs"`
	Undo   dreamUndoVerb   `cmd:"" help:"withdraw what a dream learned"`
}

// dreamStartVerb starts a dream.
type dreamStartVerb struct {
	asking
	waiting
	Limit  int    `placeholder:"NUMBER" help:"the NUMBER of experiences at most"`
	Mode   string `placeholder:"MODE" help:"how the vendors are asked, a MODE: auto, live or batch"`
	Budget string `placeholder:"USD" help:"the USD that it may cost"`
	DryRun bool   `help:"only wait for an estimate of what it would take and cost at most"`
}

// Run starts the dream and, where it is told to, waits for its end.
func (v *dreamStartVerb) Run(ctx context.Context, sh shell) error {
	v.Wait = v.Wait || v.DryRun
	if err := v.check(); err != nil {
		return err
	}
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	d, err := c.Dream(ctx, client.DreamRequest{
		Limit: v.Limit, Mode: v.Mode, BudgetUSD: json.Number(v.Budget), DryRun: v.DryRun,
	})
	if err != nil {
		return err
	}
	if v.Wait {
		progress := sh.progress()
		d, err = await(ctx, v.waiting, d.ID, "/v1/dreams/", func(ctx context.Context) (client.Dream, error) {
			return c.WatchDream(ctx, d.ID, func(d client.Dream) { progress.Show(stepOf(d)) })
		})
		progress.Close()
		if err != nil {
			return err
		}
	}
	return v.show(ctx, sh, c, d)
}

func (v *dreamStartVerb) show(ctx context.Context, sh shell, c *client.Client, d client.Dream) error {
	switch estimate := d.Result.DryRun; {
	case v.asJSON():
		if err := printRaw(ctx, sh, c, "/v1/dreams/"+d.ID); err != nil {
			return err
		}
	case estimate != nil:
		fmt.Fprintln(sh.out, estimated(*estimate))
	default:
		fmt.Fprintf(sh.out, "%s %s: %s\n", d.ID, d.Status, countsOf(d))
	}
	if !v.Wait {
		return nil
	}
	return unsuccessful(d.ID, d.Status, d.Error)
}

// countsOf describes the results of a dream.
func countsOf(d client.Dream) string {
	rejected := 0
	for _, n := range d.Counts.Rejected {
		rejected += n
	}
	ahead := ""
	if d.Counts.Anticipated > 0 {
		ahead = plural(int64(d.Counts.Anticipated), "answer") + " ahead, "
	}
	return fmt.Sprintf("%s, %s kept, %d not, %s, %s$%s", plural(int64(d.Counts.Experiences), "experience"),
		plural(int64(d.Counts.Kept), "example"), rejected, plural(int64(d.Counts.Reflections), "reflection"), ahead, d.CostUSD)
}

// estimated describes the estimate of a dream.
func estimated(e client.DreamEstimate) string {
	return fmt.Sprintf("a dream would take %s, of which %d are held out and %d can not be learned from; "+
		"it would cost about $%s, and at most $%s for at most %s, where all answers have their greatest length; "+
		"conversations that are made up: %s",
		plural(int64(e.Experiences), "experience"), e.HeldOut, e.Screened, e.ExpectedUSD, e.CostUSD,
		plural(int64(e.Calls), "call"), e.Moved.Why)
}

// plural formats a number and its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// stepOf tells how far a dream is.
func stepOf(d client.Dream) show.Step {
	return show.Step{
		Stage: d.Stage, Done: d.Counts.Replayed, Total: d.Counts.Experiences, Noun: "experiences", CostUSD: d.CostUSD.String(),
	}
}
