package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/robfig/cron/v3"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

const (
	// misfireAfter is how late a tick may be before it counts as missed.
	misfireAfter = time.Minute
	// brokenPause is how long a schedule is left that can not be computed.
	brokenPause = time.Minute
	// showEvery is how often what asynqmon shows is compared with the rows.
	showEvery = 30 * time.Second
	// showBeat is how often asynqmon is told, for the first time after one of it.
	showBeat = 2 * time.Second
)

// Scheduler fires schedules. The rows decide; Asynq's PeriodicTaskManager runs
// beside them as a second trigger, which asynqmon shows.
type Scheduler struct {
	store *store.Store
	redis redis.UniversalClient
	log   zerolog.Logger
	firer *firer
}

// Scheduler returns a scheduler. Any number may run: a tick fires once.
func (e *Engine) Scheduler() *Scheduler {
	return &Scheduler{store: e.store, redis: e.redis, log: e.log, firer: e.firer}
}

// Run fires what is due until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	shown, err := s.show()
	if err != nil {
		return err
	}
	defer shown.Shutdown()
	ticker := time.NewTicker(backstop)
	defer ticker.Stop()
	for {
		if err := s.firer.fireDue(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn().Err(err).Msg("fire schedules; it is tried again in a second")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// EnsureSchedule makes a schedule or changes it. Its tick is a job of kind
// schedule.tick and tenant SystemTenant, whose subject is the schedule's id. A
// local time that a change of clocks skips does not fire that day, one that it
// repeats fires twice: choose an hour that is neither.
func (e *Engine) EnsureSchedule(ctx context.Context, s job.Schedule) error {
	if s.Zone == "" {
		s.Zone = "UTC"
	}
	if s.Misfire == "" {
		s.Misfire = "once"
	}
	if s.Overlap == "" {
		s.Overlap = "skip"
	}
	if err := checkSchedule(s); err != nil {
		return err
	}
	now, err := e.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("schedule %s: %w", s.ID, err)
	}
	if s.Next, err = nextTick(s, now); err != nil {
		return err
	}
	if err := e.store.PutSchedule(ctx, s); err != nil {
		return fmt.Errorf("schedule %s: %w", s.ID, err)
	}
	return nil
}

func checkSchedule(s job.Schedule) error {
	switch {
	case s.ID == "":
		return fmt.Errorf("schedule %q: it needs an id", s.Spec)
	case s.Misfire != "once" && s.Misfire != "skip":
		return fmt.Errorf("schedule %s: misfire is %q: use once or skip", s.ID, s.Misfire)
	case s.Overlap != "skip" && s.Overlap != "allow":
		return fmt.Errorf("schedule %s: overlap is %q: use skip or allow", s.ID, s.Overlap)
	}
	return nil
}

// nextTick returns the first tick after a time.
func nextTick(s job.Schedule, after time.Time) (time.Time, error) {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("schedule %s: zone: use a name like Europe/Rome: %w", s.ID, err)
	}
	spec, err := cron.ParseStandard(s.Spec)
	if err != nil {
		return time.Time{}, fmt.Errorf("schedule %s: use five cron fields or @every 1h: %w", s.ID, err)
	}
	next := spec.Next(after.In(zone))
	if next.IsZero() {
		return time.Time{}, fmt.Errorf("schedule %s: %q never comes", s.ID, s.Spec)
	}
	return next.UTC(), nil
}

// firer makes the jobs of schedules that are due.
type firer struct {
	store     *store.Store
	places    *places
	deliverer *deliverer
}

// fireDue fires what is due, each schedule in a transaction of its own: one that
// can not be fired does not stop the others. Its error names it.
func (f *firer) fireDue(ctx context.Context) error {
	now, err := f.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("fire schedules: %w", err)
	}
	due, err := f.store.DueSchedules(ctx)
	if err != nil {
		return fmt.Errorf("fire schedules: %w", err)
	}
	var jobs []job.Job
	var faults []error
	for _, s := range due {
		made, err := f.fire(ctx, s, now)
		if err != nil {
			faults = append(faults, fmt.Errorf("fire schedule %s: %w", s.ID, err))
		}
		jobs = append(jobs, made...)
	}
	if len(jobs) > 0 {
		f.deliverer.deliver(ctx, jobs)
	}
	return errors.Join(faults...)
}

// fire turns a due row into a job and sets its next time, in one transaction. Of
// two schedulers that do so one finds that the tick is not due any more, and the
// job's key is the tick. A schedule that can not be computed is left for a minute.
func (f *firer) fire(ctx context.Context, s job.Schedule, now time.Time) (jobs []job.Job, err error) {
	next, err := nextTick(s, now)
	if err != nil {
		return nil, errors.Join(err, f.store.AdvanceSchedule(ctx, s.ID, s.Next, now.Add(brokenPause)))
	}
	err = f.store.Tx(ctx, db.Synced, func(q *store.Queries) (err error) {
		if err := q.AdvanceSchedule(ctx, s.ID, s.Next, next); err != nil {
			return err
		}
		jobs, err = f.fireTick(ctx, q, s, now)
		return err
	})
	if errors.Is(err, db.ErrNotFound) {
		return nil, nil // another scheduler has fired it, or it was dropped
	}
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// fireTick makes the job of a tick, unless it is skipped.
func (f *firer) fireTick(ctx context.Context, q *store.Queries, s job.Schedule, now time.Time,
) ([]job.Job, error) {
	if s.Misfire == "skip" && now.Sub(s.Next) > misfireAfter {
		return nil, nil
	}
	if s.Overlap == "skip" {
		open, err := q.HasOpenJob(ctx, SystemTenant, s.ID)
		if err != nil || open {
			return nil, err
		}
	}
	return f.tick(ctx, q, s.ID, s.Next)
}

func (f *firer) tick(ctx context.Context, q *store.Queries, schedule string, tick time.Time,
) ([]job.Job, error) {
	input, err := json.Marshal(tasks.TickInput{Schedule: schedule, Tick: tick})
	if err != nil {
		return nil, fmt.Errorf("write tick: %w", err)
	}
	out, err := q.AcceptJobs(ctx, []job.NewJob{{
		Tenant: SystemTenant, Kind: string(tasks.ScheduleTick), Lane: string(tasks.ScheduleTick.Lane()),
		Input: input, Subject: schedule,
		IdemKey: fmt.Sprintf("sched:%s:%s", schedule, tick.UTC().Format(time.RFC3339)),
	}}, f.places.allLimits())
	if err != nil {
		return nil, err
	}
	if out[0].Existed || out[0].Err != nil {
		return nil, out[0].Err
	}
	return []job.Job{out[0].Job}, nil
}

// show starts the trigger that asynqmon shows: its task is a wake-up without
// jobs, on which a worker fires what is due.
func (s *Scheduler) show() (*asynq.PeriodicTaskManager, error) {
	log := newAsynqLog(s.log)
	shown, err := asynq.NewPeriodicTaskManager(asynq.PeriodicTaskManagerOpts{
		PeriodicTaskConfigProvider: &periodic{store: s.store, log: s.log},
		RedisUniversalClient:       s.redis,
		SchedulerOpts:              &asynq.SchedulerOpts{Logger: log, LogLevel: asynq.WarnLevel, HeartbeatInterval: showBeat},
		SyncInterval:               showEvery,
	})
	if err != nil {
		return nil, fmt.Errorf("start the periodic tasks: %w", err)
	}
	if err := shown.Start(); err != nil {
		return nil, fmt.Errorf("start the periodic tasks: %w", err)
	}
	return shown, nil
}

// periodic tells Asynq of the schedules. While the database does not answer it
// tells what it knew last: this trigger is not the one that counts.
type periodic struct {
	store *store.Store
	log   zerolog.Logger

	mu    sync.Mutex
	known []*asynq.PeriodicTaskConfig
}

// GetConfigs returns a periodic task for each schedule.
func (p *periodic) GetConfigs() ([]*asynq.PeriodicTaskConfig, error) {
	ctx, cancel := context.WithTimeout(context.Background(), claimTimeout)
	defer cancel()
	all, err := p.store.Schedules(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.log.Warn().Err(err).Msg("read schedules for asynqmon; the last ones stay")
		return p.known, nil
	}
	payload, err := json.Marshal(tasks.Wake{})
	if err != nil {
		return nil, fmt.Errorf("write wake-up: %w", err)
	}
	p.known = make([]*asynq.PeriodicTaskConfig, len(all))
	for i, s := range all {
		p.known[i] = &asynq.PeriodicTaskConfig{
			Cronspec: "CRON_TZ=" + s.Zone + " " + s.Spec,
			Task:     asynq.NewTask(string(tasks.ScheduleTick), payload),
			Opts: []asynq.Option{asynq.Queue(string(tasks.ScheduleTick.Lane())),
				asynq.MaxRetry(taskRetries), asynq.Timeout(taskTimeout)},
		}
	}
	return p.known, nil
}
