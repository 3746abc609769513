package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/load"
)

// side measures one program once, in units a second.
type side func(ctx context.Context) (float64, error)

// contest is a load that two programs carry in turn.
type contest struct {
	name, rival  string
	unit         string
	target       float64 // of the ratio, 0 for none
	ours, theirs side
}

// result is what a contest came to: medians over its rounds.
type result struct {
	contest
	ratio, we, they float64
}

func contests(c *config.Config, p plan) []contest {
	part := min(1, float64(p.jobs)/load.DurableJobs)
	single, batch := ours(c, "durable", 0, part), ours(c, "durable", 1, part)
	all := []contest{
		{"single", "River, 64 workers", "jobs/s", 1, single, river(c, p, load.Single, 64)},
		{"batch", "River, 64 workers", "jobs/s", 1, batch, river(c, p, load.Batch, 64)},
		{"single-256", "River, 256 workers", "jobs/s", 0, single, river(c, p, load.Single, 256)},
		{"batch-256", "River, 256 workers", "jobs/s", 0, batch, river(c, p, load.Batch, 256)},
		{"asynq", "plain Asynq, nothing kept", "jobs/s", 0, single, plainAsynq(c, p)},
	}
	if p.portkey != "" {
		all = append(all, contest{"chat32", "Portkey's gateway, nothing kept", "chats/s", 1,
			ours(c, "chat32", 0, min(1, float64(p.jobs)/load.ClosedChats)), portkey(p)})
	}
	return slices.DeleteFunc(all, func(one contest) bool { return p.only != "" && p.only != one.name })
}

// ours runs a load of the product and picks one of its figures.
func ours(c *config.Config, name string, at int, part float64) side {
	return func(ctx context.Context) (float64, error) {
		figures, err := load.Run(ctx, c, load.Options{Only: name, Part: part})
		if err != nil {
			return 0, err
		}
		return figures[at].Value, nil
	}
}

// hold holds the contests, one after the other.
func hold(ctx context.Context, p plan, all []contest) ([]result, error) {
	var results []result
	for _, one := range all {
		r := result{contest: one}
		var ratios, we, they []float64
		for round := range p.rounds {
			a, b, err := r.round(ctx, round%2 == 1)
			if err != nil {
				return results, fmt.Errorf("contest %s: %w", one.name, err)
			}
			ratios, we, they = append(ratios, a/b), append(we, a), append(they, b)
			fmt.Fprintf(os.Stderr, "%s, round %d: %.2f (%.0f to %.0f %s)\n", one.name, round+1, a/b, a, b, one.unit)
		}
		r.ratio, r.we, r.they = median(ratios), median(we), median(they)
		results = append(results, r)
	}
	return results, nil
}

// round lets both sides run, the rival first where that is its turn.
func (c contest) round(ctx context.Context, rivalFirst bool) (a, b float64, err error) {
	if rivalFirst {
		if b, err = c.theirs(ctx); err != nil {
			return 0, 0, err
		}
		a, err = c.ours(ctx)
		return a, b, err
	}
	if a, err = c.ours(ctx); err != nil {
		return 0, 0, err
	}
	b, err = c.theirs(ctx)
	return a, b, err
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// write prints the results, the ratios first.
func write(out io.Writer, results []result) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RATIO\tTARGET\tLOAD\tDREAM LAB\tRIVAL\t")
	for _, r := range results {
		target, verdict := "", ""
		if r.target > 0 {
			target = fmt.Sprintf("≥ %.1f", r.target)
		}
		if r.ratio < r.target {
			verdict = "MISSED"
		}
		fmt.Fprintf(table, "%.2f\t%s\t%s\t%.0f %s\t%.0f %s\t%s %s\n",
			r.ratio, target, r.name, r.we, r.unit, r.they, r.unit, r.rival, verdict)
	}
	return table.Flush()
}
