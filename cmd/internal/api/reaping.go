package api

import (
	"context"
	"strings"

	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

// reaping has what a cancelled or withdrawn thing left at its vendor ended at once.
// Where that can not be asked for, a clock does it in a while.
type reaping struct {
	store  *store.Store
	engine Engine
	log    zerolog.Logger
}

// after ends what a cancelled job has at its vendor.
func (r reaping) after(ctx context.Context, job store.Job) {
	training := job.Subject
	switch {
	case strings.HasPrefix(job.Subject, "tun_"):
		tune, err := r.store.Tune(ctx, job.Tenant, job.Subject)
		if err != nil || tune.Training == "" {
			return // nothing was started, or the clock finds it
		}
		training = tune.Training
	case !strings.HasPrefix(job.Subject, "ftjob-"):
		return
	}
	r.now(ctx, tasks.ReapInput{Tenant: job.Tenant, Training: training})
}

func (r reaping) now(ctx context.Context, in tasks.ReapInput) {
	_, _, err := r.engine.Accept(ctx, store.NewJob{
		Tenant: engine.SystemTenant, Kind: string(tasks.TuneReap), Input: plainjson.Of(in),
	}, nil)
	if err != nil {
		r.log.Warn().Err(err).Msg("end what a job left at its vendor; the reaper does it in a while")
	}
}
