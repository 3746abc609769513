package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"dreamlab/cmd/internal/nights"
)

// nightsLoad is the load that measures what dreams are worth.
const nightsLoad = "nights"

const nightsHelp = `The load nights measures what dreams and tunes are worth, with the sandbox as vendor and in a
directory of its own: ten days of traffic, drawn from the --seed, each with a night in which Dream
Lab dreams and, when it has enough new rows and an exam can decide, tunes. After each night it
asks questions that nothing was learned from, and shows the token F1 of the answers against the
right ones, what a kept row cost, and whether a model was promoted.

The load junk dreams of the conversations of a FILE, one a line in the form of an import, in the
same surroundings, and shows how many answers were kept of each kind, and why the others were not.
The kind of a conversation is "kind" in its metadata. For this load --data names the FILE.`

// junkLoad is the load that shows what a dream keeps of a file.
const junkLoad = "junk"

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

// sift runs the load junk and prints its table.
func (v *benchVerb) sift(ctx context.Context, sh shell) (err error) {
	if v.Data == "" {
		return misuse("--data is missing: name the file of conversations, or - for the standard input")
	}
	var all []nights.Sifted
	err = reading(sh, v.Data, func(file io.Reader) error {
		all, err = nights.Sift(ctx, file, sh.errs)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", v.Data, err)
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(map[string]any{"kinds": all})
	}
	return nights.WriteSifted(sh.out, all)
}
