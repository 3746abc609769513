package main

import (
	"time"

	"dreamlab/cmd/internal/cli/show"
)

// printing are the flags of the verbs that print one thing.
type printing struct {
	Output show.Form `short:"o" group:"Output" default:"table" enum:"table,json,jsonl" placeholder:"FORM" help:"the FORM of what is printed"`
	JSON   bool      `name:"json" group:"Output" help:"the same as -o json"`
}

// asJSON tells whether a program reads what is printed.
func (p *printing) asJSON() bool { return p.JSON || p.Output != show.Table }

// listing are the flags of the verbs that print rows.
type listing struct {
	Output show.Form `short:"o" group:"Output" default:"table" enum:"table,json,jsonl,csv" placeholder:"FORM" help:"the FORM of what is printed"`
	JSON   bool      `name:"json" group:"Output" help:"the same as -o json"`
}

// sink returns where rows go.
func (l *listing) sink(sh shell) show.Sink {
	form := l.Output
	if l.JSON {
		form = show.JSON
	}
	if sh.colour {
		return show.Sink{Out: sh.raw, Form: form, Colour: true}
	}
	return show.Sink{Out: sh.out, Form: form}
}

// progress shows how far work is that is waited for.
func (sh shell) progress() *show.Progress {
	return show.NewProgress(sh.log, sh.live, time.Now)
}
