// Command chaos shows that Dream Lab keeps its promise: no accepted job is
// lost, and none is paid for again unless its outcome was lost. It starts
// private servers (redis-server, PostgreSQL, the vendors' sandbox) and two of
// each process of the real binary, loads them with the work of several tenants,
// injects faults for a while, lets everything come to rest, and holds the
// history in the database and the vendors' own count of payments against the
// invariants. It prints the faults that were survived; where an invariant does
// not hold it prints the history of the job and ends with status 1.
//
//	go run ./cmd/chaos --seed 7 --length 2m
//
// The seed decides which faults come, in which order and with what pauses: all
// of them before any comes again, two at a time, which takes about two minutes.
// Redis and PostgreSQL are away for a fifth of the length, and for a minute
// where it has five or more; a run of two minutes plays the shorter form of
// each. After the faults two tenants flood a lane, so that shares can be
// measured, and trainings that were given up are followed to their end at the
// vendor.
//
// It is for a machine on which nothing else depends on the result: all servers are
// its own, on the loopback, and end with it. It is not for a running system.
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
var errViolated = errors.New("the promise was broken: see above")

// run is one run, from empty servers to the verdict.
func run(ctx context.Context, o options) (err error) {
	lab, err := openLab(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.close(o.keep || err != nil)) }()
	w, err := lab.storm(ctx, o)
	if err != nil {
		return err
	}
	h, err := lab.readHistory(ctx)
	if err != nil {
		return err
	}
	r := report{options: o, weather: w, load: lab.load.notes(), history: h}
	r.findings = check(h, r.load, o)
	r.write(os.Stdout)
	if r.broken() > 0 {
		return errViolated
	}
	return nil
}
