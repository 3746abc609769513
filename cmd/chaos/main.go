// Command chaos tests the promise of Dream Lab: no accepted job is lost, and none is paid for
// again unless its outcome was lost. It starts private servers (redis-server, PostgreSQL, the
// vendors' sandbox) and two of each process of the real binary, loads them with the jobs of
// several tenants, injects faults for a while, waits until all work has ended, and checks the
// history in the database and the vendors' own count of payments against the invariants. It
// prints the faults that were injected. If an invariant does not hold it prints the history of
// the job and exits with status 1.
//
//	go run ./cmd/chaos --seed 7 --length 2m
//
// The seed determines which faults come, in which order and with what pauses: each of them once
// before any comes again, two at a time, which takes about two minutes. Redis and PostgreSQL
// are away for a fifth of the length, and for a minute in runs of five minutes or more; a run
// of two minutes has the shorter form of each. After the faults two tenants flood a lane, so
// that shares can be measured, and abandoned trainings are followed to their end at the vendor.
//
// Tunes end at each vendor that serves tuned models. Where a machine of one's own trains, it is played by python3 and the
// trainer without a GPU in tasks/notebook/testdata; without python3 those tunes are left out.
//
// All servers are its own, on the loopback, and end with it. Do not run it against a system in
// use.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	seed   uint64
	length time.Duration
	rate   float64
	binary string
	keep   bool
}

const usualRate = 12

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "decides which faults come and when")
	flag.DurationVar(&o.length, "length", 2*time.Minute,
		"how long faults are injected; servers are away for a fifth of it, at most 65s")
	flag.Float64Var(&o.rate, "rate", usualRate, "requests a second")
	flag.StringVar(&o.binary, "binary", "", "a dreamlab built with -tags chaos; built from ./cmd/dreamlab without it")
	flag.BoolVar(&o.keep, "keep", false, "keep the directory with the logs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// errViolated means that an invariant does not hold; the report says which.
var errViolated = errors.New("an invariant does not hold: see above")

// run is one run, from empty servers to the verdict.
func run(ctx context.Context, o options) (err error) {
	lab, err := openLab(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.close(o.keep || err != nil)) }()
	w, err := lab.runStorm(ctx, o)
	if err != nil {
		return err
	}
	h, err := lab.readHistory(ctx)
	if err != nil {
		return err
	}
	r := report{options: o, faultCounts: w, load: lab.load.notes(), history: h}
	r.findings = check(h, r.load, o)
	r.write(os.Stdout)
	if r.broken() > 0 {
		return errViolated
	}
	return nil
}
