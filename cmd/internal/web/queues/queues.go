// Package queues is the page under /queues/: asynqmon, with a policy under which it
// fetches nothing from elsewhere.
package queues

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
	"dreamlab/cmd/internal/web/held"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Page is the page under /queues/: asynqmon, which shows what is on its way
// through Redis. It changes nothing: what cancels or retries is in /v1/jobs,
// because the database decides.
type Page struct {
	page   *asynqmon.HTTPHandler
	prefix string
}

const root = "/queues"

// New returns the page for a Redis, whose owner closes it, in a site whose paths
// begin with a prefix. What asynqmon shows of the server depends on the client's own
// type: do not wrap it.
func New(client redis.UniversalClient, prefix string) *Page {
	return &Page{prefix: prefix, page: asynqmon.New(asynqmon.Options{
		RootPath: prefix + root, RedisConnOpt: opened{client}, ReadOnly: true,
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
func (q *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == root+"/api/queues" && r.Method == http.MethodGet {
		q.listQueues(w, r)
		return
	}
	got := held.New()
	q.ask(got, r)
	body := got.Bytes()
	data, html := strings.HasPrefix(r.URL.Path, root+"/api/"), bytes.HasPrefix(body,
		[]byte("<!doctype html>"))
	switch {
	case data && html: // asynqmon answers with its page where it has no such data
		none := wire.Missing("view of the queue")
		got.Status, body = none.Status, none.Body()
		got.Header().Set("Content-Type", "application/json")
	case data && got.Status == http.StatusOK:
		got.Header().Set("Content-Type", "application/json")
	case html:
		body = withoutFonts.ReplaceAll(body, nil)
		got.Header().Set("Content-Type", "text/html; charset=utf-8")
		got.Header().Set("Content-Security-Policy", policy(body))
		got.Header().Set("Referrer-Policy", "no-referrer")
	}
	got.Pass(w, body)
}

// ask asks asynqmon, which knows its paths with their prefix alone.
func (q *Page) ask(w http.ResponseWriter, r *http.Request) {
	ask := r.Clone(r.Context())
	ask.URL.Path, ask.URL.RawPath = q.prefix+r.URL.Path, ""
	q.page.ServeHTTP(w, ask)
}

// listQueues leaves out a queue that can not be read, where asynqmon would
// answer with an error and the page would be blank.
func (q *Page) listQueues(w http.ResponseWriter, r *http.Request) {
	all := held.New()
	q.ask(all, r)
	body := all.Bytes()
	if all.Status != http.StatusOK {
		all.Status, body = http.StatusOK, q.readable(r)
	}
	all.Header().Set("Content-Type", "application/json")
	all.Pass(w, body)
}

func (q *Page) readable(r *http.Request) []byte {
	queues := []json.RawMessage{}
	for _, lane := range tasks.Lanes() {
		one := held.New()
		ask := r.Clone(r.Context())
		ask.URL.Path += "/" + string(lane)
		q.ask(one, ask)
		var queue struct{ Current json.RawMessage }
		if one.Status == http.StatusOK && json.Unmarshal(one.Bytes(), &queue) == nil {
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
