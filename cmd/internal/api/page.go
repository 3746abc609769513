package api

import (
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// paged reads the page and refuses parameters other than those of a list and
// the route's own.
func paged(c *wire.Call, own ...string) (store.Page, error) {
	page, err := wire.Paged(c, own...)
	return store.Page(page), err
}
