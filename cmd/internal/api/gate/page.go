package gate

import (
	"context"
	"errors"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/db"
)

// Cursor finds what an id of a list stands for, or returns db.ErrNotFound.
type Cursor func(ctx context.Context, tenant, id string) error

// Known makes a Cursor of a noun's getter.
func Known[T any](get func(ctx context.Context, tenant, id string) (T, error)) Cursor {
	return func(ctx context.Context, tenant, id string) error {
		_, err := get(ctx, tenant, id)
		return err
	}
}

// Paged reads the page that is asked for. After another id than one of the list
// there would be an empty page, or a wrong one.
func Paged(c *wire.Call, noun string, find Cursor) (db.Page, error) {
	return PagedUpTo(wire.MaxPerPage, c, noun, find)
}

// PagedUpTo is Paged for a list whose pages have another bound.
func PagedUpTo(most int, c *wire.Call, noun string, find Cursor) (db.Page, error) {
	page, err := wire.PageOf(c, most)
	if err != nil || page.After == "" {
		return db.Page(page), err
	}
	if db.NounOf(page.After) != noun {
		return db.Page{}, wire.Invalid("after", "after is an id of this list, as last_id gave it: %s…", noun)
	}
	err = find(c.Context(), c.Tenant, page.After)
	if errors.Is(err, db.ErrNotFound) {
		f := FaultOf(OrMissing(err, "object to go on after"))
		f.Param = "after"
		return db.Page{}, f
	}
	return db.Page(page), err
}
