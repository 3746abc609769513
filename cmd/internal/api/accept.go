package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/store"
)

// asked is a request for work: the job to be made and the hash of what it was
// asked with, which tells whether an Idempotency-Key came with the same.
type asked struct {
	job   store.NewJob
	hash  string
	write func(context.Context, *store.Queries) error
}

// hashOf tells requests apart: the route and the body.
func hashOf(c *call, body []byte) string {
	sum := sha256.New()
	sum.Write([]byte(c.Method + " " + c.URL.Path + "\n"))
	sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil))
}

// idemKey returns the request's Idempotency-Key.
func idemKey(c *call) (string, error) {
	key := c.Header.Get("Idempotency-Key")
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", invalid("Idempotency-Key", "An Idempotency-Key has at most 255 printable ASCII characters.")
	}
	return key, nil
}

// accept makes the job, or finds the one that the same key made before.
func (s *Server) accept(c *call, a asked) (job store.Job, existed bool, err error) {
	key, err := idemKey(c)
	if err != nil {
		return store.Job{}, false, err
	}
	if a.job.ID == "" {
		a.job.ID = store.NewID("job_")
	}
	a.job.Tenant, a.job.KeyID, a.job.Trace = c.key.Tenant, c.key.ID, c.trace()
	if key != "" {
		a.job.IdemKey, a.job.IdemHash = key, a.hash
	}
	if err := s.makeRoom(c.Context(), a.job); err != nil {
		return store.Job{}, false, err
	}
	job, existed, err = s.Engine.Accept(c.Context(), a.job, a.write)
	if err != nil {
		return job, existed, acceptFault(err)
	}
	c.job = job.ID
	return job, existed, nil
}

func acceptFault(err error) error {
	var f *fault
	if errors.As(err, &f) || errors.Is(err, store.ErrRouteChanged) || !errors.Is(err, store.ErrConflict) {
		return err
	}
	return &fault{
		Status: http.StatusConflict, Code: "idempotency_conflict", err: err,
		Message: "This Idempotency-Key came with another request before: take a new key for a new request.",
	}
}

// mostWait bounds Prefer: wait.
const mostWait = 5 * time.Minute

// preferredWait reads "Prefer: wait=N" (RFC 7240, section 4.3), N in seconds.
func preferredWait(c *call) time.Duration {
	for _, header := range c.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if err != nil || n < 0 {
				return 0 // RFC 7240: what is not understood is ignored
			}
			return min(time.Duration(n)*time.Second, mostWait)
		}
	}
	return 0
}

// awaited returns the job when it has ended, where the client prefers to wait
// and it ends in time; else as it is.
func (s *Server) awaited(w http.ResponseWriter, c *call, job store.Job) (store.Job, bool, error) {
	wait := preferredWait(c)
	if wait == 0 {
		return job, false, nil
	}
	job, err := s.Engine.Wait(c.Context(), c.key.Tenant, job.ID, wait)
	if err != nil || !job.State.Ended() {
		return job, false, err
	}
	w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	return job, true, nil
}

// background answers for work that was accepted: 202 with the object, or 200
// with the finished one where the client waits and it ends in time.
func (s *Server) background(w http.ResponseWriter, c *call, job store.Job, where string,
	show func(context.Context, store.Job) (any, error),
) error {
	w.Header().Set("Location", where)
	w.Header().Set("X-Dreamlab-Job", job.ID)
	job, ended, err := s.awaited(w, c, job)
	if err != nil {
		return err
	}
	object, err := show(c.Context(), job)
	if err != nil {
		return err
	}
	if ended {
		return writeJSON(w, http.StatusOK, object)
	}
	return writeJSON(w, http.StatusAccepted, object)
}
