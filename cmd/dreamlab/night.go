package main

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/cmd/internal/nights"
)

// nightsLoad is the load that measures what dreams are worth.
const nightsLoad = "nights"

const nightsHelp = `The load nights measures what dreams and tunes are worth, with the sandbox as vendor and in a
directory of its own: ten days of traffic, drawn from the --seed, each with a night in which Dream
Lab dreams and, when it has enough new rows and an exam can decide, tunes. After each night it
asks questions that nothing was learned from, and shows the token F1 of the answers against the
right ones, what a kept row cost, and whether a model was promoted.`

// The traffic of a day at --part 1.
const (
	nightsImported = 200
	nightsChats    = 40
	nightsUnseen   = 200
)

// nights runs the load and prints its table.
func (v *benchVerb) nights(ctx context.Context, sh shell) error {
	of := func(full int) int { return max(1, int(float64(full)*v.Part)) }
	all, err := nights.Run(ctx, nights.Options{
		Imported: of(nightsImported), Chats: of(nightsChats), Unseen: of(nightsUnseen), Seed: uint64(v.Seed), Log: sh.errs,
		Tell: func(n nights.Night) { fmt.Fprintf(sh.errs, "night %d is over: F1 %.3f\n", n.Night, n.F1) },
	})
	if v.asJSON() {
		return errors.Join(err, nights.WriteJSON(sh.out, all))
	}
	return errors.Join(err, nights.Write(sh.out, all))
}
