package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
	"dreamlab/store/job"
)

// work is the state of the jobs of all tenants.
type work struct {
	Source  string      `json:"source"` // the database that it was read from
	Lanes   []laneRow   `json:"lanes"`
	Workers []workerRow `json:"workers"`
	Tenants []job.Queue `json:"tenants"`
	Stuck   []stuckRow  `json:"stuck"`
	// Unseen is the reason why idle workers are not shown, "" where they are.
	Unseen string `json:"unseen,omitempty"`
	names  tenants
}

type laneRow struct {
	Lane   string    `json:"lane"`
	State  job.State `json:"state"`
	Jobs   int       `json:"jobs"`
	Oldest float64   `json:"oldest_seconds"`
}

type workerRow struct {
	Worker string  `json:"worker"`
	Lane   string  `json:"lane"`
	Jobs   int     `json:"jobs"`
	Oldest float64 `json:"oldest_seconds"`
	Lease  float64 `json:"lease_seconds"`
}

type stuckRow struct {
	ID    string    `json:"id"`
	Kind  string    `json:"kind"`
	State job.State `json:"state"`
	For   float64   `json:"seconds"`
}

func lookAtWork(ctx context.Context, s *store.Store, where string) (*work, error) {
	w := &work{Source: where, Lanes: []laneRow{}, Workers: []workerRow{}, Stuck: []stuckRow{}}
	counts, err := s.LaneCounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count the lanes: %w", err)
	}
	for _, c := range counts {
		w.Lanes = append(w.Lanes, laneRow{c.Lane, c.State, c.Jobs, c.Oldest.Seconds()})
	}
	holders, err := s.Holders(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the workers: %w", err)
	}
	for _, h := range holders {
		w.Workers = append(w.Workers, workerRow{h.Worker, h.Lane, h.Jobs, h.Oldest.Seconds(), h.Lease.Seconds()})
	}
	if w.Tenants, err = s.Queues(ctx); err != nil {
		return nil, fmt.Errorf("list the tenants: %w", err)
	}
	if w.names, err = tenantNames(ctx, s); err != nil {
		return nil, err
	}
	stuck, err := s.Stuck(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for stuck work: %w", err)
	}
	for _, j := range stuck {
		w.Stuck = append(w.Stuck, stuckRow{j.ID, j.Kind, j.State, j.For.Seconds()})
	}
	return w, nil
}

// addIdle adds the workers that serve a lane and hold no job.
func (w *work) addIdle(ctx context.Context, c *config.Config) {
	all, err := boot.FindServing(ctx, c)
	if err != nil {
		w.Unseen = err.Error()
		return
	}
	for _, s := range all {
		busy := slices.ContainsFunc(w.Workers, func(r workerRow) bool {
			return r.Lane == s.Lane && strings.HasPrefix(r.Worker+"/", s.Process+"/")
		})
		if !busy {
			w.Workers = append(w.Workers, workerRow{Worker: s.Process, Lane: s.Lane})
		}
	}
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
