package tune

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Clock starts tunes: where enough new rows can be learned from, an exam can decide, the last tune is long
// enough ago, and no dream has ended a moment ago. Any number may run: an alias has one tune at a time. Store, Deps and
// Accept are required.
type Clock struct {
	Store *store.Store
	Deps  Deps
	// Accept queues a job and stores what the function writes in the same transaction.
	Accept func(context.Context, job.NewJob, func(context.Context, *store.Queries) error) (job.Job, bool, error)
	// CoolDown is how long after a tune of an alias ended the next may start. Defaults to 24 h.
	CoolDown time.Duration
	// Settle is how long after a dream ended a tune may start. Defaults to 5 minutes.
	Settle time.Duration
	// Every is the pause between rounds. Defaults to a minute.
	Every time.Duration
	Log   zerolog.Logger

	told map[learn.TaughtAlias]string // why no tune was started
}

// maxLook bounds one round.
const maxLook = 5 * time.Minute

// Run makes rounds until ctx ends.
func (k *Clock) Run(ctx context.Context) error {
	k.Deps = k.Deps.filled()
	every := k.Every
	if every <= 0 {
		every = time.Minute
	}
	return handlers.Repeat(ctx, every, maxLook, func(ctx context.Context) {
		if err := k.look(ctx); err != nil && ctx.Err() == nil {
			k.Log.Warn().Err(err).Msg("could not see for all aliases whether a tune is due; the next round tries again")
		}
	})
}

// look starts the tunes that are due.
func (k *Clock) look(ctx context.Context) error {
	aliases, err := k.Store.TaughtAliases(ctx)
	if err != nil {
		return fmt.Errorf("list aliases with examples: %w", err)
	}
	if k.told == nil {
		k.told = map[learn.TaughtAlias]string{}
	}
	var faults []error
	for _, a := range aliases {
		why, err := k.start(ctx, a)
		if err != nil {
			faults = append(faults, fmt.Errorf("look at %s of %s: %w", a.Alias, a.Tenant, err))
			continue
		}
		if k.told[a] != why {
			if err := k.Store.NoteClock(ctx, a, why); err != nil {
				faults = append(faults, fmt.Errorf("note why there is no tune of %s of %s: %w", a.Alias, a.Tenant, err))
				continue
			}
			k.told[a] = why
			k.Log.Info().Str("tenant", a.Tenant).Str("alias", a.Alias).Msg(why)
		}
	}
	return errors.Join(faults...)
}

// start starts a tune of an alias, or says why not yet.
func (k *Clock) start(ctx context.Context, a learn.TaughtAlias) (why string, err error) {
	if why, err := k.early(ctx, a); err != nil || why != "" {
		return why, err
	}
	run := &tasks.Run{Store: k.Store, Job: job.Job{Tenant: a.Tenant}}
	tune := learn.Tune{ID: db.NewID("tun_"), Tenant: a.Tenant, Alias: a.Alias, Base: k.Deps.Settings.Base, Stage: stageCurate}
	c := &tuneRun{run: run, tune: tune}
	if c.base, err = parseTarget(tune.Base); err != nil {
		return "", err
	}
	if why, err := newCurator(k.Deps).lacking(ctx, c); err != nil || why != "" {
		return why, err
	}
	tune.Job = db.NewID("job_")
	work := job.NewJob{
		ID: tune.Job, Tenant: a.Tenant, Kind: string(tasks.TuneCurate), Lane: string(tasks.Tune), Subject: tune.ID,
		Input: plainjson.Of(tasks.TuneInput{Alias: a.Alias, Base: tune.Base}),
	}
	_, _, err = k.Accept(ctx, work, func(ctx context.Context, q *store.Queries) error { return q.AddTune(ctx, tune) })
	if errors.Is(err, db.ErrConflict) {
		return "no tune yet: one is running", nil
	}
	if err != nil {
		return "", fmt.Errorf("start a tune: %w", err)
	}
	return "a tune was started: " + tune.ID, nil
}

// early says what of the cheap conditions does not hold yet.
func (k *Clock) early(ctx context.Context, a learn.TaughtAlias) (why string, err error) {
	now := k.Deps.Now()
	ended, running, err := k.lastTune(ctx, a)
	switch wait := orDefault(k.CoolDown, 24*time.Hour); {
	case err != nil:
		return "", err
	case running:
		return "no tune yet: one is running", nil
	case now.Sub(ended) < wait:
		return fmt.Sprintf("no tune yet: the last one ended at %s, the next may start %s later",
			ended.UTC().Format(time.RFC3339), wait), nil
	}
	least := k.Deps.Settings.MinExamples
	fresh, err := k.Store.NewExamples(ctx, a.Tenant, a.Alias, least)
	if err != nil {
		return "", fmt.Errorf("count new examples: %w", err)
	}
	if fresh < least {
		return fmt.Sprintf("no tune yet: %d new rows of %d", fresh, least), nil
	}
	return k.unsettled(ctx, a, now)
}

// lastTune tells when the last tune of an alias ended, dry runs aside, and whether one runs.
func (k *Clock) lastTune(ctx context.Context, a learn.TaughtAlias) (ended time.Time, running bool, err error) {
	tunes, _, err := k.Store.Tunes(ctx, a.Tenant, db.Filter{Alias: a.Alias}, db.Page{Limit: 100})
	if err != nil {
		return ended, false, fmt.Errorf("list tunes: %w", err)
	}
	for _, t := range tunes {
		if !t.Status.Ended() {
			return ended, true, nil
		}
		dry := t.Decision != nil && strings.HasPrefix(t.Decision.Reason, "dry run:")
		if !dry && t.Finished.After(ended) {
			ended = t.Finished
		}
	}
	return ended, false, nil
}

// unsettled says that a dream runs, or ended a moment ago.
func (k *Clock) unsettled(ctx context.Context, a learn.TaughtAlias, now time.Time) (why string, err error) {
	dreams, _, err := k.Store.Dreams(ctx, a.Tenant, db.Filter{}, db.Page{Limit: 1})
	if err != nil {
		return "", fmt.Errorf("list dreams: %w", err)
	}
	settle := orDefault(k.Settle, 5*time.Minute)
	for _, d := range dreams {
		if !d.Status.Ended() || now.Sub(d.Finished) < settle {
			return fmt.Sprintf("no tune yet: a dream runs, or ended less than %s ago", settle), nil
		}
	}
	return "", nil
}

func orDefault(given, otherwise time.Duration) time.Duration {
	if given > 0 {
		return given
	}
	return otherwise
}

// lacking says what is lacking for a tune: rows that can be learned from, or an exam that can decide.
func (cu *curator) lacking(ctx context.Context, c *tuneRun) (why string, err error) {
	made, err := cu.gather(ctx, c)
	if err != nil {
		return "", err
	}
	if made.fresh() < cu.minExamples {
		return fmt.Sprintf("no tune yet: %d new rows of %d can be learned from", made.fresh(), cu.minExamples), nil
	}
	if err := cu.examiner.draw(ctx, c); err != nil {
		return "", err
	}
	if c.tune.Exam.Undecidable != "" {
		return "no tune yet: the exam would decide nothing: " + c.tune.Exam.Undecidable, nil
	}
	return "", nil
}
