package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"dreamlab/cmd/internal/cli/show"
)

// usageVerb works with what was spent.
type usageVerb struct {
	Show      usageShowVerb      `cmd:"" default:"1" help:"show what was spent"`
	Reconcile usageReconcileVerb `cmd:"" help:"hold the books against a vendor's own export, and name each difference"`
}

// usageShowVerb shows what was spent.
type usageShowVerb struct {
	By       string `default:"day" enum:"day,purpose,provider,model,key,job" placeholder:"GROUP" help:"what a row sums up, a GROUP"`
	From     string `placeholder:"DAY" help:"the first DAY, as 2026-01-31, or unix seconds; 30 days ago without it"`
	To       string `placeholder:"DAY" help:"the DAY before which it ends, or unix seconds; now without it"`
	Interval string `default:"" enum:",hour,day,month" placeholder:"SPAN" help:"a row for each SPAN of each group"`
	reaching
	listing
}

// Run shows the sums, and the month's projection below the table.
func (v *usageShowVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	query := url.Values{"group_by": {v.By}}
	for name, value := range map[string]string{"from": v.From, "to": v.To, "interval": v.Interval} {
		if value != "" {
			query.Set(name, value)
		}
	}
	raw, err := c.Raw(ctx, "/v1/usage?"+query.Encode())
	if err != nil {
		return err
	}
	return v.write(sh, raw)
}

func (v *usageShowVerb) write(sh shell, raw json.RawMessage) error {
	var usage struct {
		Data         []json.RawMessage
		Total        json.RawMessage
		Returns      []json.RawMessage
		Anticipation json.RawMessage // null where no dream has anticipated
	}
	if err := json.Unmarshal(raw, &usage); err != nil {
		return fmt.Errorf("read the usage: %w", err)
	}
	to := v.sink(sh)
	if to.Form == show.Table {
		usage.Data = append(usage.Data, usage.Total)
	}
	rows, err := show.NewRows(usage.Data)
	if err != nil {
		return err
	}
	columns := show.Fields("group="+v.By, "start", "calls", "input_tokens=in", "output_tokens=out", "settled=usd",
		"reserved", "lost")
	if v.Interval == "" {
		columns = append(columns[:1], columns[2:]...)
	}
	if err := show.Write(to, raw, rows, columns); err != nil || to.Form != show.Table {
		return err
	}
	if err := writeBelow(to, usage.Returns, returnColumns...); err != nil {
		return err
	}
	var ahead []json.RawMessage
	if len(usage.Anticipation) > 0 && string(usage.Anticipation) != "null" {
		ahead = append(ahead, usage.Anticipation)
	}
	return writeBelow(to, ahead, aheadColumns...)
}

// What stands below the sums: what each source of examples cost and brought in exams, and what the answers to
// questions cost that dreams answered before they were asked, and what chats saved by them.
var (
	returnColumns = []string{
		"source=examples of", "rows", "tunes", "cost_usd=usd", "points=exam points", "usd_per_point=usd per point",
	}
	aheadColumns = []string{"answers=anticipated answers", "hits", "hits_per_answer", "cost_usd=spent usd", "saved_usd=saved usd"}
)

// writeBelow shows another table, where it has rows.
func writeBelow(to show.Sink, objects []json.RawMessage, fields ...string) error {
	if len(objects) == 0 {
		return nil
	}
	rows, err := show.NewRows(objects)
	if err != nil {
		return err
	}
	return show.Write(to, nil, rows, show.Fields(fields...))
}
