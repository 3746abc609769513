package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/reconcile"
	"dreamlab/store/money"
)

// usageReconcileVerb holds the books against a vendor's export.
type usageReconcileVerb struct {
	File      string `arg:"" help:"the vendor's export, a CSV file, or - for the standard input"`
	Vendor    string `required:"" placeholder:"NAME" help:"whose export it is, by the NAME before the slash of its models"`
	Tolerance string `default:"0.01" placeholder:"USD" help:"dollars by which a day's cost of a model may differ"`
	reaching
	listing
}

// Help tells what the file may hold.
func (*usageReconcileVerb) Help() string {
	return `The first line of FILE names its columns, in any order: a day (date, start_time …), a model (model,
line_item …), and any of cost, requests, input_tokens and output_tokens, under the names that vendors
use. Days are of UTC. Each difference from the books is named, and the exit code is 1 where there is one.`
}

// Run reads the export, asks for the books of its days, and compares.
func (v *usageReconcileVerb) Run(ctx context.Context, sh shell) error {
	tolerance, err := money.Parse(v.Tolerance)
	if err != nil {
		return misuse("--tolerance: %v", err)
	}
	var export reconcile.Sums
	err = reading(sh, v.File, func(file io.Reader) (err error) {
		export, err = reconcile.Read(file)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", v.File, err)
	}
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	books, err := booksOf(ctx, c, v.Vendor, export)
	if err != nil {
		return err
	}
	found := reconcile.Compare(books, export, int64(tolerance))
	if err := v.write(sh, found); err != nil || len(found) == 0 {
		return err
	}
	return fmt.Errorf("the books and the export of %s differ in %s", v.Vendor, plural(int64(len(found)), "place"))
}

func (v *usageReconcileVerb) write(sh shell, found []reconcile.Difference) error {
	if found == nil {
		found = []reconcile.Difference{}
	}
	return show.Write(v.sink(sh), found, found, []show.Column[reconcile.Difference]{
		{Head: "DAY", Of: func(d reconcile.Difference) string { return d.Day }},
		{Head: "MODEL", Of: func(d reconcile.Difference) string { return d.Model }},
		{Head: "WHAT", Of: func(d reconcile.Difference) string { return d.What }},
		{Head: "BOOKS", Of: func(d reconcile.Difference) string { return d.Books }},
		{Head: "VENDOR", Of: func(d reconcile.Difference) string { return d.Vendor }},
	})
}

// booksOf sums what the books say of a vendor's models on the days of an export. It asks by the
// hour, since hours are of UTC and days of the tenant's zone, a week at a time.
func booksOf(ctx context.Context, c *client.Client, vendor string, export reconcile.Sums) (reconcile.Sums, error) {
	books := reconcile.Sums{}
	first, last := "", ""
	for key := range export {
		if first == "" || key.Day < first {
			first = key.Day
		}
		last = max(last, key.Day)
	}
	if first == "" {
		return books, nil
	}
	from, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return nil, err
	}
	end, err := time.Parse(time.DateOnly, last)
	if err != nil {
		return nil, err
	}
	for end = end.AddDate(0, 0, 1); from.Before(end); from = from.AddDate(0, 0, 7) {
		to := from.AddDate(0, 0, 7)
		if to.After(end) {
			to = end
		}
		if err := addBooks(ctx, c, books, vendor, from, to); err != nil {
			return nil, err
		}
	}
	return books, nil
}

func addBooks(ctx context.Context, c *client.Client, books reconcile.Sums, vendor string, from, to time.Time) error {
	query := url.Values{"group_by": {"model"}, "interval": {"hour"}, "from": {fmt.Sprint(from.Unix())}, "to": {fmt.Sprint(to.Unix())}}
	raw, err := c.Raw(ctx, "/v1/usage?"+query.Encode())
	if err != nil {
		return err
	}
	var usage struct {
		Data []struct {
			Group  string    `json:"group"`
			Start  int64     `json:"start"`
			Calls  int64     `json:"calls"`
			Nano   money.USD `json:"settled"`
			Input  int64     `json:"input_tokens"`
			Output int64     `json:"output_tokens"`
		}
	}
	if err := json.Unmarshal(raw, &usage); err != nil {
		return fmt.Errorf("read the usage: %w", err)
	}
	for _, d := range usage.Data {
		if model, is := strings.CutPrefix(d.Group, vendor+"/"); is {
			books.Add(reconcile.Key{Day: time.Unix(d.Start, 0).UTC().Format(time.DateOnly), Model: model},
				reconcile.Sum{Calls: &d.Calls, Input: &d.Input, Output: &d.Output, Nano: new(int64(d.Nano))})
		}
	}
	return nil
}
