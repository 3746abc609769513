package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report is the result of a run.
type report struct {
	options     options
	faultCounts *faultCounts
	load        loadNotes
	history     *history
	findings    []finding
}

func (r report) broken() int {
	n := 0
	for _, f := range r.findings {
		n += len(f.broken)
	}
	return n
}

// maxShown bounds the number of violations whose job is printed in full.
const maxShown = 5

func (r report) write(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(table, "seed %d: faults for %s on two of each process, at rest %s after the last of them\n",
		r.options.seed, r.options.length, r.faultCounts.rested.Round(time.Second))
	r.writeFaults(table)
	section(table, "client", r.load.counts)
	section(table, "jobs", r.jobs())
	section(table, "attempts", r.attempts())
	section(table, "entries", r.entries())
	section(table, "tunes", r.tunes())
	r.writeLosses(table)
	fmt.Fprintf(table, "\ninvariant\tcases\tbroken\t\n")
	for _, f := range r.findings {
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", f.name, f.looked, len(f.broken), f.holds)
	}
	if err := table.Flush(); err != nil {
		return // the writer refuses the output
	}
	fmt.Fprintln(out)
	for _, f := range r.findings {
		for _, text := range f.said {
			fmt.Fprintf(out, "%s: %s\n", f.name, text)
		}
	}
	for _, f := range r.findings {
		r.writeBroken(out, f.broken)
	}
}

// writeFaults lists all faults, including those that did not come up in a short run.
func (r report) writeFaults(out io.Writer) {
	fmt.Fprintf(out, "\ninjected fault\ttimes\t\n")
	for _, f := range faults(r.options.length) {
		note := ""
		if n := r.faultCounts.missed.get(f.name); n > 0 {
			note = fmt.Sprintf("(%d more found no work to be played on)", n)
		}
		fmt.Fprintf(out, "%s\t%d\t%s\n", f.name, r.faultCounts.played.get(f.name), note)
	}
}

func (r report) writeLosses(out io.Writer) {
	fmt.Fprintf(out, "\nanswer lost, or not kept\tcalls\tasked again\n")
	for _, l := range r.history.losses() {
		fmt.Fprintf(out, "%s\t%d\t%d\n", l.cause, l.tries, l.repaid)
	}
}

func (r report) writeBroken(out io.Writer, all []violation) {
	for i, v := range all {
		fmt.Fprintf(out, "\n%s broken by %s: %s\n", v.invariant, v.job, v.text)
		if i >= maxShown || v.job == "" {
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
			name := a.Outcome
			if a.Code != "" {
				name += " (" + a.Code + ")"
			}
			t.add(name)
		}
	}
	return t
}

// entries counts the entries by how they ended.
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

// tunes counts the tunes by their base and by how they ended.
func (r report) tunes() *tally {
	t := newTally()
	for _, tune := range r.history.tunes {
		t.add(fmt.Sprintf("%s %s: %.80s", tune.Base, tune.Decision, tune.Reason))
	}
	return t
}
