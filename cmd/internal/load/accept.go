package load

import (
	"context"
	"fmt"
	"net/http"

	"dreamlab/cmd/internal/boot"
)

const (
	acceptAll     = 20_000
	acceptClients = 64
	chatJob       = `{"kind":"chat","input":{"model":"assistant","messages":[{"role":"user","content":"Hello?"}]}}`
)

// accept posts jobs that no worker takes, and counts them in the database.
func accept(ctx context.Context, r *rig) (figures []Figure, err error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	front, err := r.stack.API(ctx)
	if err != nil {
		return nil, err
	}
	n := r.count(acceptAll)
	err = r.during(ctx, front.Processes, func(ctx context.Context) error {
		q := question{url: front.URL + "/v1/jobs", key: r.key, body: chatJob, status: http.StatusAccepted}
		found, took := closed(n, acceptClients, func() (timing, error) { return q.ask(ctx, r.client) })
		if err := found.fault(); err != nil {
			return err
		}
		kept, err := jobsIn(ctx, r.stack)
		if err != nil {
			return err
		}
		figures = []Figure{
			atLeast("accept", "202 answers", rate(n, took), "jobs/s", 3000),
			atMost("accept", "p99", millis(quantile(found.wholes, 0.99)), "ms", 50),
			atMost("accept", "answers without a row", float64(n-kept), "jobs", 1),
		}
		return nil
	})
	return figures, err
}

// jobsIn counts the rows.
func jobsIn(ctx context.Context, s *boot.Stack) (int, error) {
	stats, err := s.Engine.Stats(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the jobs: %w", err)
	}
	n := 0
	for _, lane := range stats.Lanes {
		n += lane.Queued + lane.Dispatched + lane.Running + lane.Waiting
	}
	return n, nil
}
