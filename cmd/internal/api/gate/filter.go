package gate

import (
	"strings"
	"unicode"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/db"
)

// maxFilter bounds what a list is narrowed by, in bytes.
const maxFilter = 256

// Listed reads the page that is asked for, and what narrows the list. Its rows have one of the
// statuses.
func Listed(c *wire.Call, noun string, find Cursor, statuses ...string) (db.Filter, db.Page, error) {
	f, err := Filtered(c, statuses...)
	if err != nil {
		return f, db.Page{}, err
	}
	page, err := Paged(c, noun, find)
	return f, page, err
}

// Filtered reads what narrows a list. Which of it the list knows its route says.
func Filtered(c *wire.Call, statuses ...string) (db.Filter, error) {
	query := c.URL.Query()
	for name, values := range query {
		if len(values[0]) > maxFilter || strings.ContainsFunc(values[0], unicode.IsControl) {
			return db.Filter{}, wire.Invalid(name, "%s has at most %d bytes of plain text.", name, maxFilter)
		}
	}
	f := db.Filter{
		Alias: query.Get("alias"), Status: query.Get("status"), Provider: query.Get("provider"), Model: query.Get("model"),
		Key: query.Get("key"), Dream: query.Get("dream"), Review: query.Get("review"), Purpose: query.Get("purpose"),
		Text: query.Get("q"),
	}
	if err := wire.OneOf("status", f.Status, statuses...); err != nil {
		return f, err
	}
	return f, Divide(&f)
}

// Divide takes the provider off a model's name, as GET /v1/models shows it.
func Divide(f *db.Filter) error {
	if f.Model == "" {
		return nil
	}
	if f.Provider != "" {
		f.Model = strings.TrimPrefix(f.Model, f.Provider+"/")
		return nil
	}
	provider, model, whole := strings.Cut(f.Model, "/")
	if !whole || provider == "" || model == "" {
		return wire.Invalid("model", "model is provider/model, as GET /v1/models shows it, or the vendor's name of it "+
			"beside provider.")
	}
	f.Provider, f.Model = provider, model
	return nil
}
