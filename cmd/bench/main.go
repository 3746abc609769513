// Command bench runs Dream Lab's loads in turn with its rivals' on the same
// servers: River, which makes the same promise, on the same PostgreSQL; plain
// Asynq on the same Redis; and Portkey's gateway, which keeps nothing, in front
// of the same vendor. It is a module of its own, so that the rivals are no
// dependency of the product.
//
// Rounds alternate, and what counts is the ratio: other programs on the machine
// slow both down.
//
//	go run -C cmd/bench . [--rounds 3] [--jobs 5000] [--portkey DIR] [--only NAME]
//
// DIR is where Portkey's gateway was installed:
//
//	npm install @portkey-ai/gateway@1.15.2 hono@4.9.7 @hono/node-server@1.13.5 @hono/node-ws@1.2.0
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/heap"
	"dreamlab/store/storetest"
)

// patience bounds all contests together.
const patience = 30 * time.Minute

// plan is what was asked for.
type plan struct {
	rounds, jobs  int
	portkey, only string
}

func main() {
	var p plan
	flag.IntVar(&p.rounds, "rounds", 3, "alternating rounds of each contest")
	flag.IntVar(&p.jobs, "jobs", 5000, "jobs in a round; chats are as many")
	flag.StringVar(&p.portkey, "portkey", "", "the `DIRECTORY` where Portkey's gateway was installed")
	flag.StringVar(&p.only, "only", "", "the `NAME` of the one contest to hold")
	flag.Parse()
	release := heap.CollectSeldom() // as the program does
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, p)
	stop()
	release()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, p plan) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := config.Default()
	database, postgres, err := storetest.StartPostgres()
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, postgres.Close()) }()
	queue, redis, err := storetest.StartRedis()
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	defer func() { err = errors.Join(err, redis.Close()) }()
	c.Database, c.Redis = database, queue
	results, err := hold(ctx, p, contests(c, p))
	return errors.Join(err, write(os.Stdout, results))
}
