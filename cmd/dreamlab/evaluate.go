package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/client"
)

// evaluateVerb repeats an evaluation.
type evaluateVerb struct {
	asking
	ID      string        `arg:"" name:"id" help:"the evaluation: evl_…"`
	Budget  string        `placeholder:"USD" help:"the USD that it may cost"`
	Timeout time.Duration `placeholder:"DURATION" help:"how long to wait at most, a DURATION"`
}

// Help tells what is repeated.
func (*evaluateVerb) Help() string {
	return `The answers of the evaluation are judged again: the same papers, the same judge, the same
orders. The models are not asked again: one that was refused is not served any more. The
repetition is kept as an evaluation of its own, which decides nothing.`
}

// repetition is what `evaluate --json` prints.
type repetition struct {
	Stored   client.Evaluation `json:"stored"`
	Repeated client.Evaluation `json:"repeated"`
	Same     bool              `json:"same"` // both decide alike
	CostUSD  json.Number       `json:"cost_usd"`
}

// Run repeats the evaluation, waits for its end and shows both.
func (v *evaluateVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := v.repeat(ctx, c)
	if err != nil {
		return err
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(r)
	}
	return r.write(sh.out)
}

func (v *evaluateVerb) repeat(ctx context.Context, c *client.Client) (r repetition, err error) {
	if r.Stored, err = c.Evaluation(ctx, v.ID); err != nil {
		return r, err
	}
	j, err := c.RepeatEvaluation(ctx, v.ID, client.RepeatRequest{BudgetUSD: json.Number(v.Budget)})
	if err != nil {
		return r, err
	}
	j, err = await(ctx, waiting{Timeout: v.Timeout}, j.ID, "/v1/jobs/", func(ctx context.Context) (client.Job, error) {
		return c.WatchJob(ctx, j.ID, func(client.Job) {})
	})
	if err != nil {
		return r, err
	}
	if err := unsuccessful(j.ID, j.Status, j.Error); err != nil {
		return r, err
	}
	var result struct{ Evaluation string }
	if err := json.Unmarshal(j.Result, &result); err != nil {
		return r, fmt.Errorf("read the result of %s: %w", j.ID, err)
	}
	r.Repeated, err = c.Evaluation(ctx, result.Evaluation)
	r.Same, r.CostUSD = r.Stored.Decision == r.Repeated.Decision, j.CostUSD
	return r, err
}

func (r repetition) write(out io.Writer) error {
	e := r.Stored
	fmt.Fprintf(out, "%s against %s, judged by %s, papers drawn with seed %d\n\n", e.Candidate, e.Incumbent, e.Judge, e.Seed)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tEVALUATION\tDECISION\tWIN RATE\t95 % INTERVAL\tWINS\tTIES\tLOSSES\tORDERS AGREE")
	for _, line := range []struct {
		name string
		e    client.Evaluation
	}{{"stored", r.Stored}, {"repeated", r.Repeated}} {
		e := line.e
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s to %s\t%d\t%d\t%d\t%s\n", line.name, e.ID, e.Decision, percent(e.WinRate),
			percent(e.Interval[0]), percent(e.Interval[1]), e.Wins, e.Ties, e.Losses, percent(e.Agreement))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	verdict := "The decisions are the same."
	if !r.Same {
		verdict = fmt.Sprintf("The decisions differ. Stored: %s. Repeated: %s.", r.Stored.Reason, r.Repeated.Reason)
	}
	_, err := fmt.Fprintf(out, "\n%s It cost $%s.\n", verdict, r.CostUSD)
	return err
}
