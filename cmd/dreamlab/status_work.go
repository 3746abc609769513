package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/status"
	"dreamlab/store"
)

// work is the state of the jobs of all tenants, and where it was read.
type work struct {
	Source string `json:"source"` // the database
	status.Work
	names tenants
}

func lookAtWork(ctx context.Context, s *store.Store, where string) (*work, error) {
	found, err := status.Look(ctx, s)
	if err != nil {
		return nil, err
	}
	names, err := tenantNames(ctx, s)
	if err != nil {
		return nil, err
	}
	return &work{where, *found, names}, nil
}

func (w *work) write(out io.Writer) error {
	fmt.Fprintf(out, "work of all tenants, by %s\n", w.Source)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	heading(table, len(w.Lanes), "  LANE\tSTATE\tJOBS\tOLDEST")
	for _, l := range w.Lanes {
		fmt.Fprintf(table, "  %s\t%s\t%d\t%s\n", l.Lane, l.State, l.Jobs, span(l.Oldest))
	}
	heading(table, len(w.Workers), "  WORKER\tLANE\tJOBS\tOLDEST\tLEASE")
	for _, h := range w.Workers {
		fmt.Fprintf(table, "  %s\t%s\t%d\t%s\t%s\n", h.Worker, h.Lane, h.Jobs, span(h.Oldest), span(h.Lease))
	}
	if w.Unseen != "" {
		fmt.Fprintf(table, "  (idle workers are not shown: %s)\n", w.Unseen)
	}
	heading(table, len(w.Tenants), "  TENANT\tLANE\tQUEUED\tRUNNING\tWAITING")
	for _, q := range w.Tenants {
		fmt.Fprintf(table, "  %s\t%s\t%d\t%d\t%d\n", w.names.of(q.Tenant), q.Lane, q.Queued, q.Held, q.Waits)
	}
	heading(table, len(w.Stuck), "  STUCK\tKIND\tSTATE\tFOR\t(no worker or scheduler runs that could put it right)")
	for _, j := range w.Stuck {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", j.ID, j.Kind, j.State, span(j.For))
	}
	if len(w.Lanes)+len(w.Workers)+len(w.Stuck) == 0 {
		fmt.Fprintln(table, "  no jobs are queued or running")
	}
	return table.Flush()
}

// heading prints a heading if there are rows.
func heading(out io.Writer, rows int, line string) {
	if rows > 0 {
		fmt.Fprintln(out, line)
	}
}

// span formats seconds in a readable unit.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d.Abs() < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
