package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
)

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	body   *wire.Incoming
	status int
	bytes  int64
}

// WriteHeader notes the status. A request that is answered before its body has
// come is the last of its connection.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	if r.body.Unread() {
		r.Header().Set("Connection", "close")
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// send gives the client a reply that is whole, so that it does not wait for what is logged and
// counted, 0.02 ms.
func (r *recorder) send() error {
	if r.status == 0 || r.Header().Get("Content-Length") == "" || r.body.Unread() {
		return nil // the server ends it
	}
	if err := http.NewResponseController(r.ResponseWriter).Flush(); err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

var tidyID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// requestID keeps the client's own id where it is harmless.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); tidyID.MatchString(id) {
		return id
	}
	return db.NewID("req_")
}

// Rule holds what a route requires of a request.
type Rule struct {
	Name   string // method and path, for the log
	Who    Access
	Upload bool     // its body may be large, and is streamed
	Query  []string // the parameters that it takes
	Free   bool     // it takes any parameters: they are another's to read
	Audit  bool     // its use is written down; that of admins' routes always is
	Once   bool     // its reply is kept under the Idempotency-Key, since it makes no job that would
	// Fault puts an error into the form of the route's clients. Defaults to OpenAI's.
	Fault func(*wire.Fault) []byte
}

// Endpoint puts around a route what all have in common: the request's id, who
// may call it, the limit of its body, its errors and its line in the log.
func (g *Gate) Endpoint(rule Rule, serve wire.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		// A copy, since the server has to find its own body to see what is left of it.
		c := &wire.Call{Request: r.WithContext(r.Context()), ID: requestID(r), Reply: w.Header()}
		out := &recorder{ResponseWriter: w, body: wire.NewIncoming(w, r, g.Patience, rule.Upload)}
		out.Header().Set("X-Request-Id", c.ID)
		harden(out.Header(), r, rule)
		c.Body = http.MaxBytesReader(w, out.body, g.bodyLimit(rule))
		if g.Tracer != nil && !rule.Free {
			ended := g.Tracer.Request(c.Header, rule.Name)
			defer func() { ended(out.status, c.Job) }()
		}
		err := g.guarded(out, c, rule, serve)
		if err != nil && out.status == 0 {
			err = g.refuse(out, r, rule, err)
		}
		err = errors.Join(err, out.send(), out.body.Abandon())
		g.logCall(c, rule, out, began, err)
		g.seen.count(rule.Name, out.status, time.Since(began))
		if errors.Is(err, wire.ErrCut) && out.status != 0 {
			panic(http.ErrAbortHandler) // to the server: the client must see that this is not all
		}
	})
}

// harden sets the headers that keep browsers from doing with a reply what it is not for. Pages
// (free routes) have a policy of their own.
func harden(header http.Header, r *http.Request, rule Rule) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if r.TLS != nil {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if rule.Free {
		return
	}
	header.Set("X-Frame-Options", "DENY")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
}

// statusClientGone is what the log tells of a request whose client did not wait
// for the answer: nginx's word, for there is none in HTTP.
const statusClientGone = 499

// refuse tells the client of an error, and returns what the log has to know.
func (g *Gate) refuse(out *recorder, r *http.Request, rule Rule, err error) error {
	f, cause := FaultOf(err), context.Cause(r.Context())
	if broken := out.body.Broken(); broken != nil && f.Status >= http.StatusInternalServerError {
		f = FaultOf(broken)
	}
	switch {
	case f.Status < http.StatusInternalServerError || cause == nil:
	case errors.Is(cause, ErrStopping):
		if f.Status == http.StatusInternalServerError {
			f = stoppingFault(err)
		}
	default:
		out.status = statusClientGone
		return err
	}
	if rule.Fault != nil {
		return told(f, wire.WriteFaultAs(out, f, rule.Fault(f)))
	}
	return told(f, wire.WriteFault(out, f))
}

// check refuses what no handler of the route could read.
func (g *Gate) check(r *http.Request, rule Rule) error {
	if limit := g.bodyLimit(rule); r.ContentLength > limit {
		return &http.MaxBytesError{Limit: limit}
	}
	if err := wire.CheckEncoding(r); err != nil {
		return err
	}
	if rule.Free {
		return nil
	}
	return wire.CheckQuery(r, rule.Query)
}

func (g *Gate) bodyLimit(rule Rule) int64 {
	if rule.Upload {
		return g.MaxUpload
	}
	return g.MaxBody
}

// told returns what the log has to know of an error that the client was told.
func told(f *wire.Fault, writing error) error {
	if writing != nil {
		return writing
	}
	return f
}

// guarded runs a route and turns its panics into errors.
func (g *Gate) guarded(w http.ResponseWriter, c *wire.Call, rule Rule, serve wire.Handler) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = &wire.Fault{
				Status: http.StatusInternalServerError, Code: "internal",
				Message: "Something went wrong on our side: give the operator the x-request-id.",
				Err:     fmt.Errorf("panic: %T\n%s", p, debug.Stack()),
			}
		}
	}()
	key, err := g.admit(c.Request, rule.Who)
	if err != nil {
		if rule.Who == Browser {
			w.Header().Set("WWW-Authenticate", basicRealm)
		}
		return err
	}
	c.Tenant, c.Key, c.Asks, c.Identity = key.Tenant, key.ID, key.Asks, !key.Identity.IsZero()
	if err := g.check(c.Request, rule); err != nil {
		return err
	}
	if !rule.Upload {
		if c.Release, err = g.room.take(sizeOf(c.Request, g.MaxBody)); err != nil {
			g.seen.refused.WithLabelValues("no room").Inc()
			return err
		}
		defer c.Release()
	}
	if rule.Once {
		answer := serve
		serve = func(w http.ResponseWriter, c *wire.Call) error { return g.once(w, c, answer) }
	}
	if err := serve(w, c); err != nil || !rule.Audit && rule.Who != Admin || c.Method == http.MethodGet {
		return err
	}
	return g.note(c, rule)
}

// note writes down who changed what.
func (g *Gate) note(c *wire.Call, rule Rule) error {
	var subjects []string
	for _, name := range []string{"id", "alias"} {
		if value := c.PathValue(name); value != "" {
			subjects = append(subjects, value)
		}
	}
	err := g.Store.AddAudit(context.WithoutCancel(c.Context()), store.Audit{
		Tenant: c.Tenant, Key: c.Key, Action: rule.Name, Subject: strings.Join(subjects, " "), Request: c.ID,
	})
	if err != nil {
		return fmt.Errorf("write down who changed what: %w", err)
	}
	return nil
}

// logCall writes the request's line. It holds ids and never a key, a query or
// a body.
func (g *Gate) logCall(c *wire.Call, rule Rule, out *recorder, began time.Time, err error) {
	line := g.Log.Info()
	switch {
	case out.status >= http.StatusInternalServerError:
		line = g.Log.Error().Err(err)
	case out.status == statusClientGone, err != nil && c.Context().Err() != nil:
		line = g.Log.Info().Str("ended", "the client went away")
	case err != nil:
		line = g.Log.Warn().Err(err)
	}
	fill(line, c).Str("route", rule.Name).Int("status", out.status).
		Int64("bytes", out.bytes).Dur("ms", time.Since(began)).Msg("request")
}

func fill(line *zerolog.Event, c *wire.Call) *zerolog.Event {
	line = line.Str("request", c.ID)
	for name, id := range map[string]string{"tenant": c.Tenant, "key": c.Key, "job": c.Job,
		"trace": c.Trace()} {
		if id != "" {
			line = line.Str(name, id)
		}
	}
	return line
}

const basicRealm = `Basic realm="dreamlab queues: any name, an admin key as password"`
