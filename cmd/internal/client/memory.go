package client

import (
	"context"
	"encoding/json"
	"net/url"
)

// MemoryVersion is a version of the memory in a list.
type MemoryVersion struct {
	ID        string `json:"id"`
	Dream     string `json:"dream"`
	Restored  string `json:"restored"` // the version that it repeats
	Lessons   int    `json:"lessons"`
	CreatedAt int64  `json:"created_at"`
}

// MemoryVersions lists the newest versions of the memory.
func (c *Client) MemoryVersions(ctx context.Context) ([]MemoryVersion, error) {
	var page struct{ Data []MemoryVersion }
	err := c.get(ctx, "/v1/memory/versions?limit=100", &page)
	return page.Data, err
}

// MemoryVersion reads a version, or what changed to it from another one ("previous": the one
// before), as the API shows it.
func (c *Client) MemoryVersion(ctx context.Context, id, diff string) (json.RawMessage, error) {
	path := "/v1/memory/versions/" + url.PathEscape(id)
	if diff != "" {
		path += "?" + url.Values{"diff": {diff}}.Encode()
	}
	return c.Raw(ctx, path)
}

// RestoreMemory puts the lessons of a version in force again, and returns the new version.
func (c *Client) RestoreMemory(ctx context.Context, id string) (json.RawMessage, error) {
	var made json.RawMessage
	err := c.post(ctx, "/v1/memory/versions/"+url.PathEscape(id)+"/restore", struct{}{}, &made)
	return made, err
}
