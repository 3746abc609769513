package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Asked is a request for work: the job to be made and the hash of what it was
// asked with, which tells whether an Idempotency-Key came with the same.
type Asked struct {
	Job   job.NewJob
	Hash  string
	Write func(context.Context, *store.Queries) error
	// Refused may say more of why it was not accepted. Defaults to the refusal as it is.
	Refused func(context.Context, error) error
}

// HashOf tells requests apart: the route and the body.
func HashOf(c *wire.Call, body []byte) string {
	sum := sha256.New()
	sum.Write([]byte(c.Method + " " + c.URL.Path + "\n"))
	sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil))
}

// IdemKey returns the request's Idempotency-Key.
func IdemKey(c *wire.Call) (string, error) {
	key := c.Header.Get("Idempotency-Key")
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", wire.Invalid("Idempotency-Key", "An Idempotency-Key has at most 255 printable ASCII characters.")
	}
	return key, nil
}

// Accept makes the job, or finds the one that the same key made before.
func (g *Gate) Accept(c *wire.Call, a Asked) (j job.Job, existed bool, err error) {
	key, err := IdemKey(c)
	if err != nil {
		return job.Job{}, false, err
	}
	if a.Job.ID == "" {
		a.Job.ID = db.NewID("job_")
	}
	a.Job.Tenant, a.Job.KeyID, a.Job.Trace = c.Tenant, c.Key, c.Trace()
	if key != "" {
		a.Job.IdemKey, a.Job.IdemHash = key, a.Hash
	}
	if err := g.makeRoom(c.Context(), a.Job); err != nil {
		return job.Job{}, false, err
	}
	j, existed, err = g.Engine.Accept(c.Context(), a.Job, a.Write)
	if err != nil {
		err = acceptFault(err)
		if a.Refused != nil {
			err = a.Refused(c.Context(), err)
		}
		return j, existed, err
	}
	if existed {
		c.Reply.Set("Idempotent-Replayed", "true")
	}
	c.Job = j.ID
	return j, existed, nil
}

func acceptFault(err error) error {
	var f *wire.Fault
	if errors.As(err, &f) || errors.Is(err, job.ErrRouteChanged) || !errors.Is(err, db.ErrConflict) {
		return err
	}
	return &wire.Fault{
		Status: http.StatusConflict, Code: "idempotency_conflict", Err: err,
		Message: "This Idempotency-Key came with another request before: take a new key for a new request.",
	}
}
