package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	riverqueue "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/load"
	"dreamlab/store/db"
)

const (
	riverClients = 64 // that insert one by one, as ours
	riverBatch   = 1000
	riverConns   = 32
	stopTime     = 30 * time.Second
)

// noop is a job of River's.
type noop struct{}

// Kind names the job.
func (noop) Kind() string { return "noop" }

// noopWorker does nothing for it.
type noopWorker struct {
	riverqueue.WorkerDefaults[noop]
}

// Work does nothing.
func (noopWorker) Work(context.Context, *riverqueue.Job[noop]) error { return nil }

// river measures River in a schema of its own, with so many workers, set to
// fetch as eagerly as it can.
func river(c *config.Config, p plan, way load.Insert, workers int) side {
	return func(ctx context.Context) (rate float64, err error) {
		pool, err := riverPool(ctx, c.Database)
		if err != nil {
			return 0, err
		}
		defer pool.Close()
		schema := "river_" + strings.ToLower(db.NewID(""))
		if _, err := pool.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
			return 0, err
		}
		defer func() {
			_, dropErr := pool.Exec(context.WithoutCancel(ctx), "DROP SCHEMA "+schema+" CASCADE")
			err = errors.Join(err, dropErr)
		}()
		client, err := riverClient(ctx, pool, schema, workers)
		if err != nil {
			return 0, err
		}
		return workRiver(ctx, client, way, p.jobs)
	}
}

func riverPool(ctx context.Context, database string) (*pgxpool.Pool, error) {
	location, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	query := location.Query()
	query.Set("pool_max_conns", fmt.Sprint(riverConns))
	location.RawQuery = query.Encode()
	return pgxpool.New(ctx, location.String())
}

func riverClient(ctx context.Context, pool *pgxpool.Pool, schema string, workers int,
) (*riverqueue.Client[pgx.Tx], error) {
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Schema: schema})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	list := riverqueue.NewWorkers()
	riverqueue.AddWorker(list, noopWorker{})
	return riverqueue.NewClient(driver, &riverqueue.Config{
		Schema: schema, Workers: list, FetchCooldown: time.Millisecond, FetchPollInterval: 50 * time.Millisecond,
		Queues: map[string]riverqueue.QueueConfig{riverqueue.QueueDefault: {MaxWorkers: workers}},
	})
}

// workRiver takes the time from the first insert to the last completion.
func workRiver(ctx context.Context, client *riverqueue.Client[pgx.Tx], way load.Insert, n int) (rate float64, err error) {
	completed, unsubscribe := client.SubscribeConfig(&riverqueue.SubscribeConfig{
		ChanSize: n + 1, Kinds: []riverqueue.EventKind{riverqueue.EventKindJobCompleted},
	})
	defer unsubscribe()
	if err := client.Start(ctx); err != nil {
		return 0, err
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		err = errors.Join(err, client.Stop(late))
	}()
	began := time.Now()
	if err := insertRiver(ctx, client, way, n); err != nil {
		return 0, err
	}
	for range n {
		select {
		case <-completed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

func insertRiver(ctx context.Context, client *riverqueue.Client[pgx.Tx], way load.Insert, n int) error {
	clients, size := riverClients, 1
	if way == load.Batch {
		clients, size = 2, riverBatch
	}
	return share(clients, n, size, func(some int) error {
		if way == load.Single {
			_, err := client.Insert(ctx, noop{}, nil)
			return err
		}
		jobs := make([]riverqueue.InsertManyParams, some)
		for i := range jobs {
			jobs[i].Args = noop{}
		}
		_, err := client.InsertManyFast(ctx, jobs)
		return err
	})
}

// share lets clients do n things, so many at a time.
func share(clients, n, size int, do func(some int) error) error {
	var all sync.WaitGroup
	var taken atomic.Int64
	faults := make(chan error, clients)
	for range clients {
		all.Go(func() {
			for {
				from := int(taken.Add(int64(size))) - size
				if from >= n {
					return
				}
				if err := do(min(size, n-from)); err != nil {
					faults <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(faults)
	return <-faults
}
