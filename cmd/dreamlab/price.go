package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/price"
	"dreamlab/store/money"
)

// priceVerb computes what a file of requests costs.
type priceVerb struct {
	settings
	listing
	choice
	File string `arg:"" help:"one file of requests, or - for the standard input"`
}

// Help tells what files may hold, and how tokens are counted.
func (*priceVerb) Help() string {
	return `A FILE holds JSON objects, one a line or in an array, of any number; - is the standard
input: lines of OpenAI's batches, bodies of chats or of embeddings, or conversations in any
form that import takes, every answer of which counts as a request.

Tokens are counted as the router reserves money for them, which is high on purpose: two bytes
of prompt are a token, an answer is as long as the request allows (4096 tokens where it
says nothing), or as the one in the file. A model is shown where it can take requests of
the file: by its context, and by the tools, images and forms of answer that they need.`
}

// priced is what `price --json` prints.
type priced struct {
	Requests int64       `json:"requests"`
	Models   []price.Row `json:"models"`
}

// Run reads the file once, and compares all models.
func (v *priceVerb) Run(_ context.Context, sh shell) error {
	c, err := v.load(sh)
	if err != nil {
		return err
	}
	known, err := boot.OpenCatalog(c)
	if err != nil {
		return err
	}
	now := time.Now()
	sheet := price.NewSheet(known, v.choose(known, boot.OpenVendors(c), now), now)
	if err := reading(sh, v.File, func(file io.Reader) error { return price.Read(file, sheet.Add) }); err != nil {
		return fmt.Errorf("%s: %w", v.File, err)
	}
	found := priced{sheet.Asked(), sheet.Rows()}
	return v.write(sh, found)
}

// reading opens a file, or the standard input by the name -.
func reading(sh shell, name string, read func(io.Reader) error) error {
	if name == "-" {
		return read(sh.in)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(read(file), file.Close())
}

func (v *priceVerb) write(sh shell, found priced) error {
	to := v.sink(sh)
	if to.Form == show.Table {
		fmt.Fprintf(sh.out, "%s\n\n", plural(found.Requests, "request"))
	}
	return show.Write(to, found, found.Models, []show.Column[price.Row]{
		{Head: "MODEL", Of: func(r price.Row) string { return r.Vendor + "/" + r.Model }},
		{Head: "TAKES", Of: func(r price.Row) string { return fmt.Sprint(r.Taken) }},
		{Head: "INPUT", Of: func(r price.Row) string { return fmt.Sprint(r.Input) }},
		{Head: "OUTPUT", Of: func(r price.Row) string { return fmt.Sprint(r.Output) }},
		{Head: "LIVE", Of: func(r price.Row) string { return dollarsOr(r.Live) }},
		{Head: "BATCH", Of: func(r price.Row) string { return dollarsOr(r.Batch) }},
		{Head: "FLEX", Of: func(r price.Row) string { return dollarsOr(r.Flex) }},
		{Head: "PRICE SINCE", Of: func(r price.Row) string { return r.PriceFrom }},
	})
}

func dollarsOr(usd *money.USD) string {
	if usd == nil {
		return ""
	}
	return "$" + usd.String()
}
