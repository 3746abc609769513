package api

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dreamlab/store"
)

const mostPerPage = 100

// pageOf reads limit, after and order, as OpenAI's lists take them.
func pageOf(c *call) (store.Page, error) {
	query := c.URL.Query()
	page := store.Page{Limit: 20, After: query.Get("after")}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostPerPage {
			return page, invalid("limit", "limit is a number from 1 to %d.", mostPerPage)
		}
		page.Limit = n
	}
	switch query.Get("order") {
	case "", "desc":
	case "asc":
		page.Ascending = true
	default:
		return page, invalid("order", "order is asc or desc.")
	}
	return page, nil
}

// only refuses query parameters that a route would ignore.
func only(query url.Values, known ...string) error {
	for name := range query {
		if !contains(known, name) {
			return invalid(name, "There is no query parameter %q here: this route takes %v.", name, known)
		}
	}
	return nil
}

// oneOf refuses a word that would find nothing; an empty one asks for all.
func oneOf(param, word string, words ...string) error {
	if word == "" || contains(words, word) {
		return nil
	}
	return invalid(param, "%s is one of %s.", param, strings.Join(words, ", "))
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// listed is a list in OpenAI's shape.
type listed[V any] struct {
	Object  string  `json:"object"`
	Data    []V     `json:"data"`
	HasMore bool    `json:"has_more"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
}

func listOf[V any](views []V, more bool, id func(V) string) listed[V] {
	list := listed[V]{Object: "list", Data: views, HasMore: more}
	if list.Data == nil {
		list.Data = []V{}
	}
	if n := len(views); n > 0 {
		list.FirstID, list.LastID = new(id(views[0])), new(id(views[n-1]))
	}
	return list
}

// writeList answers with a page of rows, each shown by view, whose id is its cursor.
func writeList[R any, V any](w http.ResponseWriter, rows []R, more bool, view func(R) V,
	id func(V) string) error {
	views := make([]V, len(rows))
	for i, row := range rows {
		views[i] = view(row)
	}
	return writeJSON(w, http.StatusOK, listOf(views, more, id))
}

// paged reads the page and refuses parameters other than those of a list and
// the route's own.
func paged(c *call, own ...string) (store.Page, error) {
	if err := only(c.URL.Query(), append([]string{"limit", "after", "order"}, own...)...); err != nil {
		return store.Page{}, err
	}
	return pageOf(c)
}
