// Package status says how the program itself stands, for the verbs `status` and `doctor` and for the
// pages: who does which work, and what examinations of the settings and dependencies came to.
package status

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"dreamlab/store"
	"dreamlab/store/job"
)

// Work is the state of the jobs of all tenants.
type Work struct {
	Lanes   []Lane      `json:"lanes"`
	Workers []Worker    `json:"workers"`
	Tenants []job.Queue `json:"tenants"`
	Stuck   []Stuck     `json:"stuck"`
	// Unseen is the reason why idle workers are not shown, "" where they are.
	Unseen string `json:"unseen,omitempty"`
}

// Lane is how many of a lane's jobs are in a state.
type Lane struct {
	Lane   string    `json:"lane"`
	State  job.State `json:"state"`
	Jobs   int       `json:"jobs"`
	Oldest float64   `json:"oldest_seconds"`
}

// Worker is who serves a lane, and the jobs that it holds there.
type Worker struct {
	Worker string  `json:"worker"`
	Lane   string  `json:"lane"`
	Jobs   int     `json:"jobs"`
	Oldest float64 `json:"oldest_seconds"`
	Lease  float64 `json:"lease_seconds"`
}

// Stuck is a job that nobody moves.
type Stuck struct {
	ID    string    `json:"id"`
	Kind  string    `json:"kind"`
	State job.State `json:"state"`
	For   float64   `json:"seconds"`
}

// Look reads the work out of the database.
func Look(ctx context.Context, s *store.Store) (*Work, error) {
	w := &Work{Lanes: []Lane{}, Workers: []Worker{}, Stuck: []Stuck{}}
	counts, err := s.LaneCounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count the lanes: %w", err)
	}
	for _, c := range counts {
		w.Lanes = append(w.Lanes, Lane{c.Lane, c.State, c.Jobs, c.Oldest.Seconds()})
	}
	holders, err := s.Holders(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the workers: %w", err)
	}
	for _, h := range holders {
		w.Workers = append(w.Workers, Worker{h.Worker, h.Lane, h.Jobs, h.Oldest.Seconds(), h.Lease.Seconds()})
	}
	if w.Tenants, err = s.Queues(ctx); err != nil {
		return nil, fmt.Errorf("list the tenants: %w", err)
	}
	stuck, err := s.Stuck(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for stuck work: %w", err)
	}
	for _, j := range stuck {
		w.Stuck = append(w.Stuck, Stuck{j.ID, j.Kind, j.State, j.For.Seconds()})
	}
	return w, nil
}

// Serving is a worker process that takes work from a lane, as the queue knows it.
type Serving struct {
	Process string // host/pid: what a worker's name begins with
	Lane    string
}

// servingPatience bounds the question whether the queue is there.
const servingPatience = 3 * time.Second

// Find asks the queue which workers serve which lane.
func Find(ctx context.Context, queue redis.UniversalClient) ([]Serving, error) {
	asking, cancel := context.WithTimeout(ctx, servingPatience)
	defer cancel()
	if err := queue.Ping(asking).Err(); err != nil {
		return nil, fmt.Errorf("ask the queue for its workers: %w", err)
	}
	servers, err := asynq.NewInspectorFromRedisClient(queue).Servers()
	if err != nil {
		return nil, fmt.Errorf("ask the queue for its workers: %w", err)
	}
	var all []Serving
	for _, s := range servers {
		for lane := range s.Queues {
			all = append(all, Serving{fmt.Sprintf("%s/%d", s.Host, s.PID), lane})
		}
	}
	slices.SortFunc(all, func(a, b Serving) int {
		return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Lane, b.Lane))
	})
	return all, nil
}

// AddIdle adds the workers that serve a lane and hold no job, as they were found.
func (w *Work) AddIdle(all []Serving, err error) {
	if err != nil {
		w.Unseen = err.Error()
		return
	}
	for _, s := range all {
		busy := slices.ContainsFunc(w.Workers, func(r Worker) bool {
			return r.Lane == s.Lane && strings.HasPrefix(r.Worker+"/", s.Process+"/")
		})
		if !busy {
			w.Workers = append(w.Workers, Worker{Worker: s.Process, Lane: s.Lane})
		}
	}
}
