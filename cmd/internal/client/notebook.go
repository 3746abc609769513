package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// NotebookRequest says what training of a tune to hand out. Its zero value works.
type NotebookRequest struct {
	Script  bool   // a program in place of a notebook
	Address string // where the training's machine reaches the server
	Base    string // name of the weights on Hugging Face
}

// Notebook returns the training of a tune for one's own GPU.
func (c *Client) Notebook(ctx context.Context, tune string, r NotebookRequest) ([]byte, error) {
	query := url.Values{}
	for name, value := range map[string]string{"address": r.Address, "base": r.Base} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if r.Script {
		query.Set("format", "script")
	}
	path := "/v1/tunes/" + url.PathEscape(tune) + "/notebook?" + query.Encode()
	answer, err := c.send(ctx, request{method: http.MethodGet, path: path})
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return text, nil
}
