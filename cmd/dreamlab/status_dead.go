package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

// deadOptions select jobs that did not succeed.
type deadOptions struct {
	Dead   bool          `help:"list jobs that failed or expired, with every attempt's error"`
	Retry  bool          `help:"queue all jobs that --dead would list once more"`
	Tenant string        `placeholder:"NAME" help:"with --dead or --retry: of the tenant with this NAME or id"`
	Kind   string        `placeholder:"KIND" help:"with --dead or --retry: of this KIND: chat, dream, tune, webhook"`
	Code   string        `placeholder:"CODE" help:"with --dead or --retry: with this error CODE"`
	Since  time.Duration `default:"24h" placeholder:"DURATION" help:"with --dead or --retry: in the last DURATION"`
}

func (o *deadOptions) asked() bool { return o.Dead || o.Retry }

func (o *deadOptions) check() error {
	if o.Since <= 0 {
		return misuse("--since has to be more than nothing")
	}
	if !o.asked() && (o.Tenant != "" || o.Kind != "" || o.Code != "") {
		return misuse("--tenant, --kind and --code choose dead work: add --dead or --retry")
	}
	return nil
}

// deadJob is a job that did not succeed.
type deadJob struct {
	ID       string        `json:"id"`
	Tenant   string        `json:"tenant"` // its name
	TenantID string        `json:"tenant_id"`
	Kind     string        `json:"kind"`
	Status   job.State     `json:"status"`
	Error    *job.Error    `json:"error"`
	Finished time.Time     `json:"finished"`
	Attempts []deadAttempt `json:"attempts"`
	Retried  bool          `json:"retried"`
}

type deadAttempt struct {
	Worker  string     `json:"worker"`
	Ended   time.Time  `json:"ended"`
	Outcome string     `json:"outcome"`
	Error   *job.Error `json:"error"`
}

// run lists all of them, a page at a time, the newest first.
func (o *deadOptions) run(ctx context.Context, sh shell, s *store.Store, asJSON bool) error {
	names, err := tenantNames(ctx, s)
	if err != nil {
		return err
	}
	tenant, err := names.find(o.Tenant)
	if err != nil {
		return err
	}
	filter := job.DeadFilter{Tenant: tenant, Noun: o.Kind, Code: o.Code, Within: o.Since}
	found, retried := 0, 0
	for page := (db.Page{Limit: 100}); ; {
		jobs, more, err := s.DeadJobs(ctx, filter, page)
		if err != nil {
			return fmt.Errorf("look for dead work: %w", err)
		}
		for _, job := range jobs {
			dead, err := o.one(ctx, s, job)
			if err != nil {
				return err
			}
			dead.Tenant = names.of(dead.TenantID)
			found++
			if dead.Retried {
				retried++
			}
			if err := dead.write(sh, asJSON); err != nil {
				return err
			}
		}
		if !more {
			break
		}
		page.After = jobs[len(jobs)-1].ID
	}
	if !o.Retry {
		fmt.Fprintf(sh.errs, "%d found\n", found)
		return nil
	}
	fmt.Fprintf(sh.errs, "%d found, %d queued again\n", found, retried)
	return nil
}

func (o *deadOptions) one(ctx context.Context, s *store.Store, job job.Job) (deadJob, error) {
	dead := deadJob{ID: job.ID, TenantID: job.Tenant, Kind: job.Kind, Status: job.State, Error: job.Error,
		Finished: job.Finished, Attempts: []deadAttempt{}}
	attempts, err := s.Attempts(ctx, job.ID)
	if err != nil {
		return dead, fmt.Errorf("read the attempts at %s: %w", job.ID, err)
	}
	for _, a := range attempts {
		dead.Attempts = append(dead.Attempts, deadAttempt{a.Worker, a.Ended, a.Outcome, a.Error})
	}
	if !o.Retry {
		return dead, nil
	}
	err = s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		_, err := q.RetryJob(ctx, job.Tenant, job.ID)
		return err
	})
	if errors.Is(err, db.ErrConflict) {
		return dead, nil // it was retried meanwhile, or another job of its subject is running
	}
	if err != nil {
		return dead, fmt.Errorf("retry %s: %w", job.ID, err)
	}
	dead.Retried = true
	return dead, nil
}

// write prints one job: as a JSON object, or as a line with one more for each attempt.
func (d deadJob) write(sh shell, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(sh.out).Encode(d)
	}
	again := ""
	if d.Retried {
		again = ", queued again"
	}
	_, err := fmt.Fprintf(sh.out, "%s  %s  %s  %s  %s%s\n",
		d.ID, day(d.Finished), d.Tenant, d.Kind, reason(d.Status, d.Error), again)
	for _, a := range d.Attempts {
		fmt.Fprintf(sh.out, "    %s  %s  %s\n", day(a.Ended), a.Worker, reason(job.State(a.Outcome), a.Error))
	}
	return err
}

func reason(state job.State, err *job.Error) string {
	if err == nil {
		return string(state)
	}
	return string(state) + ": " + err.Error()
}
