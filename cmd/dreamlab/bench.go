package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/cmd/internal/load"
)

// benchPatience bounds all loads together.
const benchPatience = 30 * time.Minute

// benchVerb drives the database and the queue.
type benchVerb struct {
	settings
	printing
	Load string  `placeholder:"LOAD" help:"the one LOAD to run; all but day, nights, month and junk without it"`
	Part float64 `default:"1" placeholder:"SHARE" help:"the SHARE of the full number of jobs, up to 1"`
	Seed int     `default:"1" placeholder:"NUMBER" help:"the NUMBER from which the traffic of nights and month is drawn"`
}

// Help names the loads and tells what a day assumes.
func (*benchVerb) Help() string {
	return "The loads are\n" + loadNames() + ".\n\n" + dayHelp + "\n\n" + nightsHelp
}

func loadNames() string {
	names := ""
	for _, l := range load.Loads() {
		names += l.Name + ", "
	}
	return names + dayLoad + ", " + nightsLoad + ", " + monthLoad + " and " + junkLoad + "; the last four run by their names alone"
}

// Validate refuses shares that are none.
func (v *benchVerb) Validate() error {
	if !(v.Part > 0 && v.Part <= 1) { // false for NaN, too
		return errors.New("--part is more than 0 and at most 1")
	}
	return nil
}

// Run runs the loads, one after the other.
func (v *benchVerb) Run(ctx context.Context, sh shell) error {
	if v.Load == dayLoad {
		return priceDay(sh, v.settings, v.asJSON())
	}
	ctx, cancel := context.WithTimeout(ctx, benchPatience)
	defer cancel()
	switch v.Load {
	case nightsLoad:
		return v.nights(ctx, sh)
	case monthLoad:
		return v.month(ctx, sh)
	case junkLoad:
		return v.sift(ctx, sh)
	}
	c, err := v.load(sh)
	if err != nil {
		return err
	}
	figures, err := load.Run(ctx, c, load.Options{Only: v.Load, Part: v.Part, Tell: func(found []load.Figure) error {
		fmt.Fprintf(sh.errs, "%s is done\n", found[0].Load)
		return nil
	}})
	if v.asJSON() {
		return errors.Join(err, json.NewEncoder(sh.out).Encode(benchmark{figures}))
	}
	return errors.Join(err, load.Write(sh.out, figures))
}

// benchmark is what `bench --json` prints.
type benchmark struct {
	Figures []load.Figure `json:"figures"`
}
