package boot

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"dreamlab/cmd/internal/api"
	"dreamlab/cmd/internal/api/cache"
	"dreamlab/cmd/internal/api/happening"
	"dreamlab/cmd/internal/api/operate"
	"dreamlab/cmd/internal/cert"
	"dreamlab/cmd/internal/cli"
	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/site"
	"dreamlab/cmd/internal/status"
	"dreamlab/cmd/internal/web"
	"dreamlab/cmd/internal/web/queues"
	"dreamlab/handlers"
	"dreamlab/handlers/all"
	"dreamlab/handlers/batch"
	"dreamlab/handlers/budget"
	"dreamlab/handlers/dream"
	"dreamlab/handlers/dream/presidio"
	"dreamlab/handlers/schedule"
	"dreamlab/handlers/tune"
	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/planted"
	"dreamlab/handlers/webhook"
	"dreamlab/providers/catalog"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/redis"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

// Front is the API, listening.
type Front struct {
	URL       string
	Processes []Process
}

// API listens at the configured address and returns what answers there.
func (s *Stack) API(ctx context.Context) (*Front, error) {
	reader := redis.NewReader(s.Queue.Client, string(tasks.Chat))
	pages, err := web.New(web.Options{
		Sessions: s.Store, Sandbox: s.Sandbox != nil, Prefix: s.Config.Prefix, Log: s.Log, Docs: Documents(s.Catalog, s.verbs),
		Standing: standing{s},
	})
	if err != nil {
		return nil, err
	}
	scheme, spoken, err := s.tls()
	if err != nil {
		return nil, err
	}
	options := api.Options{
		Engine: s.Engine, Store: s.Store, Replies: reader, Bucket: s.Bucket, Models: s.models(), Metrics: s.Metrics, Log: s.Log,
		Base: s.Config.Team.Base, Lead: s.Config.Team.Lead, Tunable: s.tunable, Backlog: s.Config.Backlog, Now: s.now,
		Pausable: func(at string) bool { return tune.Pausable(s.Router, at) }, Servable: servable(s.Router),
		Queues: queues.New(s.Queue.Client, s.Config.Prefix), Pages: pages, Prefix: s.Config.Prefix, CORS: s.Config.CORS, TLS: spoken,
		Sandbox: s.Sandbox != nil, Grace: s.workGrace(), Rates: redis.NewRates(s.Queue.Client), Streams: redis.NewStreams(s.Queue.Client),
		Cache: s.chatCache(), Kept: s.cache(), CacheSemantic: semantic(s), CacheSharing: s.sharing,
		CacheTTL: s.Config.Cache.TTL, CacheStale: s.Config.Cache.Stale, MaxBody: int64(s.Config.MaxBody), Webhooks: s.webhooks(),
		Budgets: s.budgets(), Plan: plan(s.Config.Plan), Inbox: inbox(s.Config), Tokens: tokens(s.Config.OIDC),
	}
	if s.telemetry.Traces() {
		options.Tracer = s.telemetry
	}
	server, err := api.New(options)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Config.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: is another program there? choose one by DREAMLAB_ADDR: %w",
			s.Config.Addr, err)
	}
	serve := func(ctx context.Context) error { return server.Run(ctx, listener) }
	return &Front{
		URL:       scheme + "://" + listener.Addr().String(),
		Processes: []Process{{Name: "replies", Run: reader.Run, Support: true}, {Name: "api", Run: serve}},
	}, nil
}

// tls is how the API is spoken to, by which scheme.
func (s *Stack) tls() (scheme string, spoken *tls.Config, err error) {
	files := s.Config.TLS
	if files.Cert == "" {
		return "http", nil, nil
	}
	served, err := cert.Open(files.Cert, files.Key, time.Now, s.Log)
	if err != nil {
		return "", nil, fmt.Errorf("%w: see tls in %s", err, config.DefaultFile)
	}
	return "https", served.Config(), nil
}

// inbox is the bucket that may tell of new objects.
func inbox(c *config.Config) api.Inbox {
	u, err := url.Parse(c.Bucket)
	if err != nil || u.Scheme != "gs" {
		return api.Inbox{}
	}
	in := api.Inbox{Bucket: u.Host, Signer: happening.Signer{Account: c.EventsAccount, Audience: c.EventsAudience}}
	if folder := strings.Trim(u.Path, "/"); folder != "" {
		in.Prefix = folder + "/"
	}
	return in
}

// cache is where answers are kept, also while none is given out: what was kept before
// can be forgotten.
func (s *Stack) cache() *redis.Cache {
	c := s.Config.Cache
	return redis.NewCache(s.Queue.Client, redis.CacheOptions{TTL: c.TTL + c.Stale, MaxBytes: int64(c.MaxBytes)})
}

// chatCache is the cache that chats are answered from, nil where it is switched off.
func (s *Stack) chatCache() cache.Store {
	if !s.Config.Cache.Enabled {
		return nil
	}
	return s.cache()
}

// semantic says when the cache takes two questions for the same.
func semantic(s *Stack) api.Semantic {
	o := s.Config.Cache.Semantic
	if o.Model == "" {
		return api.Semantic{}
	}
	return api.Semantic{Questions: s.cache(), Model: o.Model, Threshold: o.Threshold}
}

func (s *Stack) tunable(ctx context.Context, provider, base string, method tasks.Method) error {
	return tune.Tunable(ctx, s.Router, provider, base, method)
}

func (s *Stack) models() *models {
	m := &models{known: s.Catalog, now: time.Now}
	for _, vendor := range Vendors() {
		if _, configured := s.Config.Vendors[vendor.Name]; configured || s.Sandbox != nil {
			m.add(vendor)
		}
	}
	for _, server := range s.Config.Servers {
		m.add(ownServer(server))
	}
	return m
}

// Worker returns what works on the lanes, all of them where none is named, and
// what hands work out.
func (s *Stack) Worker(lanes []tasks.Lane) ([]Process, error) {
	list, err := s.handlers()
	if err != nil {
		return nil, err
	}
	if s.telemetry.Traces() {
		list = s.telemetry.Handlers(list)
	}
	name, err := status.NameWorker()
	if err != nil {
		return nil, err
	}
	worker, err := s.Engine.Worker(engine.WorkerOptions{
		Name: name, Handlers: list, Lanes: lanes, Grace: s.workGrace(), Patience: s.patience(),
	})
	if err != nil {
		return nil, err
	}
	return []Process{
		{Name: "reconciler", Run: s.Engine.Reconciler().Run},
		{Name: "dispatcher", Run: s.Engine.Dispatcher().Run},
		{Name: "worker", Run: worker.Run},
	}, nil
}

// Scheduler keeps the configured schedules and returns what fires them. It mends
// what crashed too, so that a job ends even while no worker is there.
func (s *Stack) Scheduler(ctx context.Context) ([]Process, error) {
	if err := s.keepSchedules(ctx); err != nil {
		return nil, err
	}
	return append([]Process{{Name: "reconciler", Run: s.Engine.Reconciler().Run}}, s.clocks()...), nil
}

// clocks fire the schedules, and, whatever is scheduled, end deployments that no route
// uses, tell of budgets that run out, delete what is older than it is kept and remove objects that no row needs.
func (s *Stack) clocks() []Process {
	reaper := &tune.Reaper{Store: s.Store, Deps: s.tuneDeps(s.caller()), Log: s.Log}
	watcher := &budget.Watcher{Store: s.Store, Log: s.Log}
	tunes := &tune.Clock{
		Store: s.Store, Deps: s.tuneDeps(s.caller()), Accept: s.Engine.Accept, CoolDown: s.Config.Tune.CoolDown,
		Settle: s.Config.Tune.Settle, Log: s.Log,
	}
	orders := &batch.Reaper{Store: s.Store, Accept: s.Engine.Accept, Vendors: s.Router, Log: s.Log}
	list := []Process{{Name: "scheduler", Run: s.Engine.Scheduler().Run}, {Name: "reaper", Run: reaper.Run},
		{Name: "batches", Run: orders.Run}, {Name: "budgets", Run: watcher.Run},
		{Name: "collector", Run: collecting(s).Run}, {Name: "retention", Run: retaining(s).Run}}
	if s.Config.Tune.Clock {
		list = append(list, Process{Name: "tunes", Run: tunes.Run})
	}
	return list
}

func (s *Stack) tuneDeps(caller *handlers.Caller) tune.Deps {
	return tune.Deps{
		Caller: caller, Vendors: s.Router, Bucket: s.Bucket, Prices: s.Catalog, Settings: s.tuning(), Now: s.now,
	}
}

func (s *Stack) caller() *handlers.Caller {
	return handlers.NewCaller(handlers.CallerOptions{
		Router: s.Router, Prices: s.Catalog, Limits: aliasLimits(s.Config), Policies: policies(s.Config),
		Budgets: s.budgets(), Now: s.now,
	})
}

// Vendors returns the sandbox's server, where there is one.
func (s *Stack) Vendors() []Process {
	if s.Sandbox == nil {
		return nil
	}
	return []Process{{Name: "sandbox", Run: s.Sandbox.Run, Support: true}}
}

func (s *Stack) handlers() (map[tasks.Kind]tasks.Handler, error) {
	quiet, err := s.quiet()
	if err != nil {
		return nil, err
	}
	return all.Handlers(all.Deps{
		Caller: s.caller(), Replies: redis.NewReplies(s.Queue.Client), Cache: s.cache(), Bucket: s.Bucket, Prices: s.Catalog, Now: s.now,
		Vendors: s.Router, Accept: s.Engine.Accept, Engine: s.Engine, Load: s.load, Busy: s.chatsWait, Live: chatsRun(s.Store),
		Lead: s.Config.Team.Lead, Base: s.Config.Team.Base,
		Dream: s.dreaming(), Schedule: quiet, Tune: s.tuning(),
		Batch:   batch.Settings{PollEvery: s.Config.Poll.Training, Quiet: quiet.Until},
		Webhook: webhook.Options{Rules: s.webhooks()},
	})
}

// dreaming says how dreams work. What is switched off by a 0 in the configuration is below it in the settings,
// whose own 0 is a default.
func (s *Stack) dreaming() dream.Settings {
	b := s.Config.Dream.Breaker
	off := func(value float64) float64 { return cmp.Or(value, -1) }
	settings := dream.Settings{
		Verifier: s.Config.Team.Verifier, GivesWay: s.Config.Dream.GivesWay, Embedder: s.Config.Dream.Embedder,
		Breaker: dream.Breaker{Window: b.Window, Yield: off(b.Yield), Cost: off(b.Cost), Malformed: off(b.Malformed)},
	}
	pii := s.Config.PII
	settings.Personal = presidio.Analyzer{URL: pii.Presidio, Language: pii.Language, Score: pii.Score, Entities: pii.Entities}
	if s.Config.Cache.Enabled {
		settings.Anticipate = dream.Anticipate{Share: s.Config.Dream.Anticipate, Life: s.Config.Cache.TTL, Sharing: s.sharing}
	}
	return settings
}

func (s *Stack) webhooks() tasks.WebhookRules {
	return tasks.WebhookRules{Private: s.Config.Webhooks.Private}
}

func (s *Stack) budgets() []book.Budget {
	var budgets []book.Budget
	for _, b := range s.Config.Budgets {
		budget := book.Budget{
			Tenant: b.Tenant, Purpose: b.Purpose, Nano: int64(b.USD), Monthly: b.Per == "month", Hard: true,
		}
		if budget.Purpose == "all" {
			budget.Purpose = ""
		}
		budgets = append(budgets, budget)
	}
	return budgets
}

// plan tells which purposes of the books each line of the plan is of. What it costs to run Dream Lab itself and to
// store does not stand in them.
func plan(p config.Plan) []operate.PlanLine {
	return []operate.PlanLine{
		{Name: "hosting", Low: p.Hosting.Low, High: p.Hosting.High},
		{Name: "chat", Low: p.Chat.Low, High: p.Chat.High, Purposes: []string{"chat", "embed"}},
		{Name: "tuning", Low: p.Tuning.Low, High: p.Tuning.High, Purposes: []string{
			"train", "host", "evaluate", "shadow", "replay", "improve", "critique", "verify", "reflect", "consolidate", "imagine",
			"anticipate", "solve"}},
		{Name: "storage", Low: p.Storage.Low, High: p.Storage.High},
	}
}

// load tells the clock and the dreams how busy the chats are.
func (s *Stack) load(ctx context.Context) (schedule.Load, error) {
	stats, err := s.Engine.Stats(ctx)
	if err != nil {
		return schedule.Load{}, err
	}
	chat := stats.Lanes[tasks.Chat]
	return schedule.Load{Chats: chat.Queued + chat.Dispatched + chat.Running, Wait: chat.Wait}, nil
}

// chatsWaitTooLong is the wait of a chat from which on dreams make room.
const chatsWaitTooLong = 200 * time.Millisecond

// chatsWait tells dreams whether chats wait.
func (s *Stack) chatsWait(ctx context.Context) (bool, error) {
	return s.Store.HasWaiting(ctx, string(tasks.Chat), chatsWaitTooLong)
}

// chatsRun tells dreams whether chats are being answered.
func chatsRun(s *store.Store) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) { return s.HasRunning(ctx, string(tasks.Chat)) }
}

// quiet says when dreams may start by themselves.
func (s *Stack) quiet() (schedule.Settings, error) {
	d := s.Config.Dream
	zone, err := time.LoadLocation(d.OffPeak.Zone)
	if err != nil {
		return schedule.Settings{}, fmt.Errorf("read dream.off_peak.zone: %w", err)
	}
	from, err := sinceMidnight(d.OffPeak.From)
	if err != nil {
		return schedule.Settings{}, fmt.Errorf("read dream.off_peak.from: %w", err)
	}
	to, err := sinceMidnight(d.OffPeak.To)
	if err != nil {
		return schedule.Settings{}, fmt.Errorf("read dream.off_peak.to: %w", err)
	}
	return schedule.Settings{
		Threshold: d.Threshold, Limit: d.Limit, From: from, To: to, Zone: zone,
		IdleWait: d.IdleWait, Starts: d.StartsPerDay,
	}, nil
}

// sinceMidnight reads a time of day such as 22:00.
func sinceMidnight(text string) (time.Duration, error) {
	at, err := time.Parse("15:04", text)
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, err
}

// tenThousandths of a share.
func tenThousandths(share float64) int64 { return int64(share*10_000 + 0.5) }

func (s *Stack) tuning() tune.Settings {
	t := s.Config.Tune
	cheaper := map[string]int64{}
	for alias, margin := range t.Cheaper {
		cheaper[alias] = tenThousandths(margin)
	}
	var own []planted.Question
	for _, q := range t.PlantedQuestions {
		own = append(own, planted.Own(q.Prompt, q.Secret))
	}
	return tune.Settings{
		Lead: s.Config.Team.Lead, Judge: s.Config.Team.Judge, Base: s.Config.Team.Base, Cheaper: cheaper, MinExamples: t.MinExamples,
		Budget: int64(t.BudgetUSD), Hours: hostingHours(t.HostingHours), MaxQuestions: t.Papers,
		PollEvery: s.Config.Poll.Training, SameWeights: s.sameWeights, Gate: exam.Gate{Margin: tenThousandths(t.Margin)},
		Bases: bases(s.Catalog, s.Router), Canary: s.canary(), Hold: t.Hold, Planted: own,
		KeyShare: tenThousandths(t.KeyShare), ReplayShare: tenThousandths(t.ReplayShare), Method: tasks.Method(t.Method),
		PairHyper: tasks.Hyper{Beta: t.Beta},
	}
}

// Whole returns all of Dream Lab as one group, in the order in which it starts.
func (s *Stack) Whole(ctx context.Context) (*Front, []Process, error) {
	worker, err := s.Worker(nil)
	if err != nil {
		return nil, nil, err
	}
	if err := s.keepSchedules(ctx); err != nil {
		return nil, nil, err
	}
	front, err := s.API(ctx)
	if err != nil {
		return nil, nil, err
	}
	whole := append(s.Vendors(), worker...)
	whole = append(whole, s.clocks()...)
	return front, append(whole, front.Processes...), nil
}

// Documents is what the documentation is made of: the routes, the vendors, the models of a catalogue
// and the verbs of the command line.
func Documents(known *catalog.Catalog, verbs *cli.Program) site.Source {
	return site.Source{OpenAPI: api.Document(), Vendors: Vendors(), Models: known.Models(), Verbs: verbs}
}
