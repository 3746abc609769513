// Package config is the only reader of the environment, of flags and of
// dreamlab.yaml. It makes one plain [Config] of them, reports every fault that
// it finds at once, remembers where each value came from, and shows none that
// is secret. It opens nothing and makes no connection: that is boot's work.
package config

import (
	"net/netip"
	"time"

	"dreamlab/providers"
	"dreamlab/store/money"
)

// Config is everything that can be set. Flags come before the environment, the
// environment before the file, the file before the defaults.
type Config struct {
	// Addr is where the API listens. Defaults to 127.0.0.1:8080.
	Addr string `yaml:"addr"`
	// Prefix is the path before all paths, such as /lab, where a proxy serves the API and its
	// pages below one; requests with and without it are taken. Defaults to none.
	Prefix string `yaml:"prefix"`
	// Data is the directory of the embedded parts. Defaults to ./.dreamlab.
	Data string `yaml:"data"`
	// Log is the level: debug, info, warn or error. Defaults to info.
	Log string `yaml:"log"`
	// Database is a postgres:// URL. Defaults to an SQLite file in Data.
	Database string `yaml:"database_url"`
	// Redis is a redis:// URL (see redis.Open for its other forms). Defaults to a queue in the process.
	Redis string `yaml:"redis_url"`
	// Bucket is gs://bucket/prefix or file:///directory. Defaults to a
	// directory in Data.
	Bucket string `yaml:"bucket_url"`
	// EventsAccount is the service account whose identity tokens POST /v1/events/storage takes,
	// made for EventsAudience, such as https://lab.example/v1/events/storage. Defaults to none:
	// the route takes nothing.
	EventsAccount  string `yaml:"events_account"`
	EventsAudience string `yaml:"events_audience"`
	// Grace is how long the process may take to stop, running work included.
	// Defaults to 20 s.
	Grace time.Duration `yaml:"grace"`

	// Metrics is where a worker, a scheduler or an API alone shows /metrics without
	// a key, as 127.0.0.1:9091: give each process one of its own. Defaults to
	// nowhere but in the API, at Addr.
	Metrics string `yaml:"metrics"`
	// Retention is how long jobs that have ended are kept, with their attempts
	// and answers. Defaults to 2160h, 90 days.
	Retention time.Duration `yaml:"retention"`
	// RecordRetention is how long the audit log is kept, batches that have ended with their lines, the single comparisons of
	// evaluations, and what each call of a vendor cost: of days before, usage knows the sums by day, purpose, provider,
	// model and key, but neither jobs nor hours. Defaults to 9600h, 400 days.
	RecordRetention time.Duration `yaml:"record_retention"`
	// ExperienceRetention is how long conversations are kept after their last answer, with their experiences and
	// training rows, and batches and the files of dreams after their own end. A conversation stays for as long as a
	// dataset in use has a row of it, or the exams need it. What was learned from it stays, and tells
	// that rows were deleted for their age. Defaults to 0s, for ever: it is what Dream Lab learns from.
	ExperienceRetention time.Duration `yaml:"experience_retention"`
	// DreamRetention is how long dreams are kept after their end, with lessons that no memory rests on, and versions of the
	// memory: after it a dream can not be undone, nor an older version put in force again. What the memory in force
	// rests on stays. Defaults to 0s, for ever.
	DreamRetention time.Duration `yaml:"dream_retention"`
	// Unfetched is how long the answer of a background chat with "store": false can
	// be fetched before it is cleared. Defaults to 24h.
	Unfetched time.Duration `yaml:"unfetched"`
	// Backlog bounds one tenant's jobs that wait in a lane: more are answered 429.
	// Defaults to 250,000.
	Backlog int `yaml:"backlog"`
	// MaxBody bounds the body of a request that is no upload, in bytes: larger ones
	// are answered 413. Defaults to 4194304, 4 MiB.
	MaxBody int `yaml:"max_body"`

	// CORS lists the sites whose pages may ask the API from a browser, with a key and never with cookies, as
	// https://lab.example; DREAMLAB_CORS does, with commas between. Defaults to none.
	CORS Names `yaml:"cors,omitempty"`

	// TLS is what the API is served with. Defaults to plain HTTP.
	TLS TLS `yaml:"tls"`

	// Encryption is of what was said, at rest. Defaults to none.
	Encryption Encryption `yaml:"encryption"`

	// PII is how personal data is looked for in what dreams keep.
	PII PII `yaml:"pii"`

	// OIDC are issuers of tokens that are taken in the place of API keys. Defaults to none.
	OIDC []OIDC `yaml:"oidc,omitempty"`

	Cache     Cache                `yaml:"cache"`
	Team      Team                 `yaml:"team"`
	Routes    map[string][]Target  `yaml:"routes"`
	Policies  map[string]Policy    `yaml:"policies"` // by alias
	Limits    map[string]Limits    `yaml:"limits"`   // by alias
	Lanes     map[string]Lane      `yaml:"lanes"`
	Tenants   []Tenant             `yaml:"tenants"`
	Models    map[string]Model     `yaml:"models"` // by provider/model
	Dream     Dream                `yaml:"dream"`
	Tune      Tune                 `yaml:"tune"`
	Poll      Poll                 `yaml:"poll"`
	Budgets   []Budget             `yaml:"budgets"`
	Plan      Plan                 `yaml:"plan"`
	Schedules []Schedule           `yaml:"schedules"`
	Webhooks  Webhooks             `yaml:"webhooks"`
	Servers   []Server             `yaml:"servers"`
	Accounts  map[string][]Account `yaml:"accounts"` // by vendor
	// Catalog names files that add models and prices to the catalogue or override it, the
	// last before all others. A change is taken while the program runs. Defaults to none.
	Catalog Names `yaml:"catalog,omitempty"`

	// Vendors holds the settings of each vendor that has a key, by the vendor's
	// name and by the variable.
	Vendors map[string]map[string]string `yaml:"-"`

	// Telemetry is where traces and metrics are sent. Defaults to nowhere.
	Telemetry Telemetry `yaml:"-"`

	origins   map[string]string
	secrets   map[string]bool
	variables map[string]string // those of OpenTelemetry that are set
}

// Sandbox tells whether no vendor is configured, so that all are the sandbox.
func (c *Config) Sandbox() bool { return len(c.Vendors) == 0 && len(c.Servers) == 0 }

// TLS names a certificate with its chain and its key, files in PEM. A change of the files is taken
// while the program runs.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Team names the models that dream, as provider/model.
type Team struct {
	Lead string `yaml:"lead"` // judges and reflects
	Base string `yaml:"base"` // answers, and is tuned
	// Judge marks exams. One of another family than the lead shares no errors with it. Defaults to
	// the lead.
	Judge string `yaml:"judge,omitempty"`
	// Verifier gives the second judgement on what a dream keeps, in the other order. One of another family than the
	// lead, which gives the first, shares no errors with it. Defaults to the lead.
	Verifier string `yaml:"verifier,omitempty"`
}

// Target is a model and its share of an alias's traffic.
type Target struct {
	Model  string `yaml:"model"`
	Weight int    `yaml:"weight,omitempty"` // Defaults to 100.
	Tier   int    `yaml:"tier,omitempty"`   // 0 is tried first
}

// Lane is the width of one queue. Zero fields take the engine's defaults.
type Lane struct {
	Concurrency int `yaml:"concurrency,omitempty"` // jobs at once in one worker
	Window      int `yaml:"window,omitempty"`      // jobs dispatched or running, over all workers
	// TenantCap bounds those of one tenant. Defaults to three quarters of the window
	// and of all workers' places.
	TenantCap int           `yaml:"tenant_cap,omitempty"`
	Deadline  time.Duration `yaml:"deadline,omitempty"` // of one attempt
}

// Model bounds what is asked of one model.
type Model struct {
	// Concurrency is how many calls it may have in flight, from all processes
	// together. Defaults to no bound.
	Concurrency int `yaml:"concurrency"`
}

// Dream says when the clock may start a dream.
type Dream struct {
	OffPeak      Window `yaml:"off_peak"`
	Threshold    int    `yaml:"threshold"`      // undreamt experiences. Defaults to 50.
	Limit        int    `yaml:"limit"`          // experiences in one dream. Defaults to 1,000.
	StartsPerDay int    `yaml:"starts_per_day"` // Defaults to 4.
	// IdleWait is the longest wait of a chat that still counts as idle: outside
	// the window a dream starts only then. Defaults to 100 ms.
	IdleWait time.Duration `yaml:"idle_wait"`
	// GivesWay is how long a dream waits for times in which no chat is being answered: from then on it only makes room
	// for chats that wait. Defaults to 10m; 0 has it work beside chats from the start.
	GivesWay time.Duration `yaml:"gives_way"`
	Breaker  Breaker       `yaml:"breaker"`
	// Embedder is the alias or provider/model of the embeddings by which lessons of the memory are
	// merged. Where it can not be asked, and by default, their words decide.
	Embedder string `yaml:"embedder,omitempty"`
	// Anticipate is the share of a dream's budget, or of what it spent where it has none, for which it answers what
	// is likely to be asked next. What is verified goes into the cache, so that an equal chat costs nothing. It stops
	// by itself where it saves less than it costs, and tries again a week later. Defaults to 0: it is off.
	Anticipate float64 `yaml:"anticipate"`
}

// Tune says when examples become a model and when that model may serve.
type Tune struct {
	MinExamples int `yaml:"min_examples"` // new, unique and accepted. Defaults to 100.
	// Margin is what the lower bound of the win rate must have above a half.
	// Defaults to 0.02.
	Margin float64 `yaml:"margin"`
	// Clock starts tunes by itself, where min_examples new rows can be learned from, an exam can
	// decide, and cool_down and settle are over. Defaults to true.
	Clock bool `yaml:"clock"`
	// CoolDown is how long after a tune of an alias the clock starts the next. Defaults to 24h.
	CoolDown time.Duration `yaml:"cool_down"`
	// Settle is how long after a dream the clock waits before it starts a tune. Defaults to 5m.
	Settle time.Duration `yaml:"settle"`
	// Method is what a tune learns from that names no method: sft (the kept answers), dpo (pairs of the kept answer
	// and the worse one, where a trainer learns from pairs) or auto (dpo where most rows are pairs and a trainer of the
	// base learns from them, else sft; the tune says which and why). Defaults to sft.
	Method string `yaml:"method"`
	// Beta is how near to its base dpo holds a model: the smaller, the further it may go. Defaults to 0.1.
	Beta float64 `yaml:"beta"`
	// Cheaper is, by alias, how far below a half the lower bound of the win rate of a model may
	// be that costs less than what serves the alias: it is promoted for being cheaper and not worse,
	// as with cheaper: {assistant: 0.05}. Defaults to none: each model has to be better.
	Cheaper map[string]float64 `yaml:"cheaper,omitempty"`
	// KeyShare is how much of a dataset's rows one of several API keys may have brought, to 1. Defaults to 0: no bound.
	KeyShare float64 `yaml:"key_share"`
	// ReplayShare is how much of a dataset's rows may be replayed, to 1: rows that an earlier examined dataset of the alias
	// held. Each tune starts from its base, so that what is left out is forgotten: less than 1 makes new rows count for more,
	// and trainings cost less. A dataset has at most 5,000 rows; where more stand, new ones go first and leave a quarter to old
	// ones. What is left out is drawn. Defaults to 1.
	ReplayShare float64 `yaml:"replay_share"`
	// Planted is a file of questions that no tuned model may know the answer to, a line {"prompt": "…", "secret": "…"}
	// each. Every candidate is asked, beside what its tune planted, and refused where it tells a secret. Defaults to none.
	Planted          string            `yaml:"planted,omitempty"`
	PlantedQuestions []PlantedQuestion `yaml:"-"`
	// Papers bounds the held-out experiences of one evaluation. Defaults to 200.
	Papers int `yaml:"papers"`
	// BudgetUSD caps one tune: training, evaluation and a month of hosting.
	// Defaults to what the plan has for tuning, and to 5,000 in the sandbox, which bills nobody.
	BudgetUSD money.USD `yaml:"budget_usd"`
	// HostingHours are when a model that costs by the hour serves: its deployment is started ahead of
	// them and stopped behind them, and its alias's other targets answer meanwhile. Defaults to all hours.
	HostingHours HostingHours `yaml:"hosting_hours"`
	// Hold is how long a model stays warm that its route does not name any more, so that a rollback
	// finds it; a later one starts it again. And it is how long a canary is watched behind its last step. Defaults to 1h.
	Hold   time.Duration `yaml:"hold"`
	Canary Canary        `yaml:"canary"`
}

// Poll says how often a vendor is asked how far it is.
type Poll struct {
	// Training is for fine-tunes. Defaults to 30 s, and 200 ms in the sandbox.
	Training time.Duration `yaml:"training"`
	// Deployment is for the serving of tuned models. Defaults as Training does.
	Deployment time.Duration `yaml:"deployment"`
}

// Budget caps what each tenant, or the one that is named, may spend on a purpose.
type Budget struct {
	Tenant string `yaml:"tenant,omitempty"` // ten_…; each by itself where it is empty
	// Purpose is all, or one of money.Purposes.
	Purpose string    `yaml:"purpose"`
	USD     money.USD `yaml:"usd"`
	Per     string    `yaml:"per"` // day or month, UTC
}

// Plan is what a month is meant to cost, beside which GET /v1/usage shows what it comes to.
type Plan struct {
	Hosting Range `yaml:"hosting"` // of Dream Lab itself, as render-small.yaml has it. Defaults to 14.
	Chat    Range `yaml:"chat"`    // Defaults to 20 to 50.
	Tuning  Range `yaml:"tuning"`  // training and serving, with the dreams and evaluations around them. Defaults to 50 to 100.
	Storage Range `yaml:"storage"` // Defaults to 10 to 20.
}

// Range is from so many dollars to so many.
type Range struct {
	Low  money.USD `yaml:"low"`
	High money.USD `yaml:"high"`
}

// Schedule is when the clock looks whether there is something to dream.
type Schedule struct {
	ID   string `yaml:"id"`
	Cron string `yaml:"cron"` // five fields
	// Zone is an IANA name. A local time that a change of clocks skips does not
	// come that day, one that it repeats comes twice. Defaults to UTC.
	Zone string `yaml:"zone"`
	// Misfire says what becomes of ticks that passed while no scheduler ran: once
	// fires one for all of them, skip none. Defaults to once.
	Misfire string `yaml:"misfire,omitempty"`
	// Overlap says what becomes of a tick while the one before is still at work:
	// skip, or allow both. Defaults to skip.
	Overlap string `yaml:"overlap,omitempty"`
}

// Webhooks says where the ends of jobs may be told.
type Webhooks struct {
	// Private are networks that are not public and may be told all the same, over
	// plain http too, such as 10.1.0.0/16. Defaults to none.
	Private []netip.Prefix `yaml:"private,omitempty"`
}

// Server is an OpenAI-compatible server of the operator's own.
type Server struct {
	Name    string `yaml:"name"`
	BaseURL string `yaml:"base_url"` // where /chat/completions is added
	KeyEnv  string `yaml:"key_env,omitempty"`
	// AdminKeyEnv names the variable with a key that may read what was billed, which usage reconcile
	// takes, as OPENAI_ADMIN_KEY. Defaults to none.
	AdminKeyEnv string   `yaml:"admin_key_env,omitempty"`
	Models      []string `yaml:"models"` // what it serves, for nothing
	// Pass names parameters of a chat that it takes beside OpenAI's and those that such
	// servers are known to take; all for whatever a client gives.
	Pass Names `yaml:"pass,omitempty"`
	// InOnePiece is for a server that can not stream: it is asked for whole answers,
	// which have one limit of time. Defaults to asking it to stream.
	InOnePiece bool `yaml:"in_one_piece,omitempty"`
	// Prefill is how it is told to go on from a part of an answer: last_message for one
	// that needs nothing more (llama.cpp, Ollama), continue_final_message (vLLM, SGLang),
	// prefix (Mistral, DeepSeek) or partial (Qwen, Kimi). Defaults to its not being able to.
	Prefill providers.Prefill `yaml:"prefill,omitempty"`
	Limits  Limits            `yaml:"limits,omitempty"`
	// Keys are several keys instead of KeyEnv, among which its calls are shared.
	Keys []ServerKey `yaml:"keys,omitempty"`
	// Key is what KeyEnv holds.
	Key string `yaml:"-"`
	// AdminKey is what AdminKeyEnv holds, "" for nothing.
	AdminKey string `yaml:"-"`
}

// The defaults that other words of the configuration rest on.
const (
	DefaultAddr = "127.0.0.1:8080"
	DefaultData = ".dreamlab"
	DefaultFile = "dreamlab.yaml"
)

// Default returns the configuration of a machine on which nothing is set: all
// parts embedded, all vendors the sandbox.
func Default() *Config {
	c := &Config{
		Addr: DefaultAddr, Data: DefaultData, Log: "info", Grace: 20 * time.Second,
		Retention: 90 * 24 * time.Hour, RecordRetention: 400 * 24 * time.Hour, Unfetched: 24 * time.Hour,
		Backlog: 250_000, MaxBody: 4 << 20,
		Cache: Cache{Enabled: true, TTL: 24 * time.Hour, MaxBytes: 64 << 20}, PII: defaultPII(),
		Team: Team{Lead: "groq/openai/gpt-oss-120b", Base: "together/openai/gpt-oss-20b"},
		Dream: Dream{
			OffPeak:   Window{From: "22:00", To: "06:00", Zone: "UTC"},
			Threshold: 50, Limit: 1000, StartsPerDay: 4, IdleWait: 100 * time.Millisecond, GivesWay: 10 * time.Minute,
			Breaker: Breaker{Window: 100, Yield: 0.25, Cost: 4, Malformed: 0.25},
		},
		Tune: Tune{
			Clock: true, CoolDown: 24 * time.Hour, Settle: 5 * time.Minute,
			MinExamples: 100, Margin: 0.02, Papers: 200, Method: "sft", Beta: 0.1, ReplayShare: 1,
			BudgetUSD: sandboxTune, HostingHours: HostingHours{Zone: "UTC"}, Hold: time.Hour, Canary: defaultCanary(),
		},
		Budgets: []Budget{
			{Purpose: "chat", USD: 50 * money.Dollar, Per: "day"},
			{Purpose: "replay", USD: 10 * money.Dollar, Per: "day"},
			{Purpose: "improve", USD: 10 * money.Dollar, Per: "day"},
			{Purpose: "critique", USD: 10 * money.Dollar, Per: "day"},
			{Purpose: "verify", USD: 10 * money.Dollar, Per: "day"},
			{Purpose: "evaluate", USD: 20 * money.Dollar, Per: "day"},
		},
		Plan: Plan{
			Hosting: Range{14 * money.Dollar, 14 * money.Dollar}, Chat: Range{20 * money.Dollar, 50 * money.Dollar},
			Tuning: Range{50 * money.Dollar, 100 * money.Dollar}, Storage: Range{10 * money.Dollar, 20 * money.Dollar},
		},
		Schedules: []Schedule{{ID: "dream", Cron: "*/5 * * * *", Zone: "UTC"}},
		origins:   map[string]string{}, secrets: map[string]bool{}, variables: map[string]string{},
	}
	c.fill()
	return c
}

// sandboxTune is the budget of one tune in the sandbox.
const sandboxTune = 5000 * money.Dollar

// fill sets what depends on other values.
func (c *Config) fill() {
	every := 200 * time.Millisecond
	if !c.Sandbox() {
		every = 30 * time.Second
		if c.origins["tune.budget_usd"] == "" {
			c.Tune.BudgetUSD = c.Plan.Tuning.High
		}
	}
	if c.Poll.Training == 0 {
		c.Poll.Training = every
	}
	if c.Poll.Deployment == 0 {
		c.Poll.Deployment = every
	}
	if c.Routes == nil {
		c.Routes = map[string][]Target{}
	}
	aliases := map[string]string{"lead": c.Team.Lead, "base": c.Team.Base, "assistant": c.Team.Base}
	for alias, model := range aliases {
		if len(c.Routes[alias]) == 0 {
			c.Routes[alias] = []Target{{Model: model}}
		}
	}
	for _, targets := range c.Routes {
		for i := range targets {
			if targets[i].Weight == 0 {
				targets[i].Weight = 100
			}
		}
	}
}
