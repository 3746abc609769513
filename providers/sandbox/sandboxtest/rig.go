// Package sandboxtest serves an emulator to a test over real connections, with
// a clock that only the test moves. It is for tests of the emulators and of
// what calls them, not for the program.
package sandboxtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// patience bounds a request, so that a test that goes wrong ends.
const patience = 20 * time.Second

// Rig is an emulator and its lab.
type Rig struct {
	Lab    *lab.Lab
	URL    string // of the server, without a path
	Client *http.Client
	t      testing.TB
}

// Start serves an emulator until the test ends. Without Options.Now the time
// stands still but for Advance.
func Start(t testing.TB, emulator func(*lab.Lab) http.Handler, options lab.Options) *Rig {
	t.Helper()
	if options.Now == nil {
		start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		options.Now = func() time.Time { return start }
	}
	l, err := lab.New(options)
	if err != nil {
		t.Fatalf("open the lab: %v", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/_sandbox/", l.Admin())
	mux.Handle("/", emulator(l))
	server := httptest.NewServer(mux)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		client.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
		if err := l.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	return &Rig{Lab: l, URL: server.URL, Client: client, t: t}
}

// Answer is what came back, or why nothing did.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error // the connection broke; Body holds what came before
}

// Do sends a request with the lab's key. A body that is a string is sent as it
// is, any other as JSON; nil is none.
func (r *Rig) Do(method, path string, body any) *Answer {
	r.t.Helper()
	return r.DoAs("Bearer "+r.Lab.Credential(), method, path, body)
}

// DoAs is Do with any Authorization header.
func (r *Rig) DoAs(authorization, method, path string, body any) *Answer {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	url := path
	if strings.HasPrefix(path, "/") {
		url = r.URL + path
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(encode(r.t, body)))
	if err != nil {
		r.t.Fatalf("make the request: %v", err)
	}
	req.Header.Set("Authorization", authorization)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return r.Send(req)
}

// Send sends a request as it is.
func (r *Rig) Send(req *http.Request) *Answer {
	r.t.Helper()
	resp, err := r.Client.Do(req)
	if err != nil {
		return &Answer{Err: err}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: data, Err: err}
}

func encode(t testing.TB, body any) []byte {
	t.Helper()
	if text, ok := body.(string); ok {
		return []byte(text)
	}
	if body == nil {
		return nil
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("encode the body: %v", err)
	}
	return data
}

// Fault puts a fault in the script.
func (r *Rig) Fault(f lab.Fault) {
	r.t.Helper()
	if err := r.Lab.AddFault(f); err != nil {
		r.t.Fatalf("add a fault: %v", err)
	}
}

// Once returns how often a fault of one time is played.
func Once() *int {
	n := 1
	return &n
}

// Payment returns what was paid to a vendor for a model.
func (r *Rig) Payment(vendor, model string) lab.Payment {
	for _, p := range r.Lab.Payments() {
		if p.Vendor == vendor && p.Model == model {
			return p
		}
	}
	return lab.Payment{Vendor: vendor, Model: model}
}

// Want fails the test unless the answer has a status.
func (r *Rig) Want(a *Answer, status int) *Answer {
	r.t.Helper()
	if a.Err != nil || a.Status != status {
		r.t.Fatalf("got %d %s (%v), want %d", a.Status, a.Body, a.Err, status)
	}
	return a
}

// Get returns a value of a JSON answer by its path, such as
// "choices.0.message.content"; nil where there is none.
func (a *Answer) Get(path string) any {
	var at any
	if json.Unmarshal(a.Body, &at) != nil {
		return nil
	}
	return lookup(at, path)
}

// Text is Get for printing and comparing: numbers without an exponent.
func (a *Answer) Text(path string) string {
	switch v := a.Get(path).(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

func lookup(at any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// Events returns the JSON events of a streamed answer, and whether it ended
// with [DONE].
func (a *Answer) Events(t testing.TB) (events []*Answer, done bool) {
	t.Helper()
	for line := range strings.Lines(string(a.Body)) {
		data, found := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		switch {
		case !found:
		case data == "[DONE]":
			done = true
		case !json.Valid([]byte(data)):
			t.Errorf("an event is not JSON: %s", data)
		default:
			events = append(events, &Answer{Body: []byte(data)})
		}
	}
	return events, done
}

// Is fails the test where the answer has another status (0 is any), or other
// values at paths than it should have: Is(t, 404, "error.code", "not_found").
func (a *Answer) Is(t testing.TB, status int, pairs ...string) {
	t.Helper()
	if a.Err != nil || status != 0 && a.Status != status {
		t.Errorf("got %d %.500s (%v), want %d", a.Status, a.Body, a.Err, status)
		return
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := a.Text(pairs[i]); got != pairs[i+1] {
			t.Errorf("%s is %q, want %q, in %.500s", pairs[i], got, pairs[i+1], a.Body)
		}
	}
}
