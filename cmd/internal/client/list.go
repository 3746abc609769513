package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// Path joins a route and an id, which may hold anything.
func Path(route, id string) string { return route + "/" + (&url.URL{Path: id}).EscapedPath() }

// Do asks a route that changes something, and returns what the API answers. Without a body none is
// sent.
func (c *Client) Do(ctx context.Context, method, path string, body any) (json.RawMessage, error) {
	ask := request{method: method, path: path}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the question for %s: %w", path, err)
		}
		ask.kind, ask.body = "application/json", bytes.NewReader(text)
	}
	var answer json.RawMessage
	err := c.read(ctx, ask, &answer)
	return answer, err
}

// Text returns what stands at a path in another form than JSON.
func (c *Client) Text(ctx context.Context, path, kind string) (string, error) {
	answer, err := c.send(ctx, request{method: http.MethodGet, path: path, header: http.Header{"Accept": {kind}}})
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	return string(text), errors.Join(err, answer.Body.Close())
}
