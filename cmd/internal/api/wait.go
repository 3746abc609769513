package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/job"
)

// waits lets clients wait for the end of what works in the background.
type waits struct {
	store  *store.Store
	engine Engine
	// usual is how long a client waits that states no preference. Defaults to not at all.
	usual time.Duration
}

// shower shows the object that a job works for.
type shower func(context.Context, job.Job) (any, error)

// maxWait bounds Prefer: wait, since each wait holds a connection.
const maxWait = 5 * time.Minute

// preferredWait reads "Prefer: wait=N" and "Prefer: respond-async" (RFC 7240,
// sections 4.3 and 4.1), N in seconds, and tells whether one was there.
func preferredWait(c *wire.Call) (wait time.Duration, stated bool) {
	for _, header := range c.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "wait":
				return waitOf(value), true
			case "respond-async":
				stated = true
			}
		}
	}
	return 0, stated
}

func waitOf(value string) time.Duration {
	n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
	if err != nil || n < 0 {
		return 0 // RFC 7240: what is not understood is ignored
	}
	return min(time.Duration(n)*time.Second, maxWait)
}

// until returns the job when it has ended, where the client prefers to wait
// and it ends in time; else as it is.
func (h waits) until(w http.ResponseWriter, c *wire.Call, job job.Job) (job.Job, bool, error) {
	wait, stated := preferredWait(c)
	if !stated {
		wait = h.usual
	}
	if wait == 0 {
		return job, false, nil
	}
	job, err := h.engine.Wait(c.Context(), c.Tenant, job.ID, wait)
	if err != nil || !job.State.Ended() {
		return job, false, err
	}
	if stated {
		w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	}
	return job, true, nil
}

// accepted answers for work that was accepted: 202 with the object, or 200
// with the finished one where the client waits and it ends in time.
func (h waits) accepted(w http.ResponseWriter, c *wire.Call, job job.Job, where string,
	show shower,
) error {
	w.Header().Set("Location", where)
	w.Header().Set("X-Dreamlab-Job", job.ID)
	job, ended, err := h.until(w, c, job)
	if err != nil {
		return err
	}
	object, err := show(c.Context(), job)
	if err != nil {
		return err
	}
	if ended {
		return wire.WriteJSON(w, http.StatusOK, object)
	}
	return wire.WriteJSON(w, http.StatusAccepted, object)
}

// shown shows a noun by the job that works for it.
func (h waits) shown(w http.ResponseWriter, c *wire.Call, id string, show shower) error {
	c.Job = id
	job, err := h.store.Job(c.Context(), c.Tenant, id)
	if err != nil {
		return err
	}
	if job, _, err = h.until(w, c, job); err != nil {
		return err
	}
	view, err := show(c.Context(), job)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, view)
}

// spent is what a job has cost so far, nano-dollars. One that was never claimed
// is not asked for: it has no calls, and no children.
func spent(ctx context.Context, s *store.Store, job job.Job) (int64, error) {
	if job.Epoch == 0 {
		return 0, nil
	}
	spend, err := s.JobSpend(ctx, job.ID)
	return spend.Settled, err
}

// spentBy is what the jobs of the rows of a list have cost so far.
func spentBy[T any](ctx context.Context, s *store.Store, rows []T, job func(T) string) (map[string]book.Spend, error) {
	jobs := make([]string, len(rows))
	for i, row := range rows {
		jobs[i] = job(row)
	}
	return s.JobSpends(ctx, jobs)
}
