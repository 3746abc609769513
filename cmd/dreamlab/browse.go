package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// maxPage is the number of rows of the API's greatest page.
const maxPage = 100

// browsing are the flags of the verbs that list what the API has.
type browsing struct {
	Limit int           `short:"n" default:"20" placeholder:"NUMBER" help:"the NUMBER of rows at most; 0 is all"`
	After string        `placeholder:"ID" help:"begin behind the row with this ID"`
	Since time.Duration `placeholder:"DURATION" help:"of the last DURATION alone, as 24h"`
	reaching
	listing
}

// list shows the rows of a list, the newest first. Filters without a value are left out.
func (b *browsing) list(ctx context.Context, sh shell, noun string, filters map[string]string, columns ...string) error {
	if b.Limit < 0 {
		return misuse("--limit is at least 0, where all rows are shown")
	}
	c, err := b.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	page, err := b.pages(ctx, c, noun, b.query(filters))
	if err != nil {
		return err
	}
	rows, err := show.NewRows(page.Data)
	if err != nil {
		return err
	}
	whole := map[string]any{"object": "list", "data": rows, "has_more": page.HasMore, "last_id": page.LastID}
	to := b.sink(sh)
	if err := show.Write(to, whole, rows, show.Fields(columns...)); err != nil {
		return err
	}
	if page.HasMore && to.Form != show.JSON {
		fmt.Fprintf(sh.errs, "there are more: --limit 0 shows all, --after %s the next\n", page.LastID)
	}
	return nil
}

func (b *browsing) query(filters map[string]string) url.Values {
	query := url.Values{}
	for name, value := range filters {
		if value != "" {
			query.Set(name, value)
		}
	}
	if b.Since > 0 {
		query.Set("created_after", strconv.FormatInt(time.Now().Add(-b.Since).Unix(), 10))
	}
	return query
}

// pages reads as many pages as the limit takes.
func (b *browsing) pages(ctx context.Context, c *client.Client, noun string, query url.Values) (client.Page, error) {
	all := client.Page{Data: []json.RawMessage{}, LastID: b.After, HasMore: true}
	for all.HasMore && (b.Limit == 0 || len(all.Data) < b.Limit) {
		size := maxPage
		if b.Limit > 0 {
			size = min(size, b.Limit-len(all.Data))
		}
		query.Set("limit", strconv.Itoa(size))
		if all.LastID != "" {
			query.Set("after", all.LastID)
		}
		page, err := c.List(ctx, noun, query)
		if err != nil {
			return all, err
		}
		all.Data, all.HasMore = append(all.Data, page.Data...), page.HasMore
		all.LastID = cmp.Or(page.LastID, all.LastID)
	}
	return all, nil
}

// look shows one thing of the API: as it is in JSON, else a field a line.
func (a *asking) look(ctx context.Context, sh shell, path string, fields ...string) error {
	c, err := a.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := c.Raw(ctx, path)
	if err != nil {
		return err
	}
	return a.print(sh, raw, fields...)
}

// change asks the API to change something, and shows what it answers.
func (a *asking) change(ctx context.Context, sh shell, ask func(*client.Client) (json.RawMessage, error), fields ...string) error {
	c, err := a.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := ask(c)
	if err != nil {
		return err
	}
	return a.print(sh, raw, fields...)
}

// print writes one thing. Fields without a value are left out.
func (a *asking) print(sh shell, raw json.RawMessage, fields ...string) error {
	row, err := show.NewRow(raw)
	if err != nil {
		return err
	}
	if a.asJSON() {
		return json.NewEncoder(sh.out).Encode(row)
	}
	table := tabwriter.NewWriter(sh.out, 0, 0, 2, ' ', 0)
	for _, c := range show.Fields(fields...) {
		if value := c.Of(row); value != "" {
			fmt.Fprintf(table, "%s\t%s\n", c.Head, value)
		}
	}
	return table.Flush()
}
