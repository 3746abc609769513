package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// PreviewUndo tells what undoing a dream would withdraw.
func (c *Client) PreviewUndo(ctx context.Context, dream string) (json.RawMessage, error) {
	return c.preview(ctx, http.MethodPost, "/v1/dreams/"+url.PathEscape(dream)+"/undo")
}

// PreviewForget tells what forgetting a conversation would remove, and which models hold it.
func (c *Client) PreviewForget(ctx context.Context, conversation string) (json.RawMessage, error) {
	return c.preview(ctx, http.MethodDelete, "/v1/conversations/"+url.PathEscape(conversation))
}

// PreviewRollback tells which targets rolling a route back would put in force.
func (c *Client) PreviewRollback(ctx context.Context, alias string) (json.RawMessage, error) {
	return c.preview(ctx, http.MethodPost, "/v1/routes/"+url.PathEscape(alias)+"/rollback")
}

func (c *Client) preview(ctx context.Context, method, path string) (json.RawMessage, error) {
	var text json.RawMessage
	err := c.read(ctx, request{method: method, path: path + "?preview=true"}, &text)
	return text, err
}
