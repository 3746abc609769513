package api

import (
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// paged reads the page that is asked for.
func paged(c *wire.Call) (store.Page, error) {
	page, err := wire.PageOf(c)
	return store.Page(page), err
}
