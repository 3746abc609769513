package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"text/tabwriter"

	"dreamlab/cmd/internal/client"
	"dreamlab/store/money"
)

// report is the result of a demonstration.
type report struct {
	OK         bool              `json:"ok"` // every step succeeded
	Promoted   bool              `json:"promoted"`
	Reason     string            `json:"reason"`
	Poisoned   bool              `json:"poisoned"`
	Sandbox    bool              `json:"sandbox"`
	Imported   int64             `json:"imported"`
	Dream      client.Dream      `json:"dream"`
	Dataset    client.Dataset    `json:"dataset"`
	Tune       client.Tune       `json:"tune"`
	Evaluation client.Evaluation `json:"evaluation"`
	Before     client.ChatAnswer `json:"chat_before"`
	After      client.ChatAnswer `json:"chat_after"`
	CostUSD    json.Number       `json:"cost_usd"`
	SavedUSD   money.USD         `json:"saved_usd"` // against live calls for all of the dream
	Seconds    json.Number       `json:"seconds"`
}

// fill computes the fields that follow from the others.
func (r *report) fill() error {
	r.Promoted, r.Reason = r.Tune.Decision.Promoted, r.Tune.Decision.Reason
	r.Sandbox = r.After.Served.Sandbox
	live, err := money.Parse(r.Dream.LiveCostUSD.String())
	if err != nil {
		return err
	}
	spent, err := money.Parse(r.Dream.CostUSD.String())
	if err != nil {
		return err
	}
	r.SavedUSD = max(live-spent, 0)
	r.OK = r.verdict() == nil
	return nil
}

// verdict returns an error if a step went wrong.
func (r *report) verdict() error {
	served := r.After.Served.Provider + "/" + r.After.Served.Model
	switch {
	case !r.Sandbox:
		return errors.New("the answer does not say that it is the sandbox's")
	case r.Poisoned && r.Promoted:
		return errors.New("a model was promoted although its training was spoilt")
	case r.Poisoned && served != r.Evaluation.Incumbent:
		return fmt.Errorf("the gate refused, but %s answers", served)
	case r.Poisoned:
		return nil
	case !r.Promoted:
		return fmt.Errorf("the tuned model was not promoted: %s", r.Reason)
	case served != r.Evaluation.Candidate:
		return fmt.Errorf("a model was promoted, but %s answers", served)
	}
	return nil
}

func (r *report) write(out io.Writer) error {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	e := r.Evaluation
	line("experiences", "%d", r.Dream.Counts.Experiences)
	line("examples kept", "%d", r.Dream.Counts.Kept)
	line("examples rejected", "%s", reasons(r.Dream.Counts.Rejected))
	line("reflections", "%d", r.Dream.Counts.Reflections)
	line("dataset", "%d rows, sha256 %s", r.Dataset.Rows, r.Dataset.SHA256)
	line("before", "%s%s", e.Incumbent, sandboxed(r.Sandbox))
	line("", "preferred in %s (95 %% interval %s to %s)",
		percent(rest(e.WinRate)), percent(rest(e.Interval[1])), percent(rest(e.Interval[0])))
	line("after", "%s%s", e.Candidate, sandboxed(r.Sandbox))
	line("", "preferred in %s (95 %% interval %s to %s)",
		percent(e.WinRate), percent(e.Interval[0]), percent(e.Interval[1]))
	line("evaluation", "%d held-out conversations: %d wins, %d ties, %d losses; the gate asks for more than %s",
		e.Conversations, e.Wins, e.Ties, e.Losses, gate(e))
	line("promoted", "%s: %s", yes(r.Promoted), r.Reason)
	line("spent", "$%s at the sandbox's vendors, which is no real money", r.CostUSD)
	line("saved", "$%s against live calls", r.SavedUSD)
	line("time", "%s s", r.Seconds)
	return table.Flush()
}

func reasons(rejected map[string]int) string {
	total, parts := 0, []string{}
	for _, reason := range slices.Sorted(maps.Keys(rejected)) {
		total += rejected[reason]
		parts = append(parts, fmt.Sprintf("%s %d", reason, rejected[reason]))
	}
	return fmt.Sprintf("%d: %s", total, strings.Join(parts, ", "))
}

func yes(promoted bool) string {
	if promoted {
		return "yes"
	}
	return "no"
}

// percent formats a share that the API gives as an exact decimal.
func percent(share json.Number) string {
	value, ok := new(big.Rat).SetString(share.String())
	if !ok {
		return "unknown"
	}
	return value.Mul(value, big.NewRat(100, 1)).FloatString(1) + " %"
}

// rest returns the other model's share.
func rest(share json.Number) json.Number {
	value, ok := new(big.Rat).SetString(share.String())
	if !ok {
		return ""
	}
	return json.Number(value.Sub(big.NewRat(1, 1), value).FloatString(4))
}

// gate returns the value that the interval's lower end has to reach.
func gate(e client.Evaluation) string {
	margin, ok := new(big.Rat).SetString(e.Margin.String())
	if !ok {
		return "unknown"
	}
	return percent(json.Number(margin.Add(margin, big.NewRat(1, 2)).FloatString(4)))
}
