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

The load month runs the calendar month that begins next, on a clock that it moves by itself: 200
chats and 40 conversations of the staff a day, a dream each night in batches, two tunes, and what
they made served on Saturdays from 18:00 to 20:30, the base answering otherwise. It prints the
month by the books beside the lines of the plan, and what batches, the cache, slower tiers and the
ladder saved. What storage and Dream Lab's own machine cost is in no book: it counts
as the plan has it.

The load junk dreams of the conversations of a FILE, one a line in the form of an import, in the
same surroundings, and shows how many answers were kept of each kind, and why the others were not.
The kind of a conversation is "kind" in its metadata. For this load --data names the FILE.`

// monthLoad is the load that holds a month against the plan.
const monthLoad = "month"

// junkLoad is the load that shows what a dream keeps of a file.
const junkLoad = "junk"

// The traffic of a day at --part 1.
const (
	nightsImported = 200
	nightsChats    = 40
	nightsUnseen   = 200
	monthImported  = 40
	monthChats     = 200
)

// of is the part of a full number that was chosen.
func (v *benchVerb) of(full int) int { return max(1, int(float64(full)*v.Part)) }

// nights runs the load and prints its table.
func (v *benchVerb) nights(ctx context.Context, sh shell) error {
	all, err := nights.Run(ctx, nights.Options{
		Imported: v.of(nightsImported), Chats: v.of(nightsChats), Unseen: v.of(nightsUnseen), Seed: uint64(v.Seed), Log: sh.errs,
		Tell: func(n nights.Night) { fmt.Fprintf(sh.errs, "night %d is over: F1 %.3f\n", n.Night, n.F1) },
	})
	if v.asJSON() {
		return errors.Join(err, nights.WriteJSON(sh.out, all))
	}
	return errors.Join(err, nights.Write(sh.out, all))
}

// month runs the load and prints its bill.
func (v *benchVerb) month(ctx context.Context, sh shell) error {
	bill, err := nights.RunMonth(ctx, nights.MonthOptions{
		Imported: v.of(monthImported), Chats: v.of(monthChats), Seed: uint64(v.Seed), Log: sh.errs,
		Tell: func(day int) { fmt.Fprintf(sh.errs, "day %d is over\n", day) },
	})
	if err != nil {
		return err
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(bill)
	}
	return bill.Write(sh.out)
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
