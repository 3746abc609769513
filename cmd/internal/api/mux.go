package api

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
)

// mux serves the table, and tells in the API's own shape of a path or a method
// that is not in it. What the HTTP server refuses before (400 of a malformed
// request line, 417, 431) is plain text and has no id.
type mux struct {
	*http.ServeMux
	tidy http.Handler // of paths that are not as they should be written
}

// newMux returns a mux that leads elsewhere by paths with the prefix.
func newMux(front *gate.Gate, table []route, prefix string) *mux {
	m := &mux{http.NewServeMux(), front.Endpoint(unlisted("untidy path"), func(w http.ResponseWriter, c *wire.Call) error {
		return moved(w, c, prefix+tidied(c.URL.EscapedPath()))
	})}
	methods := map[string][]string{}
	for _, line := range table {
		m.Handle(line.Name, front.Endpoint(line.Rule, line.serve))
		method, pattern, _ := strings.Cut(line.Name, " ")
		methods[pattern] = append(methods[pattern], method)
	}
	for pattern, allowed := range methods {
		if slices.ContainsFunc(slices.Collect(maps.Keys(methods)), func(wider string) bool { return covers(wider, pattern) }) {
			continue // the wider pattern tells of other methods
		}
		m.Handle(pattern, front.Endpoint(unlisted(pattern), notAllowed(allowed)))
		if folder, is := strings.CutSuffix(pattern, "/"); is {
			m.Handle(folder, front.Endpoint(unlisted(folder), func(w http.ResponseWriter, c *wire.Call) error {
				return moved(w, c, prefix+pattern)
			}))
		}
	}
	m.Handle("GET /{$}", front.Endpoint(unlisted("/"), welcome))
	m.Handle("/", front.Endpoint(unlisted("/"), notFound))
	return m
}

// covers tells whether a pattern takes the path of another by a wildcard: /v1/jobs/{id}
// that of /v1/jobs/bulk. The mux refuses the two side by side where one has a method
// and the other none.
func covers(wider, pattern string) bool {
	wide, narrow := strings.Split(wider, "/"), strings.Split(pattern, "/")
	if wider == pattern || len(wide) != len(narrow) {
		return false
	}
	for i, part := range wide {
		if part != narrow[i] && !strings.HasPrefix(part, "{") {
			return false
		}
	}
	return true
}

// unlisted is the rule of what is not in the table.
func unlisted(pattern string) gate.Rule { return gate.Rule{Name: "* " + pattern, Free: true} }

// ServeHTTP answers a request.
func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if given := r.URL.EscapedPath(); given != tidied(given) && r.Method != http.MethodConnect {
		m.tidy.ServeHTTP(w, r)
		return
	}
	m.ServeMux.ServeHTTP(w, r)
}

// tidied returns a path without empty, . and .. parts.
func tidied(given string) string {
	clean := path.Clean("/" + given)
	if strings.HasSuffix(given, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// moved leads to where a path is, method and body unchanged.
func moved(w http.ResponseWriter, c *wire.Call, to string) error {
	if c.URL.RawQuery != "" {
		to += "?" + c.URL.RawQuery
	}
	w.Header().Set("Location", to)
	return &wire.Fault{
		Status: http.StatusTemporaryRedirect, Code: "not_found", Message: "This path is written " + to + ": ask there.",
	}
}

func notAllowed(methods []string) wire.Handler {
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, c *wire.Call) error {
		w.Header().Set("Allow", allow)
		return &wire.Fault{
			Status: http.StatusMethodNotAllowed, Code: "invalid_request",
			Message: "This path does not take " + c.Method + ": use " + allow + ".",
		}
	}
}

func notFound(http.ResponseWriter, *wire.Call) error {
	return &wire.Fault{
		Status: http.StatusNotFound, Code: "not_found",
		Message: "There is no such path: /openapi.yaml lists those that are served.",
	}
}

// welcomePage is shown when the server's address is opened in a browser.
const welcomePage = `<!doctype html><html lang="en"><title>Dream Lab</title><p>Dream Lab answers here. ` +
	`<a href="app/">Its pages</a> show everything, <a href="openapi.yaml">openapi.yaml</a> describes its routes, ` +
	`<a href="queues/">queues</a> shows what is under way in Redis.</p></html>`

func welcome(w http.ResponseWriter, _ *wire.Call) error {
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	return wire.Write(w, http.StatusOK, "text/html; charset=utf-8", []byte(welcomePage))
}
