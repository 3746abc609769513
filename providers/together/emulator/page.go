package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// The length of a page of a v2 list.
const (
	defaultPage = 50
	maxPage     = 500
)

// page answers the part of a list that limit and after ask for. The cursor is
// how many things stand before the page.
func page(r *http.Request, objects []any) map[string]any {
	limit := lab.Between(r.URL.Query().Get("limit"), 1, maxPage, defaultPage)
	from := lab.Between(r.URL.Query().Get("after"), 0, len(objects), 0)
	to := min(from+limit, len(objects))
	answer := map[string]any{"object": "list", "data": objects[from:to]}
	if to < len(objects) {
		answer["next_cursor"] = strconv.Itoa(to)
	}
	return answer
}

// named tells whether a thing passes the request's filter, of which the
// sandbox knows one form: name:"…".
func named(r *http.Request, names ...string) bool {
	filter := r.URL.Query().Get("filter")
	if filter == "" {
		return true
	}
	wanted, found := strings.CutPrefix(filter, "name:")
	return found && slices.Contains(names, strings.Trim(wanted, `"`))
}
