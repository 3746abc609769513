// Package schedule is the room of the clock: at each tick it looks at every
// tenant and starts a dream where one is due. Whether one is due is a pure
// function (decide.go), and its reason stands in the tick's result.
//
// When a tick comes is the engine's business; what a dream does is package
// dream's.
package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// Load is how busy the chats are.
type Load struct {
	Chats int           // queued or running
	Wait  time.Duration // of the oldest that is queued
}

// Accept queues a job and stores what the function writes in the same transaction;
// engine.Accept is one.
type Accept func(context.Context, job.NewJob, func(context.Context, *store.Queries) error) (
	job.Job, bool, error)

// Deps are what ticks work with. Caller, Accept and Load are required.
type Deps struct {
	Caller *handlers.Caller
	// Accept queues a job; it is the engine's.
	Accept Accept
	// Load tells how busy the chats are.
	Load     func(ctx context.Context) (Load, error)
	Settings Settings
}

// Tick returns the handler of schedule.tick.
func Tick(d Deps) tasks.Handler {
	d.Settings = d.Settings.filled()
	t := &ticker{d}
	return t.tick
}

type ticker struct{ Deps }

// decision is whether a tick started a dream for one tenant, and why.
type decision struct {
	Tenant  string `json:"tenant"`
	Started bool   `json:"started"`
	Reason  string `json:"reason"`
	Dream   string `json:"dream,omitempty"`
}

// tickResult is the result of schedule.tick.
type tickResult struct {
	Tick      time.Time  `json:"tick"`
	Decisions []decision `json:"decisions"`
	More      int        `json:"more,omitempty"` // beyond those that are listed
}

const maxListed = 200

// tick decides on every tenant. A tick that failed for some tenants is tried again: the
// others' dreams are found to be running, and are not started twice.
func (t *ticker) tick(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.TickInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	result, err := t.decideAll(ctx, run, in)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(result)
	return &tasks.End{Result: text}, err
}

// decideAll decides on each tenant; one whose facts can not be read does not
// keep the others from being served. The error names those.
func (t *ticker) decideAll(ctx context.Context, run *tasks.Run, in tasks.TickInput) (tickResult, error) {
	result := tickResult{Tick: in.Tick.UTC(), Decisions: []decision{}}
	load, err := t.Load(ctx)
	if err != nil {
		return result, fmt.Errorf("ask for the load: %w", err)
	}
	tenants, err := tenantsOf(ctx, run)
	if err != nil {
		return result, err
	}
	var faults []error
	for _, tenant := range tenants {
		if ctx.Err() != nil {
			return result, context.Cause(ctx)
		}
		made, err := t.consider(ctx, run, in, load, tenant)
		if err != nil {
			faults = append(faults, fmt.Errorf("tenant %s: %w", tenant, err))
			continue
		}
		if len(result.Decisions) == maxListed {
			result.More++
			continue
		}
		result.Decisions = append(result.Decisions, made)
	}
	return result, errors.Join(faults...)
}

// tenantsOf returns the ids of all tenants: rows are not held open while
// others are written.
func tenantsOf(ctx context.Context, run *tasks.Run) ([]string, error) {
	var ids []string
	err := run.Store.Tenants(ctx, func(tenant store.Tenant) error {
		ids = append(ids, tenant.ID)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return ids, nil
}

func (t *ticker) consider(
	ctx context.Context, run *tasks.Run, in tasks.TickInput, load Load, tenant string,
) (decision, error) {
	f, err := t.facts(ctx, run.Store.Queries, in.Tick, tenant)
	if err != nil {
		return decision{}, err
	}
	f.Load = load
	made := decision{Tenant: tenant}
	if made.Started, made.Reason = decide(f, t.Settings); !made.Started {
		return made, nil
	}
	return t.start(ctx, in, made)
}

// start asks for the dream. The key holds the tick, so that a tick which runs
// again starts nothing twice.
func (t *ticker) start(ctx context.Context, in tasks.TickInput, made decision) (decision, error) {
	input, err := json.Marshal(tasks.DreamInput{Limit: t.Settings.Limit, Mode: "auto"})
	if err != nil {
		return made, fmt.Errorf("write the dream's input: %w", err)
	}
	job := job.NewJob{
		ID: db.NewID("job_"), Tenant: made.Tenant, Kind: string(tasks.DreamPlan), Lane: string(tasks.Dream),
		Subject: db.NewID("drm_"), Input: input,
		IdemKey: fmt.Sprintf("tick:%s:%d", in.Schedule, in.Tick.Unix()), IdemHash: "tick",
	}
	accepted, _, err := t.Accept(ctx, job, func(ctx context.Context, q *store.Queries) error {
		return q.AddDream(ctx, learn.Dream{
			ID: job.Subject, Tenant: job.Tenant, Job: job.ID, Mode: "auto", Stage: "seal",
		})
	})
	if errors.Is(err, db.ErrConflict) {
		return decision{Tenant: made.Tenant, Reason: "running: another was started just now"}, nil
	}
	if err != nil {
		return made, fmt.Errorf("start a dream: %w", err)
	}
	made.Dream = accepted.Subject
	return made, nil
}
