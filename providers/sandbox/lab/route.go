package lab

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Route makes the object that a request is answered with, or says why not.
type Route func(r *http.Request) (any, *Failure)

// Answer makes a handler of a route.
func (v Vendor) Answer(route Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, refused := route(r)
		if refused != nil {
			v.Fail(w, *refused)
			return
		}
		WriteJSON(w, http.StatusOK, answer)
	}
}

// Handle makes a handler of a route that answers by itself where it does not fail.
func (v Vendor) Handle(route func(http.ResponseWriter, *http.Request) *Failure) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if refused := route(w, r); refused != nil {
			v.Fail(w, *refused)
		}
	}
}

// Objects makes a list of objects, empty rather than null where there is nothing.
func Objects[T any](list []T, object func(T) any) []any {
	objects := make([]any, len(list))
	for i, one := range list {
		objects[i] = object(one)
	}
	return objects
}

// Take makes a handler of a route whose requests have a JSON body.
func Take[T any](v Vendor, route func(*http.Request, *T) (any, *Failure)) http.HandlerFunc {
	return v.Answer(func(r *http.Request) (any, *Failure) {
		var ask T
		if err := ReadJSON(r, &ask); err != nil {
			return nil, Invalid("", "read the body: %v", err)
		}
		return route(r, &ask)
	})
}

// Unusable answers in place of an emulator whose kept state can not be read.
func (v Vendor) Unusable(err error) http.Handler {
	return v.Answer(func(*http.Request) (any, *Failure) {
		return nil, &Failure{
			Status:  http.StatusInternalServerError,
			Message: fmt.Sprintf("the sandbox's state cannot be used, move it away to begin anew: %v", err),
		}
	})
}

// Address makes an absolute address of this server for a path of an emulator,
// below whatever prefix the program serves it.
func Address(r *http.Request, path string, query url.Values) string {
	u := url.URL{Scheme: "http", Host: r.Host, RawQuery: query.Encode(), Path: path}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	if asked, err := url.ParseRequestURI(r.RequestURI); err == nil {
		u.Path = strings.TrimSuffix(asked.Path, r.URL.Path) + path
	}
	return u.String()
}

// Between reads a whole number from low to high; what is no number or below is
// taken as otherwise, what is above as high.
func Between(text string, low, high, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < low {
		return otherwise
	}
	return min(n, high)
}
