package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/store"
)

// call is a request on its way through: who asks, and what the log will tell.
type call struct {
	*http.Request
	id  string // x-request-id
	key store.Key
	job string // the job that it made or looked at
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

var (
	tidyID    = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)
	tidyTrace = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// requestID keeps the client's own id where it is harmless.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); tidyID.MatchString(id) {
		return id
	}
	return store.NewID("req_")
}

// trace returns the W3C traceparent, "" where it is none.
func (c *call) trace() string {
	if parent := c.Header.Get("Traceparent"); tidyTrace.MatchString(parent) {
		return parent
	}
	return ""
}

// endpoint puts around a route what all have in common: the request's id, who
// may call it, the limit of its body, its errors and its line in the log.
func (s *Server) endpoint(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := &call{Request: r, id: requestID(r)}
		out := &recorder{ResponseWriter: w}
		out.Header().Set("X-Request-Id", c.id)
		out.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, steady{r.Body, http.NewResponseController(w)}, s.bodyLimit(rt))
		err := s.guarded(out, c, rt)
		if err != nil && out.status == 0 {
			err = s.refuse(out, r, err)
		}
		s.logCall(c, rt, out, began, err)
	})
}

// statusClientGone is what the log tells of a request whose client did not wait
// for the answer: nginx's word, for there is none in HTTP.
const statusClientGone = 499

// refuse tells the client of an error, and returns what the log has to know.
func (s *Server) refuse(out *recorder, r *http.Request, err error) error {
	f, cause := faultOf(err), context.Cause(r.Context())
	switch {
	case f.Status < http.StatusInternalServerError || cause == nil:
	case errors.Is(cause, errStopping):
		if f.Status == http.StatusInternalServerError {
			f = stoppingFault(err)
		}
	default:
		out.status = statusClientGone
		return err
	}
	return told(f, writeFault(out, f))
}

func (s *Server) bodyLimit(rt route) int64 {
	if rt.upload {
		return s.MostUpload
	}
	return s.MostBody
}

// told returns what the log has to know of an error that the client was told.
func told(f *fault, writing error) error {
	if writing != nil {
		return writing
	}
	return f
}

// guarded runs a route and turns its panics into errors.
func (s *Server) guarded(w http.ResponseWriter, c *call, rt route) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = &fault{
				Status: http.StatusInternalServerError, Code: "internal",
				Message: "Something went wrong on our side: give the operator the x-request-id.",
				err:     fmt.Errorf("panic: %v\n%s", p, debug.Stack()),
			}
		}
	}()
	if c.key, err = s.admit(c.Request, rt.who); err != nil {
		if rt.who == browser {
			w.Header().Set("WWW-Authenticate", basicRealm)
		}
		return err
	}
	return rt.serve(w, c)
}

// logCall writes the request's line. It holds ids and never a key, a query or
// a body.
func (s *Server) logCall(c *call, rt route, out *recorder, began time.Time, err error) {
	line := s.Log.Info()
	switch {
	case out.status >= http.StatusInternalServerError:
		line = s.Log.Error().Err(err)
	case out.status == statusClientGone, err != nil && c.Context().Err() != nil:
		line = s.Log.Info().Str("ended", "the client went away")
	case err != nil:
		line = s.Log.Warn().Err(err)
	}
	fill(line, c).Str("route", rt.method+" "+rt.path).Int("status", out.status).
		Int64("bytes", out.bytes).Dur("ms", time.Since(began)).Msg("request")
}

func fill(line *zerolog.Event, c *call) *zerolog.Event {
	line = line.Str("request", c.id)
	for name, id := range map[string]string{"tenant": c.key.Tenant, "key": c.key.ID, "job": c.job,
		"trace": c.trace()} {
		if id != "" {
			line = line.Str(name, id)
		}
	}
	return line
}

const basicRealm = `Basic realm="dreamlab queues: any name, an admin key as password"`
