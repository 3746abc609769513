package web

import (
	"net/url"
	"slices"
	"strconv"
	"time"
)

// list is a page of a list of the API.
type list[V any] struct {
	Data    []V     `json:"data"`
	HasMore bool    `json:"has_more"`
	LastID  *string `json:"last_id"`
}

// paged is a list with the address of its next page, "" where it is the last.
type paged[V any] struct {
	list[V]
	Next  string
	First string // the address of the first page, "" on it
}

// perPage is how many rows a page of a list shows.
const perPage = "50"

// filters returns the page's filters of those names, as the API takes them.
func (v *visit) filters(names ...string) url.Values {
	query := url.Values{}
	for _, name := range append(names, "after", "order") {
		if value := v.r.URL.Query().Get(name); value != "" {
			query.Set(name, value)
		}
	}
	for _, name := range []string{"created_after", "created_before"} {
		if at, known := instant(v.r.URL.Query().Get(name)); known {
			query.Set(name, strconv.FormatInt(at.Unix(), 10))
		}
	}
	query.Set("limit", perPage)
	return query
}

// anySet tells whether one of the names has a value.
func anySet(query url.Values, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return query.Get(name) != "" })
}

// instant reads what an input of date and time sends, in UTC.
func instant(text string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02"} {
		if at, err := time.Parse(form, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// listed asks for a page of a list, by the filters of the page's address.
func listed[V any](v *visit, path string, filters ...string) (paged[V], error) {
	var got paged[V]
	if err := v.get(path, v.filters(filters...), &got.list); err != nil {
		return got, err
	}
	query := v.r.URL.Query()
	query.Del("peek")
	query.Del("note")
	if query.Has("after") {
		query.Del("after")
		got.First = "?" + query.Encode()
	}
	if got.HasMore && got.LastID != nil {
		query.Set("after", *got.LastID)
		got.Next = "?" + query.Encode()
	}
	return got, nil
}
