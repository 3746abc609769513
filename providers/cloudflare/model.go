package cloudflare

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// Pages of the list of models.
const (
	pageSize = 100
	maxPages = 20
)

// record is a model as Cloudflare lists it.
type record struct {
	Name    string `json:"name"`
	Created string `json:"created_at"`
	Task    struct {
		Name string `json:"name"`
	} `json:"task"`
	Properties []struct {
		ID    string          `json:"property_id"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

// Models lists what Workers AI serves, as [providers.Driver] says.
func (d *driver) Models(ctx context.Context) ([]providers.ModelInfo, error) {
	records, err := d.records(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]providers.ModelInfo, 0, len(records))
	for _, r := range records {
		infos = append(infos, r.info())
	}
	return infos, nil
}

// records reads all pages of the list.
func (d *driver) records(ctx context.Context) ([]record, error) {
	var records []record
	for page := 1; page <= maxPages; page++ {
		var out struct {
			Result []record `json:"result"`
		}
		at := fmt.Sprintf("%s/models/search?per_page=%d&page=%d", d.ai, pageSize, page)
		if _, err := d.Do(ctx, openai.Call{Method: http.MethodGet, URL: at, Out: &out}); err != nil {
			return nil, err
		}
		records = append(records, out.Result...)
		if len(out.Result) < pageSize {
			break
		}
	}
	return records, nil
}

// property returns a property's text, "" where the model has none of it.
func (r *record) property(id string) string {
	for _, p := range r.Properties {
		var text string
		if p.ID == id && json.Unmarshal(p.Value, &text) == nil {
			return text
		}
	}
	return ""
}

func (r *record) info() providers.ModelInfo {
	info := providers.ModelInfo{ID: r.Name, OwnedBy: name, Active: true}
	if context, err := strconv.Atoi(r.property("context_window")); err == nil {
		info.ContextLength = context
	}
	if created, err := time.Parse("2006-01-02 15:04:05", r.Created); err == nil {
		info.Created = created.UTC()
	}
	return info
}
