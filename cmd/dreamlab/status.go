package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
)

// overview is the output of `status`: the work as the database has it, the rest as the API
// reports it.
type overview struct {
	Work   *work              `json:"work,omitempty"`
	Ready  client.Ready       `json:"ready"`
	Dreams []client.Dream     `json:"dreams"`
	Tunes  []client.Tune      `json:"tunes"`
	Clock  []client.ClockNote `json:"tune_clock"`
	Usage  client.Usage       `json:"usage"`
}

// statusVerb shows how everything stands.
type statusVerb struct {
	asking
	deadOptions
}

// Run shows the work, or the dead work where that is asked for.
func (o *statusVerb) Run(ctx context.Context, sh shell) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	c, err := o.loadAt(sh, o.address)
	if err != nil {
		return err
	}
	kept, where, err := boot.FindStore(ctx, c)
	if err != nil {
		return err
	}
	if kept != nil {
		defer func() { err = errors.Join(err, kept.Close()) }()
	}
	if !o.asked() {
		return o.show(ctx, sh, c, kept, where)
	}
	if kept == nil {
		return errors.New("look for dead work: there is no database here: set DATABASE_URL or DREAMLAB_DATA")
	}
	return o.run(ctx, sh, kept, o.asJSON())
}

// show prints what is known: the work is shown even if the API does not answer.
func (o *statusVerb) show(ctx context.Context, sh shell, c *config.Config, kept *store.Store, where string,
) error {
	var all overview
	var err error
	if kept != nil {
		if all.Work, err = lookAtWork(ctx, kept, where); err != nil {
			return err
		}
		all.Work.AddIdle(boot.FindServing(ctx, c))
	}
	told := o.ask(ctx, sh, &all)
	if o.asJSON() {
		return errors.Join(json.NewEncoder(sh.out).Encode(all), told)
	}
	if told == nil {
		told = all.write(sh.out)
	}
	if all.Work == nil {
		return told
	}
	return errors.Join(all.Work.write(sh.out), told)
}

func (o *statusVerb) ask(ctx context.Context, sh shell, all *overview) error {
	c, err := o.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	return all.look(ctx, c)
}

func (o *overview) look(ctx context.Context, c *client.Client) (err error) {
	if o.Ready, err = c.Ready(ctx); err != nil {
		return err
	}
	if o.Dreams, err = c.Dreams(ctx); err != nil {
		return err
	}
	if o.Tunes, err = c.Tunes(ctx); err != nil {
		return err
	}
	if o.Clock, err = client.TuneClock(ctx, c); err != nil {
		return err
	}
	o.Usage, err = c.Usage(ctx, "purpose")
	return err
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
	heading(table, len(o.Dreams), "dreams\t\t")
	for _, d := range o.Dreams {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", d.ID, d.Status, countsOf(d))
	}
	heading(table, len(o.Tunes), "tunes\t\t")
	for _, t := range o.Tunes {
		reason := t.Stage
		if t.Decision != nil {
			reason = t.Decision.Reason
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", t.ID, t.Status, reason)
	}
	heading(table, len(o.Clock), "clock of tunes\t\t")
	for _, n := range o.Clock {
		fmt.Fprintf(table, "  %s\t%s\t\n", n.Alias, n.Says)
	}
	fmt.Fprintln(table, "spent, USD\t\t")
	for _, s := range append(o.Usage.Data, o.Usage.Total) {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", nameOf(s), s.Settled, callsOf(s))
	}
	return table.Flush()
}

// callsOf describes the number of calls. Trainings and hosting have none.
func callsOf(s client.Spend) string {
	if s.Calls == 0 {
		return ""
	}
	return plural(s.Calls, "call")
}

func nameOf(s client.Spend) string {
	if s.Group == "" {
		return "in all"
	}
	return s.Group
}
