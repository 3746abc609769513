package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/reconcile"
	"dreamlab/providers/bill"
	"dreamlab/store/money"
)

// usageReconcileVerb holds the books against a vendor's export, or against its API.
type usageReconcileVerb struct {
	File      string `arg:"" optional:"" help:"a CSV export of the vendor, - for standard input; without it the vendor is asked"`
	Vendor    string `required:"" placeholder:"NAME" help:"whose export it is, by the NAME before the slash of its models"`
	From      string `placeholder:"DAY" help:"without FILE: the first DAY (UTC), as 2026-01-31; seven days before the last without it"`
	To        string `placeholder:"DAY" help:"without FILE: the last DAY (UTC); yesterday without it"`
	Tolerance string `default:"0.01" placeholder:"USD" help:"dollars by which a day's cost of a model may differ"`
	reaching
	listing
}

// Help tells what the file may hold, and which vendors can be asked.
func (*usageReconcileVerb) Help() string {
	return `The first line of FILE names its columns, in any order: a day (date, start_time …), a model (model,
line_item …), and any of cost, requests, input_tokens and output_tokens, under the names that vendors
use. Days are of UTC. Without FILE the vendor's own API is asked for the costs, calls and tokens of
each day: of a server of the file (servers) by the key that its admin_key_env names, as OpenAI has it;
of a vendor that tells its bills by the settings that its models are deployed with. Where a vendor
bills machines and not what ran on them, its days are compared as a whole. Each difference from the
books is named, and the exit code is 1 where there is one.`
}

// Run reads the export or the bill, asks for the books of its days, and compares.
func (v *usageReconcileVerb) Run(ctx context.Context, sh shell) error {
	tolerance, err := money.Parse(v.Tolerance)
	if err != nil {
		return misuse("--tolerance: %v", err)
	}
	days, err := v.days(time.Now())
	if err != nil {
		return err
	}
	var export reconcile.Sums
	named := naming(reconcile.Undated)
	if v.File == "" {
		export, named, err = v.billed(ctx, sh, days)
	} else {
		export, days, err = v.exported(sh)
	}
	if err != nil {
		return err
	}
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	books, err := booksOf(ctx, c, v.Vendor, days)
	if err != nil {
		return err
	}
	models := books.Models()
	name := func(of string) string { return named(of, models) }
	found := reconcile.Compare(books.Named(name), export.Named(name), int64(tolerance))
	if err := v.write(sh, found); err != nil || len(found) == 0 {
		return err
	}
	return fmt.Errorf("the books and the bill of %s differ in %s", v.Vendor, plural(int64(len(found)), "place"))
}

// exported reads the file, and the days that it is of.
func (v *usageReconcileVerb) exported(sh shell) (export reconcile.Sums, days reconcile.Days, err error) {
	if v.From != "" || v.To != "" {
		return nil, days, misuse("--from and --to are of a vendor that is asked: FILE has its own days")
	}
	err = reading(sh, v.File, func(file io.Reader) (err error) {
		export, err = reconcile.Read(file)
		return err
	})
	if err == nil {
		days, err = export.Days()
	}
	if err != nil {
		return nil, days, fmt.Errorf("%s: %w", v.File, err)
	}
	return export, days, nil
}

// naming tells under which name a model of the books, or a line of the bill, is compared.
type naming func(name string, models []string) string

// billed asks the vendor.
func (v *usageReconcileVerb) billed(ctx context.Context, sh shell, days reconcile.Days) (reconcile.Sums, naming, error) {
	c, err := v.loadAt(sh, v.address)
	if err != nil {
		return nil, nil, err
	}
	biller, err := boot.Biller(c, v.Vendor)
	if err != nil {
		return nil, nil, misuse("--vendor: %v", err)
	}
	named := naming(reconcile.Undated)
	if namer, is := biller.(bill.Namer); is {
		named = namer.Named
	}
	sums := reconcile.Sums{}
	err = biller.Bill(ctx, days.From, days.End, func(line bill.Line) error {
		sums.Add(reconcile.Key{Day: line.Day.Format(time.DateOnly), Model: line.Model},
			reconcile.Sum{Calls: line.Calls, Input: line.Input, Output: line.Output, Nano: line.Nano})
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("ask %s for its bill: %w", v.Vendor, err)
	}
	return sums, named, nil
}

// days are those that a vendor is asked for.
func (v *usageReconcileVerb) days(now time.Time) (reconcile.Days, error) {
	last := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	var err error
	if v.To != "" {
		if last, err = time.Parse(time.DateOnly, v.To); err != nil {
			return reconcile.Days{}, misuse("--to: %q is no day: write it as 2026-01-31", v.To)
		}
	}
	first := last.AddDate(0, 0, -6)
	if v.From != "" {
		if first, err = time.Parse(time.DateOnly, v.From); err != nil {
			return reconcile.Days{}, misuse("--from: %q is no day: write it as 2026-01-31", v.From)
		}
	}
	if last.Before(first) {
		return reconcile.Days{}, misuse("--from: it is later than --to")
	}
	return reconcile.Days{From: first, End: last.AddDate(0, 0, 1)}, nil
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

// booksOf sums what the books say of a vendor's models on some days. It asks by the
// hour, since hours are of UTC and days of the tenant's zone, a week at a time.
func booksOf(ctx context.Context, c *client.Client, vendor string, days reconcile.Days) (reconcile.Sums, error) {
	books := reconcile.Sums{}
	for from := days.From; from.Before(days.End); from = from.AddDate(0, 0, 7) {
		to := from.AddDate(0, 0, 7)
		if to.After(days.End) {
			to = days.End
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
