// Package load measures the speed of Dream Lab by the named loads of `dreamlab bench`, most of
// them with a target.
//
// It works on the configured database and queue, but in a schema of its own, on a queue that is
// not in use, and with a vendor of its own that answers at once and costs nothing. It compares
// with no other program: cmd/bench does.
package load

import (
	"context"
	"fmt"
	"slices"

	"dreamlab/cmd/internal/config"
)

// Load is one way to drive the program.
type Load struct {
	Name string
	Help string // one line
	run  func(ctx context.Context, r *rig) ([]Figure, error)
}

// Loads returns every load, in the order in which they are run.
func Loads() []Load {
	return []Load{
		{"durable", "no-op jobs from accept to end, inserted one by one and in batches", durable},
		{"accept", "jobs over HTTP from 64 clients", accept},
		{"pickup", "a lone job on an idle lane", pickup},
		{"chat", "chats through the queue, 200 a second", chat},
		{"chat32", "chats from 32 clients that never pause", chat32},
		{"streams", "1,000 streams at once", streams},
		{"backlog", "the next 100 jobs out of a long queue of 1,000 tenants", backlog},
	}
}

// Options are the options of a run.
type Options struct {
	// Only names the load to run. Defaults to all.
	Only string
	// Part is the part of the full number of jobs to run, from 0 to 1. Defaults to 1.
	Part float64
	// Tell is called with each load's figures. Defaults to nothing.
	Tell func([]Figure) error
}

// Run runs the loads on the configuration c, one after the other, and returns their figures.
func Run(ctx context.Context, c *config.Config, o Options) ([]Figure, error) {
	chosen := slices.DeleteFunc(Loads(), func(l Load) bool { return o.Only != "" && o.Only != l.Name })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("there is no load %q: use one of %v", o.Only, names())
	}
	if o.Part <= 0 || o.Part > 1 {
		o.Part = 1
	}
	var all []Figure
	for _, l := range chosen {
		found, err := one(ctx, c, o.Part, l)
		if err != nil {
			return all, fmt.Errorf("load %s: %w", l.Name, err)
		}
		all = append(all, found...)
		if o.Tell == nil {
			continue
		}
		if err := o.Tell(found); err != nil {
			return all, err
		}
	}
	return all, nil
}

func names() []string {
	var names []string
	for _, l := range Loads() {
		names = append(names, l.Name)
	}
	return names
}
