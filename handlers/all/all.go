// Package all lists the handler of every task kind. It is apart from package handlers because
// the packages of the handlers import that one.
package all

import (
	"context"
	"fmt"
	"maps"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/batch"
	"dreamlab/handlers/bulk"
	"dreamlab/handlers/chat"
	"dreamlab/handlers/dream"
	"dreamlab/handlers/embed"
	"dreamlab/handlers/experience"
	"dreamlab/handlers/forget"
	"dreamlab/handlers/schedule"
	"dreamlab/handlers/tune"
	"dreamlab/handlers/webhook"
	"dreamlab/providers"
	"dreamlab/store/blob"
	"dreamlab/store/redis"
	"dreamlab/tasks"
)

// Deps are the dependencies of the handlers. All but the settings are required.
type Deps struct {
	Caller  *handlers.Caller
	Replies *redis.Replies
	Cache   *redis.Cache
	Bucket  blob.Bucket
	Prices  providers.Pricer
	Vendors Vendors
	// Accept accepts a job: the engine's method.
	Accept schedule.Accept
	// Engine ends jobs and queues them again, for those who ask for many.
	Engine bulk.Engine
	// Load returns how busy the chats are.
	Load func(ctx context.Context) (schedule.Load, error)
	// Busy tells whether chats wait for a worker, for which dreams pause. Defaults to never.
	Busy func(ctx context.Context) (bool, error)
	// Live tells whether chats are being answered, for which dreams pause, too. Defaults to never.
	Live func(ctx context.Context) (bool, error)

	// Lead and Base are the models of the dreams, each an alias or provider/model. Default to
	// the aliases lead and base.
	Lead, Base string
	Dream      dream.Settings
	Schedule   schedule.Settings
	Tune       tune.Settings
	Batch      batch.Settings
	Webhook    webhook.Options
	// ForgetPause is the pause before a forget looks again for running jobs that may have read
	// the conversation. Defaults to five seconds.
	ForgetPause time.Duration
	// Now is the clock of dreams, batches and tunes. Defaults to time.Now.
	Now func() time.Time
}

// Vendors finds what a vendor can do beside chats; a [providers.Router] does.
type Vendors interface {
	tune.Vendors
	batch.Vendors
	dream.Vendors
}

// Handlers returns a handler for every kind.
func Handlers(d Deps) (map[tasks.Kind]tasks.Handler, error) {
	tuning := tune.Deps{
		Caller: d.Caller, Vendors: d.Vendors, Bucket: d.Bucket, Prices: d.Prices, Settings: d.Tune, Now: d.Now,
	}
	list := map[tasks.Kind]tasks.Handler{
		tasks.ChatRun:          chat.New(chat.Options{Caller: d.Caller, Replies: d.Replies}),
		tasks.EmbedRun:         embed.New(d.Caller),
		tasks.ExperienceImport: experience.Import(d.Bucket),
		tasks.ConversationForget: forget.Conversation(forget.Deps{
			Bucket: d.Bucket, Replies: d.Replies, Cache: d.Cache, Vendors: d.Vendors,
			Pause: d.ForgetPause,
		}),
		tasks.JobBulk:        bulk.Run(d.Engine),
		tasks.WebhookDeliver: webhook.Deliver(d.Webhook),
		tasks.ScheduleTick: schedule.Tick(schedule.Deps{
			Caller: d.Caller, Accept: d.Accept, Load: d.Load, Settings: d.Schedule,
		}),
	}
	maps.Copy(list, dream.Handlers(dream.Deps{
		Caller: d.Caller, Bucket: d.Bucket, Prices: d.Prices, Lead: d.Lead, Base: d.Base,
		Busy: d.Busy, Live: d.Live, Answers: answers(d.Cache), Vendors: d.Vendors, Settings: d.Dream, Now: d.Now,
	}))
	maps.Copy(list, tune.Handlers(tuning))
	maps.Copy(list, batch.Handlers(batch.Deps{
		Caller: d.Caller, Vendors: d.Vendors, Bucket: d.Bucket, Prices: d.Prices, Settings: d.Batch,
		Now: d.Now,
	}))
	for _, kind := range tasks.Kinds() {
		if list[kind] == nil {
			return nil, fmt.Errorf("list handlers: there is no handler of %s", kind)
		}
		list[kind] = traced(list[kind])
	}
	return list, nil
}

// answers is a cache, or none.
func answers(c *redis.Cache) dream.Answers {
	if c == nil {
		return nil
	}
	return c
}

// traced puts the trace of the request that made a job into the context of all its calls.
func traced(do tasks.Handler) tasks.Handler {
	return func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		return do(providers.WithTrace(ctx, run.Job.Trace), run)
	}
}
