package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"time"

	"dreamlab/cmd/internal/load"
)

// benchPatience bounds all loads together.
const benchPatience = 30 * time.Minute

func benchVerb() verb {
	return verb{
		name: "bench", help: "drive the configured database and queue hard and show how fast they are",
		more: dayHelp,
		make: func(flags *flag.FlagSet) action {
			var s settings
			var o load.Options
			s.declare(flags)
			flags.StringVar(&o.Only, "load", "", "the one `LOAD` to run: "+loadNames())
			flags.Float64Var(&o.Part, "part", 1, "the `SHARE` of the full number of jobs, up to 1")
			flags.Lookup("data").Usage += "; for the load day, which has none, the FILE of conversations, or the sample without it"
			asJSON := flags.Bool("json", false, "print one JSON object")
			return func(ctx context.Context, sh shell, args []string) error {
				if err := nothing(args); err != nil {
					return err
				}
				if !(o.Part > 0 && o.Part <= 1) { // false for NaN, too
					return misuse("--part is more than 0 and at most 1")
				}
				if o.Only == dayLoad {
					return priceDay(sh, s, *asJSON)
				}
				return bench(ctx, sh, s, o, *asJSON)
			}
		},
	}
}

func loadNames() string {
	names := ""
	for _, l := range load.Loads() {
		names += l.Name + ", "
	}
	return names + "or " + dayLoad + ", which runs by this name alone"
}

// benchmark is what `bench --json` prints.
type benchmark struct {
	Figures []load.Figure `json:"figures"`
}

func bench(ctx context.Context, sh shell, s settings, o load.Options, asJSON bool) error {
	ctx, cancel := context.WithTimeout(ctx, benchPatience)
	defer cancel()
	c, err := s.load(sh)
	if err != nil {
		return err
	}
	o.Tell = func(found []load.Figure) error {
		fmt.Fprintf(sh.errs, "%s is done\n", found[0].Load)
		return nil
	}
	figures, err := load.Run(ctx, c, o)
	if asJSON {
		return errors.Join(err, json.NewEncoder(sh.out).Encode(benchmark{figures}))
	}
	return errors.Join(err, load.Write(sh.out, figures))
}
