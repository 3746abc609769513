// Package web is what browsers see: the page of the queues, with a policy under
// which it fetches nothing from elsewhere.
package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Queues is the page under /queues/: asynqmon, which shows what is on its way
// through Redis. It changes nothing: what cancels or retries is in /v1/jobs,
// because the database decides.
type Queues struct{ page *asynqmon.HTTPHandler }

const queuesRoot = "/queues"

// NewQueues returns the page for a Redis, whose owner closes it. What asynqmon
// shows of the server depends on the client's own type: do not wrap it.
func NewQueues(client redis.UniversalClient) *Queues {
	return &Queues{page: asynqmon.New(asynqmon.Options{
		RootPath: queuesRoot, RedisConnOpt: opened{client}, ReadOnly: true,
		PayloadFormatter: asynqmon.PayloadFormatterFunc(shownPayload),
		ResultFormatter:  asynqmon.ResultFormatterFunc(func(string, []byte) string { return "" }),
	})}
}

// opened is a connection that is open already.
type opened struct{ client redis.UniversalClient }

// MakeRedisClient returns the connection.
func (o opened) MakeRedisClient() any { return o.client }

// shownPayload shows which jobs a task wakes, and nothing that it does not know.
func shownPayload(_ string, payload []byte) string {
	var wake tasks.Wake
	if err := json.Unmarshal(payload, &wake); err != nil {
		return "(not a wake-up)"
	}
	ids := make([]string, len(wake.Jobs))
	for i, ref := range wake.Jobs {
		ids[i] = fmt.Sprintf("%s (generation %d)", ref.ID, ref.Gen)
	}
	return strings.Join(ids, ", ")
}

// ServeHTTP shows the page with a policy under which it fetches nothing from
// elsewhere.
func (q *Queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == queuesRoot+"/api/queues" && r.Method == http.MethodGet {
		q.listQueues(w, r)
		return
	}
	held := newHeld()
	q.page.ServeHTTP(held, r)
	body := held.body.Bytes()
	data, html := strings.HasPrefix(r.URL.Path, queuesRoot+"/api/"), bytes.HasPrefix(body,
		[]byte("<!doctype html>"))
	switch {
	case data && html: // asynqmon answers with its page where it has no such data
		none := wire.Missing("view of the queue")
		held.status, body = none.Status, none.Body()
		held.header.Set("Content-Type", "application/json")
	case data && held.status == http.StatusOK:
		held.header.Set("Content-Type", "application/json")
	case html:
		body = withoutFonts.ReplaceAll(body, nil)
		held.header.Set("Content-Type", "text/html; charset=utf-8")
		held.header.Set("Content-Security-Policy", policy(body))
		held.header.Set("Referrer-Policy", "no-referrer")
	}
	held.pass(w, body)
}

// listQueues leaves out a queue that can not be read, where asynqmon would
// answer with an error and the page would be blank.
func (q *Queues) listQueues(w http.ResponseWriter, r *http.Request) {
	all := newHeld()
	q.page.ServeHTTP(all, r)
	body := all.body.Bytes()
	if all.status != http.StatusOK {
		all.status, body = http.StatusOK, q.readable(r)
	}
	all.header.Set("Content-Type", "application/json")
	all.pass(w, body)
}

func (q *Queues) readable(r *http.Request) []byte {
	queues := []json.RawMessage{}
	for _, lane := range tasks.Lanes() {
		one := newHeld()
		ask := r.Clone(r.Context())
		ask.URL.Path += "/" + string(lane)
		q.page.ServeHTTP(one, ask)
		var queue struct{ Current json.RawMessage }
		if one.status == http.StatusOK && json.Unmarshal(one.body.Bytes(), &queue) == nil {
			queues = append(queues, queue.Current)
		}
	}
	return plainjson.Of(map[string]any{"queues": queues})
}

var (
	withoutFonts = regexp.MustCompile(`<link rel="stylesheet" href="https://fonts\.googleapis\.com[^>]*>`)
	inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
)

// policy allows the page's own files and the scripts that stand in it, by hash.
// Its component library writes styles into the page.
func policy(page []byte) string {
	scripts := "'self'"
	for _, script := range inlineScript.FindAllSubmatch(page, -1) {
		sum := sha256.Sum256(script[1])
		scripts += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'self'; script-src " + scripts +
		"; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; " +
		"frame-ancestors 'none'"
}

// held keeps an answer of the page until it is known whether it will do. The
// largest is the page's own script, two megabytes.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newHeld() *held { return &held{header: http.Header{}, status: http.StatusOK} }

// Header returns the headers that will be sent.
func (h *held) Header() http.Header { return h.header }

// WriteHeader notes the status.
func (h *held) WriteHeader(status int) { h.status = status }

// Write keeps the bytes.
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }

func (h *held) pass(w http.ResponseWriter, body []byte) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	contentType := h.header.Get("Content-Type")
	if contentType == "" {
		contentType = "text/plain; charset=utf-8"
	}
	if err := wire.Write(w, h.status, contentType, body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}
