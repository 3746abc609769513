package wire

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// MaxPerPage bounds the entries of a page.
const MaxPerPage = 100

// Page says which part of a list is asked for.
type Page struct {
	Limit     int
	After     string // the id behind which it begins; "" for the beginning
	Ascending bool
}

// pageOf reads limit, after and order, as OpenAI's lists take them.
func pageOf(c *Call) (Page, error) {
	query := c.URL.Query()
	page := Page{Limit: 20, After: query.Get("after")}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxPerPage {
			return page, Invalid("limit", "limit is a number from 1 to %d.", MaxPerPage)
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

// Only refuses query parameters that a route would ignore.
func Only(query url.Values, known ...string) error {
	for name := range query {
		if !contains(known, name) {
			return Invalid(name, "There is no query parameter %q here: this route takes %v.", name, known)
		}
	}
	return nil
}

// OneOf refuses a word that would find nothing; an empty one asks for all.
func OneOf(param, word string, words ...string) error {
	if word == "" || contains(words, word) {
		return nil
	}
	return Invalid(param, "%s is one of %s.", param, strings.Join(words, ", "))
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
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

// Paged reads the page and refuses parameters other than those of a list and
// the route's own.
func Paged(c *Call, own ...string) (Page, error) {
	if err := Only(c.URL.Query(), append([]string{"limit", "after", "order"}, own...)...); err != nil {
		return Page{}, err
	}
	return pageOf(c)
}
