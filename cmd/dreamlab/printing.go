package main

import (
	"context"
	"errors"
	"time"

	"dreamlab/cmd/internal/cli/show"
)

// structured are the flags of all verbs that can print JSON.
type structured struct {
	JSON bool       `group:"Output" help:"the same as -o json"`
	JQ   show.Query `group:"Output" placeholder:"EXPRESSION" help:"print what the jq EXPRESSION makes of the JSON"`
}

func (s *structured) expression() show.Query { return s.JQ }

// printing are the flags of the verbs that print one thing.
type printing struct {
	Output show.Form `short:"o" group:"Output" default:"table" enum:"table,json,jsonl" placeholder:"FORM" help:"the FORM to print"`
	structured
}

// asJSON tells whether a program reads what is printed.
func (p *printing) asJSON() bool { return p.JSON || p.JQ.Given() || p.Output != show.Table }

// listing are the flags of the verbs that print rows.
type listing struct {
	Output show.Form `short:"o" group:"Output" default:"table" enum:"table,json,jsonl,csv" placeholder:"FORM" help:"the FORM to print"`
	structured
}

// Validate refuses a form that --jq cannot read.
func (l *listing) Validate() error {
	if l.JQ.Given() && l.Output == show.CSV {
		return errors.New("--jq takes JSON: leave out -o csv")
	}
	return nil
}

// sink returns where rows go. A jq expression is asked of each row where these are lines, else of the whole.
func (l *listing) sink(sh shell) show.Sink {
	form := l.Output
	if l.JSON || l.JQ.Given() && form == show.Table {
		form = show.JSON
	}
	if sh.colour {
		return show.Sink{Out: sh.raw, Form: form, Colour: true}
	}
	return show.Sink{Out: sh.out, Form: form}
}

// perform runs a verb, and its output through the jq expression where it has one.
func perform(ctx context.Context, sh shell, v verb) error {
	asked, can := v.(interface{ expression() show.Query })
	if !can || !asked.expression().Given() {
		return v.Run(ctx, sh)
	}
	filter := asked.expression().Filter(ctx, sh.out)
	sh.out, sh.colour = filter, false
	err := v.Run(ctx, sh)
	if wrong := filter.Close(); !errors.Is(err, wrong) {
		err = errors.Join(err, wrong)
	}
	return err
}

// progress shows how far work is that is waited for.
func (sh shell) progress() *show.Progress {
	return show.NewProgress(sh.log, sh.live, time.Now)
}
