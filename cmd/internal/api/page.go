package api

import (
	"context"
	"errors"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// cursor finds what an id of a list stands for, or returns store.ErrNotFound.
type cursor func(ctx context.Context, tenant, id string) error

// known makes a cursor of a noun's getter.
func known[T any](get func(ctx context.Context, tenant, id string) (T, error)) cursor {
	return func(ctx context.Context, tenant, id string) error {
		_, err := get(ctx, tenant, id)
		return err
	}
}

// paged reads the page that is asked for. After another id than one of the list
// there would be an empty page, or a wrong one.
func paged(c *wire.Call, noun string, find cursor) (store.Page, error) {
	return pagedUpTo(wire.MaxPerPage, c, noun, find)
}

// pagedUpTo is paged for a list whose pages have another bound.
func pagedUpTo(most int, c *wire.Call, noun string, find cursor) (store.Page, error) {
	page, err := wire.PageOf(c, most)
	if err != nil || page.After == "" {
		return store.Page(page), err
	}
	if store.NounOf(page.After) != noun {
		return store.Page{}, wire.Invalid("after", "after is an id of this list, as last_id gave it: %s…", noun)
	}
	err = find(c.Context(), c.Tenant, page.After)
	if errors.Is(err, store.ErrNotFound) {
		f := gate.FaultOf(gate.OrMissing(err, "object to go on after"))
		f.Param = "after"
		return store.Page{}, f
	}
	return store.Page(page), err
}
