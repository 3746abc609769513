package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/bill"
)

// Bills are what an organization was billed at OpenAI, or at a server with the same routes.
type Bills struct{ client *Client }

var _ bill.Biller = (*Bills)(nil)

// NewBills returns the bills of the organization that a key of an administrator is of. The base URL
// ends where "/organization/costs" begins.
func NewBills(name, base, adminKey string, config providers.Config) (*Bills, error) {
	base, err := CheckBase(name+".base_url", base)
	if err != nil {
		return nil, err
	}
	return &Bills{New(Dialect{Provider: name, Base: base, Key: adminKey}, config)}, nil
}

// billRoutes are where the parts of a bill stand, what they are grouped by, and how many days a page
// may have (https://platform.openai.com/docs/api-reference/usage).
var billRoutes = []struct {
	path, group string
	days        int
}{
	{"/organization/costs", "line_item", 180},
	{"/organization/usage/completions", "model", 31},
	{"/organization/usage/embeddings", "model", 31},
}

// Bill hands over the costs, and the calls and tokens beside them, as [bill.Biller] says.
func (b *Bills) Bill(ctx context.Context, from, to time.Time, each func(bill.Line) error) error {
	for _, route := range billRoutes {
		query := url.Values{
			"start_time": {strconv.FormatInt(from.Unix(), 10)}, "end_time": {strconv.FormatInt(to.Unix(), 10)},
			"bucket_width": {"1d"}, "group_by[]": {route.group}, "limit": {strconv.Itoa(route.days)},
		}
		if err := b.pages(ctx, route.path, query, each); err != nil {
			return err
		}
	}
	return nil
}

// billPages bounds the pages of one part of a bill.
const billPages = 1000

// errBillPages says that the pages of a bill have no end.
var errBillPages = errors.New("the bill has more pages than it can have: ask for fewer days")

func (b *Bills) pages(ctx context.Context, path string, query url.Values, each func(bill.Line) error) error {
	for range billPages {
		var page billPage
		call := Call{Method: http.MethodGet, URL: b.client.dialect.Base + path + "?" + query.Encode(), Out: &page}
		if _, err := b.client.Do(ctx, call); err != nil {
			return err
		}
		for _, bucket := range page.Data {
			if err := bucket.lines(each); err != nil {
				return err
			}
		}
		if !page.HasMore || page.NextPage == "" || page.NextPage == query.Get("page") {
			return nil
		}
		query.Set("page", page.NextPage)
	}
	return b.client.Refused("", errBillPages)
}

type billPage struct {
	Data     []billBucket `json:"data"`
	HasMore  bool         `json:"has_more"`
	NextPage string       `json:"next_page"`
}

// billBucket is a day.
type billBucket struct {
	Start   int64 `json:"start_time"`
	Results []struct {
		Amount *struct {
			Value    json.RawMessage `json:"value"`
			Currency string          `json:"currency"`
		} `json:"amount"`
		LineItem string `json:"line_item"` // "gpt-5-nano, input"
		Model    string `json:"model"`
		Calls    *int64 `json:"num_model_requests"`
		Input    *int64 `json:"input_tokens"`
		Output   *int64 `json:"output_tokens"`
	} `json:"results"`
}

func (b billBucket) lines(each func(bill.Line) error) error {
	day := time.Unix(b.Start, 0).UTC()
	for _, r := range b.Results {
		line := bill.Line{Day: day, Model: r.Model, Calls: r.Calls, Input: r.Input, Output: r.Output}
		if r.Amount != nil {
			var err error
			if line.Nano, err = bill.Nano(r.Amount.Value, r.Amount.Currency); err != nil {
				return fmt.Errorf("%s: %w", day.Format(time.DateOnly), err)
			}
			line.Model, _, _ = strings.Cut(r.LineItem, ", ")
		}
		if err := each(line); err != nil {
			return err
		}
	}
	return nil
}
