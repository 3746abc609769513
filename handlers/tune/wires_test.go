package tune

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"dreamlab/store/plainjson"
)

// wires are the way to the vendor. What is broken on it arrives, and its answer
// is lost.
type wires struct {
	Transport http.RoundTripper

	mu      sync.Mutex
	broken  map[string]int // how often, by method and path
	severed string         // the next call of this method and path does not arrive
	swapped string         // the model that chats get, whatever they ask for
	spoilt  string         // the model that is asked something else than what its chats ask
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// pathOf is the path of a request, or the operation that a header names where all of them have
// one path.
func pathOf(r *http.Request) string {
	if _, operation, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		return "/" + operation
	}
	return r.URL.Path
}

func (w *wires) RoundTrip(r *http.Request) (*http.Response, error) {
	at := r.Method + " " + pathOf(r)
	if w.severs(at) {
		return nil, errors.New("connection reset")
	}
	r, err := w.readdress(r)
	if err != nil {
		return nil, err
	}
	answer, err := w.Transport.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && w.loses(r, at) {
		return nil, errors.Join(errors.New("connection reset"), answer.Body.Close())
	}
	return answer, err
}

// loses counts a call down whose answer is to be lost, by its path or by how
// that ends.
func (w *wires) loses(r *http.Request, at string) bool {
	for known, left := range w.broken {
		method, end, _ := strings.Cut(known, " …")
		if left > 0 && (known == at || method == r.Method && on(pathOf(r), end)) {
			w.broken[known]--
			return true
		}
	}
	return false
}

// on tells whether a path ends so or, where a name follows a slash, has that part.
func on(path, end string) bool {
	return end != "" && (strings.HasSuffix(path, end) || strings.HasSuffix(end, "/") && strings.Contains(path, end))
}

// loseAll loses answers by how their paths end.
func (w *wires) loseAll(times int, method string, ends ...string) {
	for _, end := range ends {
		w.lose(times, method+" …"+end)
	}
}

// whole lists the calls whose answers were to be lost and that nobody has made.
func (w *wires) whole() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var calls []string
	for call, left := range w.broken {
		if left > 0 {
			calls = append(calls, call)
		}
	}
	return calls
}

func (w *wires) severs(at string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.severed != at {
		return false
	}
	w.severed = ""
	return true
}

func (w *wires) cut(at string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.severed = at
}

// swap has another model answer every chat, as a host does that serves the base
// under an adapter's name.
func (w *wires) swap(model string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.swapped = model
}

// spoil has a model answer beside the point from now on.
func (w *wires) spoil(model string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spoilt = model
}

func (w *wires) readdress(r *http.Request) (*http.Request, error) {
	w.mu.Lock()
	model, spoilt := w.swapped, w.spoilt
	w.mu.Unlock()
	if model == "" && spoilt == "" || !strings.HasSuffix(r.URL.Path, "/chat/completions") {
		return r, nil
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	if model != "" {
		body["model"] = model
	}
	if spoilt != "" && body["model"] == spoilt {
		body["messages"] = []any{map[string]any{"role": "user", "content": "Sing of the sea."}}
	}
	text := plainjson.Of(body)
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return r, nil
}

func (w *wires) lose(times int, at string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken[at] = times
}
