package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/price"
	"dreamlab/store/money"
)

// priceVerb computes what a file of requests costs.
type priceVerb struct {
	settings
	printing
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
	if v.JSON {
		return json.NewEncoder(sh.out).Encode(found)
	}
	return found.write(sh.out)
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

func (p priced) write(out io.Writer) error {
	fmt.Fprintf(out, "%s\n\n", plural(p.Requests, "request"))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MODEL\tTAKES\tINPUT\tOUTPUT\tLIVE\tBATCH\tFLEX\tPRICE SINCE")
	for _, r := range p.Models {
		fmt.Fprintf(table, "%s/%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", r.Vendor, r.Model, r.Taken, r.Input, r.Output,
			dollarsOr(r.Live), dollarsOr(r.Batch), dollarsOr(r.Flex), r.PriceFrom)
	}
	return table.Flush()
}

func dollarsOr(usd *money.USD) string {
	if usd == nil {
		return "-"
	}
	return "$" + usd.String()
}
