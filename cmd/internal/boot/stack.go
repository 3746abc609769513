package boot

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/cli"
	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/telemetry"
	"dreamlab/handlers/tune"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/redis"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
	"dreamlab/tasks/kept"
	"dreamlab/tasks/notebook/runs"
)

// Stack is everything that the processes share.
type Stack struct {
	Config  *config.Config
	Log     zerolog.Logger
	Store   *store.Store
	Bucket  Bucket
	Queue   *redis.Queue
	Catalog *catalog.Catalog
	Router  *providers.Router
	Engine  *engine.Engine
	Metrics *prometheus.Registry
	Sandbox *Sandbox // nil with real vendors

	verbs     *cli.Program
	now       func() time.Time     // nil: time.Now
	sharing   kept.Sharing         // the tenants that share the cache
	telemetry *telemetry.Telemetry // nil where nothing is sent
	closers   []func() error
}

// StackOptions say how a stack is opened.
type StackOptions struct {
	Log zerolog.Logger
	// Migrate brings the schema up to date instead of refusing an old one.
	Migrate bool
	// Verbs is the command line, for the documentation in the pages. Defaults to none.
	Verbs *cli.Program
	// Speed of the sandbox. Defaults to an hour in a second.
	Speed float64
	// Now is the clock of budgets, of what the API remembers and of tunes, which runs ahead as the database's
	// shared one does. Defaults to time.Now.
	Now func() time.Time
}

// Open opens what the configuration names. The caller closes the stack when all
// of its processes have ended.
func Open(ctx context.Context, c *config.Config, o StackOptions) (*Stack, error) {
	s := &Stack{Config: c, Log: o.Log, Metrics: prometheus.NewRegistry(), verbs: o.Verbs, now: o.Now}
	s.Metrics.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err error
	if s.telemetry, err = telemetry.Open(ctx, c.Telemetry, s.Metrics, o.Log); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.telemetry.Close)
	for _, open := range []func(context.Context, StackOptions) error{
		s.openStore, s.openBucket, s.openQueue, s.openVendors, s.openEngine, s.settle,
	} {
		if err := open(ctx, o); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close closes what was opened, the last first. What a process that was cut off
// still holds is not waited for.
func (s *Stack) Close() error {
	closed := make(chan error, 1)
	go func() { closed <- s.closeAll() }()
	late := time.NewTimer(closeWithin)
	defer late.Stop()
	select {
	case err := <-closed:
		return err
	case <-late.C:
		return fmt.Errorf("close the database, the queue and the bucket: not done within %s", closeWithin)
	}
}

func (s *Stack) closeAll() error {
	var fault error
	for _, closer := range slices.Backward(s.closers) {
		fault = errors.Join(fault, closer())
	}
	s.closers = nil
	return fault
}

func (s *Stack) openStore(ctx context.Context, o StackOptions) (err error) {
	if s.Store, err = OpenStore(ctx, s.Config); err != nil {
		return err
	}
	s.closers = append(s.closers, s.Store.Close)
	if !o.Migrate {
		return Migrated(ctx, s.Store)
	}
	if err := s.Store.Driver().Migrate(ctx, -1); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func (s *Stack) openBucket(ctx context.Context, _ StackOptions) (err error) {
	if s.Bucket, err = OpenBucket(ctx, s.Config); err != nil {
		return err
	}
	s.closers = append(s.closers, s.Bucket.Close)
	return nil
}

func (s *Stack) openQueue(context.Context, StackOptions) (err error) {
	if s.Queue, err = redis.Open(s.Config.Redis); err != nil {
		return fmt.Errorf("open the queue (REDIS_URL): %w", err)
	}
	s.closers = append(s.closers, s.Queue.Close)
	return nil
}

func (s *Stack) openVendors(ctx context.Context, o StackOptions) (err error) {
	if s.Catalog, err = OpenCatalog(s.Config); err != nil {
		return err
	}
	address := ""
	if s.Config.Sandbox() {
		if o.Speed == 0 {
			o.Speed = sandboxSpeed
		}
		dir := filepath.Join(s.Config.Data, "sandbox")
		if s.Sandbox, err = OpenSandbox(ctx, SandboxOptions{Dir: dir, Speed: o.Speed}, s.Catalog); err != nil {
			return err
		}
		s.closers = append(s.closers, s.Sandbox.Close)
		address = s.Sandbox.URL
	}
	vendors, err := openDrivers(s.Config, address, runs.New(s.Bucket, nil))
	if err != nil {
		return err
	}
	chooser, speeds := newChooser(s.Catalog, s.Queue, s.Log)
	counted := newTries(s.Metrics)
	options := providers.RouterOptions{
		Order: chooser.Order, Pace: newPace(s.Queue, s.Log), Drivers: vendors.drivers, Accounts: vendors.accounts,
		Prices: s.Catalog, Limits: serverLimits(s.Config), Circuits: newCircuits(s.Queue, s.Log), Lives: s.keeper(),
		Slots:   newSlots(s.Queue, s.Config.Models, s.Log),
		Tried:   func(t providers.Tried) { counted(t); speeds.Observe(t) },
		Dispute: newDisputes(s.Metrics, s.Log),
	}
	if s.telemetry.Traces() {
		options.Tracer = s.telemetry
	}
	s.Router = providers.NewRouter(options)
	return nil
}

func (s *Stack) openEngine(context.Context, StackOptions) (err error) {
	lanes := map[tasks.Lane]engine.LaneConfig{}
	for name, lane := range s.Config.Lanes {
		lanes[tasks.Lane(name)] = engine.LaneConfig{
			Concurrency: lane.Concurrency, Window: lane.Window,
			TenantCap: lane.TenantCap, Deadline: lane.Deadline,
		}
	}
	s.Engine, err = engine.New(engine.Options{
		Store: s.Store, Redis: s.Queue.Client, Log: s.Log, Lanes: lanes, Registerer: s.Metrics,
		Keep: s.Config.Retention, KeepPrivate: s.Config.Unfetched, KeepRecords: s.Config.RecordRetention,
	})
	return err
}

// Reap makes a round of what ends unused deployments and keeps the hours of hosting, which goes by a clock of
// its own otherwise.
func Reap(ctx context.Context, s *Stack) error {
	_, err := tune.Reap(ctx, s.Store, s.tuneDeps(s.caller()))
	return err
}

// settle writes what is configured and kept in the database: routes that were
// not set by other means, and the tenants' shares.
func (s *Stack) settle(ctx context.Context, _ StackOptions) error {
	if err := ensureRoutes(ctx, s.Store, s.Config.Routes); err != nil {
		return err
	}
	if err := setShares(ctx, s.Store, s.Config.Tenants); err != nil {
		return fmt.Errorf("set the tenants' shares: %w", err)
	}
	var err error
	if s.sharing, err = sharing(ctx, s.Store, s.Config.Tenants); err != nil {
		return fmt.Errorf("find the tenants that share the cache: %w", err)
	}
	return s.tellUnrouted(ctx)
}

// keepSchedules has the database hold the schedules that are configured. Those
// that the configuration has made and names no longer are removed; what was made
// by other means stays. Only the scheduler stores them: the processes may
// not all have the same file.
func (s *Stack) keepSchedules(ctx context.Context) error {
	var named []string
	for _, c := range s.Config.Schedules {
		named = append(named, c.ID)
		kept := job.Schedule{
			ID: c.ID, Spec: c.Cron, Zone: c.Zone, Misfire: c.Misfire, Overlap: c.Overlap, Author: author,
		}
		if err := s.Engine.EnsureSchedule(ctx, kept); err != nil {
			return fmt.Errorf("keep schedule %s: %w", c.ID, err)
		}
	}
	gone, err := s.Store.DropSchedules(ctx, author, named)
	if err != nil {
		return fmt.Errorf("remove schedules that are configured no longer: %w", err)
	}
	if len(gone) > 0 {
		s.Log.Info().Strs("schedules", gone).Msg("schedules were removed: the configuration names them no longer")
	}
	return nil
}

// setShares gives each listed tenant its weight and cap in every lane, and all
// others the default.
func setShares(ctx context.Context, s *store.Store, tenants []config.Tenant) error {
	return s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		var shares []job.Share
		for _, t := range tenants {
			known, err := q.EnsureTenant(ctx, t.Name)
			if err != nil {
				return err
			}
			for _, lane := range tasks.Lanes() {
				shares = append(shares, job.Share{Lane: string(lane), Tenant: known.ID, Weight: t.Weight, Cap: t.Cap})
			}
		}
		return q.SetShares(ctx, shares)
	})
}

// sharing returns the tenants that are given each other's answers from the cache.
func sharing(ctx context.Context, s *store.Store, tenants []config.Tenant) (kept.Sharing, error) {
	all := kept.Sharing{}
	for _, t := range tenants {
		if !t.SharedCache {
			continue
		}
		known, err := s.EnsureTenant(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		all[known.ID] = true
	}
	return all, nil
}

// ensureRoutes makes the common routes of the configuration where there are
// none, or where the configuration alone has made those that are there: what a
// tune or an operator has set stays.
func ensureRoutes(ctx context.Context, s *store.Store, configured map[string][]config.Target) error {
	for alias, targets := range configured {
		if err := ensureRoute(ctx, s, alias, targets); err != nil && !errors.Is(err, db.ErrConflict) {
			return fmt.Errorf("keep route %s: %w", alias, err)
		}
	}
	return nil
}

// author is the author of the routes and schedules of the configuration.
const author = "config"

func ensureRoute(ctx context.Context, s *store.Store, alias string, targets []config.Target) error {
	wanted := make([]learn.RouteTarget, len(targets))
	for i, t := range targets {
		wanted[i] = learn.RouteTarget{Model: t.Model, Weight: t.Weight, Tier: t.Tier}
	}
	have, err := s.Route(ctx, "", alias)
	switch {
	case errors.Is(err, db.ErrNotFound):
	case err != nil:
		return err
	case have.Author != author || slices.Equal(have.Targets, wanted):
		return nil
	}
	_, err = s.SetRoute(ctx, learn.Route{
		Alias: alias, Version: have.Version, Targets: wanted, Reason: "configured", Author: author,
	})
	return err // a conflict means that another process has just done it
}
