package openai

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"dreamlab/providers"
)

// Models lists what the vendor serves, as [providers.Driver] says.
func (c *Client) Models(ctx context.Context) ([]providers.ModelInfo, error) {
	var raw json.RawMessage
	call := Call{Method: http.MethodGet, URL: c.at(RouteModels, ""), Out: &raw}
	if _, err := c.Do(ctx, call); err != nil {
		return nil, err
	}
	listed, err := List[model](raw)
	if err != nil {
		return nil, c.Refused("", fmt.Errorf("read the list of models: %w", err))
	}
	infos := make([]providers.ModelInfo, 0, len(listed))
	for _, m := range listed {
		infos = append(infos, m.info())
	}
	return infos, nil
}

// model is a model as OpenAI, Groq, Together and vLLM describe it.
type model struct {
	ID            string `json:"id"`
	OwnedBy       string `json:"owned_by"`
	Organization  string `json:"organization"`
	Created       int64  `json:"created"`
	Active        *bool  `json:"active"`
	ContextWindow int    `json:"context_window"`
	ContextLength int    `json:"context_length"`
	MaxModelLen   int    `json:"max_model_len"`
	MaxCompletion int    `json:"max_completion_tokens"`
}

func (m model) info() providers.ModelInfo {
	info := providers.ModelInfo{
		ID: m.ID, OwnedBy: cmp.Or(m.OwnedBy, m.Organization),
		ContextLength: cmp.Or(m.ContextWindow, m.ContextLength, m.MaxModelLen),
		MaxOutput:     m.MaxCompletion, Active: m.Active == nil || *m.Active,
	}
	if m.Created > 0 {
		info.Created = time.Unix(m.Created, 0).UTC()
	}
	return info
}

// List reads {"data":[…]}, the bare array, which Together sends, and Azure's {"value":[…]}.
func List[T any](raw []byte) ([]T, error) {
	var wrapped struct {
		Data  []T `json:"data"`
		Value []T `json:"value"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		err := json.Unmarshal(raw, &wrapped.Data)
		return wrapped.Data, err
	}
	err := json.Unmarshal(raw, &wrapped)
	if wrapped.Data == nil {
		return wrapped.Value, err
	}
	return wrapped.Data, err
}
