package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report is what a run has to show.
type report struct {
	options    options
	faults     *tally
	rested     time.Duration
	load       loadNotes
	history    *history
	violations []violation
}

// mostShown bounds the violations that are told in full.
const mostShown = 5

func (r report) write(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(table, "seed %d, %s of faults, at rest %s after the last client had its answer\n",
		r.options.seed, r.options.length, r.rested.Round(time.Second))
	section(table, "fault", r.faults)
	section(table, "client", r.load.counts)
	section(table, "jobs", r.jobs())
	section(table, "attempts", r.attempts())
	section(table, "entries", r.entries())
	fmt.Fprintf(table, "\ninvariant\tbroken\t\n")
	for _, i := range invariants() {
		broken := 0
		for _, v := range r.violations {
			if v.invariant == i.name {
				broken++
			}
		}
		fmt.Fprintf(table, "%s\t%d\t%s\n", i.name, broken, i.holds)
	}
	if err := table.Flush(); err != nil {
		return // nobody reads it
	}
	for i, v := range r.violations {
		fmt.Fprintf(out, "\n%s broken by %s: %s\n", v.invariant, v.job, v.text)
		if i >= mostShown || v.job == "" {
			continue
		}
		for _, line := range r.history.tell(v.job) {
			fmt.Fprintln(out, "  "+line)
		}
	}
}

func section(out io.Writer, title string, counts *tally) {
	fmt.Fprintf(out, "\n%s\ttimes\n", title)
	for _, name := range counts.names() {
		fmt.Fprintf(out, "%s\t%d\n", name, counts.get(name))
	}
}

func (r report) jobs() *tally {
	t := newTally()
	for _, job := range r.history.jobs {
		t.add(job.Kind + " " + job.State)
	}
	return t
}

func (r report) attempts() *tally {
	t := newTally()
	for _, attempts := range r.history.attempts {
		for _, a := range attempts {
			t.add(a.Outcome)
		}
	}
	return t
}

// entries counts the tries at vendors by how they ended; each unknown one may
// have been paid for nothing.
func (r report) entries() *tally {
	t := newTally()
	for _, entries := range r.history.entries {
		for _, e := range entries {
			name := e.State
			if e.Cause != "" {
				name += " (" + e.Cause + ")"
			}
			t.add(name)
		}
	}
	return t
}
