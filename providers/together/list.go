package together

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"dreamlab/providers/openai"
)

// maxPages bounds a listing: with 500 a page it is more than any account has.
const maxPages = 50

// list reads a whole listing, whether it comes bare, wrapped, or in pages.
func list[T any](ctx context.Context, d *driver, address string) ([]T, error) {
	var all []T
	next := address
	for range maxPages {
		var raw json.RawMessage
		if _, err := d.Do(ctx, openai.Call{Method: http.MethodGet, URL: next, Out: &raw}); err != nil {
			return nil, err
		}
		page, err := openai.List[T](raw)
		if err != nil {
			return nil, garbled("the listing is not the JSON that was expected", err)
		}
		all = append(all, page...)
		after := cursor(raw)
		if after == "" {
			return all, nil
		}
		next = follow(address, after)
	}
	return nil, garbled("the listing does not end", nil)
}

func cursor(raw []byte) string {
	var page struct {
		Snake string `json:"next_cursor"`
		Camel string `json:"nextCursor"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) || json.Unmarshal(raw, &page) != nil {
		return ""
	}
	if page.Snake != "" {
		return page.Snake
	}
	return page.Camel
}

func follow(address, after string) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + url.Values{"after": {after}}.Encode()
}
