package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
)

const (
	tenants = 4 // without those of the floods, two each
	// tenantCap and window are small, so that both are reached.
	tenantCap = 6
	window    = 20
)

// settings are the fleet's. Polls are frequent, so that every kind of work is done in a run of
// minutes.
const settings = `
lanes:
  chat: {concurrency: 12, window: %d, tenant_cap: %d}
  dream: {concurrency: 4, window: 16}
dream: {threshold: 20, limit: 12, starts_per_day: 100, idle_wait: 10s, gives_way: 0s}
tune: {min_examples: 2, papers: 32, canary: {enabled: false}}
grace: 5s
poll: {training: 500ms, deployment: 500ms}
schedules: [{id: dream, cron: "* * * * *", zone: UTC}]
`

// fleetSettings returns the settings with the shares of the flooding tenants.
func fleetSettings() string {
	text := fmt.Sprintf(settings, window, tenantCap) + "tenants:\n"
	for i := range floods {
		for part, weight := range floodWeights {
			text += fmt.Sprintf("- {name: %s, weight: %d, cap: %d}\n", tenantName(tenants+2*i+part), weight, floodCap)
		}
	}
	return text
}

// lab is everything that one run starts.
type lab struct {
	dir      string
	binary   string
	redis    *server
	postgres *server
	vendors  *child
	vendor   string // the sandbox's URL
	witness  *witness
	store    *store.Store
	load     *load
	owners   []string // the tenants' ids
	keys     []string // one a tenant
	fleet    []*slot
	apis     []string // URLs
	moves    []move   // of the shared clock
	machines errgroup.Group
	running  context.Context // of the whole run: a machine goes on behind the fault that began its tune
}

func openLab(ctx context.Context, o options) (*lab, error) {
	dir, err := os.MkdirTemp("", "dreamlab-chaos-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, binary: o.binary, witness: newWitness()}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(err, l.close(true))
	}
	return l, nil
}

func (l *lab) open(ctx context.Context) error {
	if err := os.Chmod(l.dir, 0o755); err != nil { // PostgreSQL runs as another user
		return err
	}
	for _, open := range []func(context.Context) error{l.build, l.openServers, l.openStore, l.openVendors} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	if err := os.WriteFile(l.path("dreamlab.yaml"), []byte(fleetSettings()), 0o644); err != nil {
		return err
	}
	return l.describeFleet(ctx)
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// build makes a binary with named points at which it can die.
func (l *lab) build(ctx context.Context) error {
	if l.binary != "" {
		return nil
	}
	l.binary = l.path("dreamlab")
	build := exec.CommandContext(ctx, "go", "build", "-tags", "chaos", "-o", l.binary, "./cmd/dreamlab")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build ./cmd/dreamlab (run this in the module's root): %w: %s", err, out)
	}
	return nil
}

func (l *lab) openServers(ctx context.Context) (err error) {
	if l.redis, err = newRedis(ctx, l.dir); err != nil {
		return err
	}
	l.postgres, err = newPostgres(ctx, l.dir)
	return err
}

// openStore migrates the database, and makes the tenants and their keys.
func (l *lab) openStore(ctx context.Context) (err error) {
	if l.store, err = boot.OpenStore(ctx, &config.Config{Database: l.postgres.url}); err != nil {
		return err
	}
	err = retry(ctx, func() error { return l.store.Driver().Migrate(ctx, -1) })
	for i := 0; i <= tuners()+len(places()) && err == nil; i++ {
		err = retry(ctx, func() error { return l.addTenant(ctx, i) })
	}
	for i := tuners(); i < len(l.owners) && err == nil; i++ {
		err = l.teach(ctx, l.owners[i])
	}
	return err
}

// addTenant makes a tenant with a key.
func (l *lab) addTenant(ctx context.Context, i int) error {
	key := store.Key{Name: "chaos", Scopes: []string{store.ScopeUse}}
	key, secret, err := boot.NewKey(ctx, l.store, tenantName(i), key)
	if err != nil {
		return err
	}
	l.owners, l.keys = append(l.owners, key.Tenant), append(l.keys, secret)
	return nil
}

func tenantName(i int) string { return fmt.Sprintf("tenant-%d", i) }

// openVendors starts the emulators in a process that is never killed: their count of payments
// is the reference.
func (l *lab) openVendors(ctx context.Context) error {
	addr, _, err := freePort(ctx)
	if err != nil {
		return err
	}
	l.vendor = "http://" + addr
	l.vendors, err = start(command{name: "sandbox", log: l.path("sandbox.log"),
		args: []string{l.binary, "sandbox", "--addr", addr, "--speed", "3600"}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for {
		if _, err = l.payments(ctx); err == nil {
			return nil
		}
		if !pause(ctx, startPoll) {
			return fmt.Errorf("the sandbox does not answer: %w", err)
		}
	}
}

// describeFleet plans two processes of each kind.
func (l *lab) describeFleet(ctx context.Context) error {
	for i := range 2 {
		addr, _, err := freePort(ctx)
		if err != nil {
			return err
		}
		l.apis = append(l.apis, "http://"+addr)
		l.fleet = append(l.fleet,
			l.slot(fmt.Sprintf("api-%d", i), "api", "DREAMLAB_ADDR="+addr),
			l.slot(fmt.Sprintf("worker-%d", i), "worker", ""),
			l.slot(fmt.Sprintf("scheduler-%d", i), "scheduler", ""))
	}
	return nil
}

func (l *lab) slot(name, verb, setting string) *slot {
	env := []string{
		"DATABASE_URL=" + l.postgres.proxied, "REDIS_URL=" + l.redis.proxied,
		"BUCKET_URL=file://" + l.path("bucket"), "DREAMLAB_LOG=warn",
		"GROQ_API_KEY=" + boot.SandboxKey, "GROQ_BASE_URL=" + l.vendor + "/groq",
		"TOGETHER_API_KEY=" + boot.SandboxKey, "TOGETHER_BASE_URL=" + l.vendor + "/together/v1",
	}
	env = append(env, settingsOf(l.vendor)...)
	env = append(env, "BEDROCK_IMPORT_ROLE_ARN=arn:aws:iam::123456789012:role/imports", "COLAB_BASES="+ownWeights,
		"GROQ_LORA_BASES="+groqAdapter)
	if setting != "" {
		env = append(env, setting)
	}
	return &slot{name: name, make: func(die string) command {
		return command{name: name, log: l.path(name + ".log"), env: append(env[:len(env):len(env)], "DREAMLAB_DIE="+die),
			args: []string{l.binary, verb, "--config", l.path("dreamlab.yaml")}}
	}}
}

// slots returns the slots of the processes of one kind.
func (l *lab) slots(verb string) []*slot {
	var found []*slot
	for _, s := range l.fleet {
		if strings.HasPrefix(s.name, verb) {
			found = append(found, s)
		}
	}
	return found
}

// close ends what was started, in reverse order.
func (l *lab) close(keep bool) error {
	var err error
	if l.vendors != nil {
		err = l.vendors.end(syscall.SIGTERM, stopPatience)
	}
	if l.store != nil {
		err = errors.Join(err, l.store.Close())
	}
	for _, s := range []*server{l.postgres, l.redis} {
		if s != nil {
			err = errors.Join(err, s.close())
		}
	}
	if keep {
		fmt.Fprintln(os.Stderr, "chaos: the logs are in", l.dir)
		return err
	}
	return errors.Join(err, os.RemoveAll(l.dir))
}
