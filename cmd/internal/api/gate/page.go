package gate

import (
	"context"
	"errors"
	"strconv"
	"time"

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
	asked, err := wire.PageOf(c, most)
	if err != nil {
		return db.Page{}, err
	}
	page := db.Page{Limit: asked.Limit, After: asked.After, Ascending: asked.Ascending}
	if err := between(c, noun, &page); err != nil || page.After == "" {
		return page, err
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
	return page, err
}

// Preview tells whether a client asks what would change, with preview=true.
func Preview(c *wire.Call) (bool, error) {
	word := c.URL.Query().Get("preview")
	return word == "true", wire.OneOf("preview", word, "true", "false")
}

// maxSeconds is the last instant that ids can tell, in 2262.
const maxSeconds = 9_223_372_036

// between bounds a page by created_after and created_before, in unix seconds: ids carry
// the time of their making.
func between(c *wire.Call, noun string, page *db.Page) error {
	for name, bound := range map[string]*string{"created_after": &page.From, "created_before": &page.To} {
		text := c.URL.Query().Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > maxSeconds {
			return wire.Invalid(name, "%s is a time in unix seconds.", name)
		}
		*bound = db.IDAt(noun, time.Unix(n, 0))
	}
	return nil
}
