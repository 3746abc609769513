package client

import (
	"context"
	"encoding/json"
	"net/url"
)

// Page is a part of a list, as the API shows it.
type Page struct {
	Data    []json.RawMessage `json:"data"`
	HasMore bool              `json:"has_more"`
	LastID  string            `json:"last_id"` // the next page's after
}

// List reads a page of a list, such as "jobs", narrowed by what its route takes.
func (c *Client) List(ctx context.Context, noun string, by url.Values) (Page, error) {
	var page Page
	err := c.get(ctx, "/v1/"+noun+"?"+by.Encode(), &page)
	return page, err
}
