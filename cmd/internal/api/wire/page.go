package wire

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MaxPerPage bounds the entries of a page, of most lists.
const MaxPerPage = 100

// Page says which part of a list is asked for.
type Page struct {
	Limit     int
	After     string // the id behind which it begins; "" for the beginning
	Ascending bool
}

// PageOf reads limit, up to maxLimit, after and order, as OpenAI's lists take them.
func PageOf(c *Call, maxLimit int) (Page, error) {
	query := c.URL.Query()
	page := Page{Limit: 20, After: query.Get("after")}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return page, Invalid("limit", "limit is a number from 1 to %d.", maxLimit)
		}
		page.Limit = n
	}
	switch query.Get("order") {
	case "", "desc":
	case "asc":
		page.Ascending = true
	default:
		return page, Invalid("order", "order is asc or desc.")
	}
	return page, nil
}

// CheckQuery refuses a query that can not be read, and parameters that a route
// would ignore.
func CheckQuery(r *http.Request, known []string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Invalid("", "The query can not be read: encode %% and ; in it as %%25 and %%3B.")
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			return Invalid(name, "There is no query parameter %q here: this route takes %s.", name, listed(known))
		}
		if len(values) > 1 {
			return Invalid(name, "The query parameter %s stands there %d times: send it once.", name, len(values))
		}
	}
	return nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// OneOf refuses a word that would find nothing; an empty one asks for all.
func OneOf(param, word string, words ...string) error {
	if word == "" || slices.Contains(words, word) {
		return nil
	}
	return Invalid(param, "%s is one of %s.", param, strings.Join(words, ", "))
}

// List is a list in OpenAI's shape.
type List[V any] struct {
	Object  string  `json:"object"`
	Data    []V     `json:"data"`
	HasMore bool    `json:"has_more"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
}

// ListOf returns a page of views, whose ids are its cursors.
func ListOf[V any](views []V, more bool, id func(V) string) List[V] {
	list := List[V]{Object: "list", Data: views, HasMore: more}
	if list.Data == nil {
		list.Data = []V{}
	}
	if n := len(views); n > 0 {
		list.FirstID, list.LastID = new(id(views[0])), new(id(views[n-1]))
	}
	return list
}

// WriteList answers with a page of rows, each shown by view, whose id is its cursor.
func WriteList[R any, V any](w http.ResponseWriter, rows []R, more bool, view func(R) V,
	id func(V) string) error {
	views := make([]V, len(rows))
	for i, row := range rows {
		views[i] = view(row)
	}
	return WriteJSON(w, http.StatusOK, ListOf(views, more, id))
}
