package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
	"dreamlab/store/db"
)

// setupTime bounds the set-up and the removal of a load's parts.
const setupTime = 2 * time.Minute

// rig holds the parts of one load: of the configured kinds, with contents of their own.
type rig struct {
	config *config.Config
	part   float64
	stack  *boot.Stack
	vendor *vendor
	key    string
	client *http.Client
	closes []func(context.Context) error
}

// one runs one load on a rig of its own.
func one(ctx context.Context, c *config.Config, part float64, l Load) (figures []Figure, err error) {
	r := &rig{part: part, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	if err := r.isolate(ctx, c); err != nil {
		return nil, err
	}
	return l.run(ctx, r)
}

// count is the part of a full number of jobs that the options select.
func (r *rig) count(full int) int { return max(1, int(float64(full)*r.part)) }

func (r *rig) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), setupTime)
	defer cancel()
	r.client.CloseIdleConnections()
	var fault error
	for i := len(r.closes) - 1; i >= 0; i-- {
		fault = errors.Join(fault, r.closes[i](ctx))
	}
	return fault
}

// isolate makes a configuration of parts that only this load uses.
func (r *rig) isolate(ctx context.Context, c *config.Config) error {
	dir, err := os.MkdirTemp("", "dreamlab-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	r.closes = append(r.closes, func(context.Context) error { return os.RemoveAll(dir) })
	r.vendor = startVendor()
	r.closes = append(r.closes, func(context.Context) error { return r.vendor.close() })
	own := config.Default()
	own.Addr, own.Data, own.Redis, own.Schedules = "127.0.0.1:0", dir, c.Redis, nil
	own.Servers = []config.Server{{Name: "instant", BaseURL: r.vendor.url, Models: []string{"echo"}}}
	own.Team = config.Team{Lead: "instant/echo", Base: "instant/echo"}
	own.Routes = map[string][]config.Target{"assistant": {{Model: "instant/echo", Weight: 100}}}
	own.Lanes = map[string]config.Lane{}
	if c.Database != "" {
		own.Database, err = r.schema(ctx, c.Database)
	}
	r.config = own
	return err
}

// schema makes a schema in the configured database and drops it in the end.
func (r *rig) schema(ctx context.Context, database string) (string, error) {
	location, err := url.Parse(database)
	if err != nil {
		return "", errors.New("read DATABASE_URL: it is no URL")
	}
	name := "bench_" + strings.ToLower(db.NewID(""))
	if err := tell(ctx, database, "CREATE SCHEMA "+name); err != nil {
		return "", err
	}
	r.closes = append(r.closes, func(ctx context.Context) error {
		return tell(ctx, database, "DROP SCHEMA "+name+" CASCADE")
	})
	query := location.Query()
	query.Set("search_path", name)
	location.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // pgx takes a plus sign for itself
	return location.String(), nil
}

func tell(ctx context.Context, database, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	s, err := boot.OpenStore(ctx, &config.Config{Database: database})
	if err != nil {
		return err
	}
	_, err = s.Driver().Exec(ctx, statement)
	if err = errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// open opens the stack, with a log that is written as in production.
func (r *rig) open(ctx context.Context) error {
	file, err := os.Create(filepath.Join(r.config.Data, "log"))
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	r.closes = append(r.closes, func(context.Context) error { return file.Close() })
	log := zerolog.New(zerolog.SyncWriter(file)).With().Timestamp().Logger()
	r.stack, err = boot.Open(ctx, r.config, boot.StackOptions{Log: log, Migrate: true})
	if err != nil {
		return err
	}
	r.closes = append(r.closes, func(context.Context) error { return r.stack.Close() })
	if err := r.claimQueue(ctx); err != nil {
		return err
	}
	_, r.key, err = boot.NewKey(ctx, r.stack.Store, boot.FirstTenant, store.Key{Name: "bench", Scopes: []string{store.ScopeUse}})
	return err
}

// claimQueue refuses a queue that is in use, and empties it at the end.
func (r *rig) claimQueue(ctx context.Context) error {
	queue := r.stack.Queue
	if queue.Embedded {
		return nil
	}
	used, err := queue.Client.DBSize(ctx).Result()
	if err != nil {
		return fmt.Errorf("ask the queue (REDIS_URL): %w", err)
	}
	if used > 0 {
		return errors.New("the queue is in use: name an empty Redis for this, as REDIS_URL=redis://localhost:6379/9")
	}
	r.closes = append(r.closes, func(ctx context.Context) error {
		if err := queue.Client.FlushDB(ctx).Err(); err != nil {
			return fmt.Errorf("empty the queue: %w", err)
		}
		return nil
	})
	return nil
}

// during runs processes for as long as the work takes.
func (r *rig) during(ctx context.Context, processes []boot.Process, work func(context.Context) error) error {
	return boot.Until(ctx, r.stack.Log, boot.Process{Name: "load", Run: work}, processes...)
}
