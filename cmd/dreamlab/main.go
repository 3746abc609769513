// Command dreamlab is the only binary of Dream Lab: the API, the workers, the scheduler, and
// the verbs of operators and clients. Each verb has a file of its own, which calls the packages
// below.
package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/redis/go-redis/v9"

	"dreamlab/cmd/internal/heap"
)

// clientLevel shows the Redis client's messages about retried connections for the processes
// only. The other verbs report their errors themselves.
func clientLevel(args []string) string {
	if len(args) > 1 && slices.Contains([]string{"up", "api", "worker", "scheduler"}, args[1]) {
		return "warn"
	}
	return "error"
}

// newShell is the shell that the program runs in.
func newShell() shell {
	sh := shell{in: os.Stdin, out: os.Stdout, errs: os.Stderr, lookup: os.LookupEnv}
	sh.asks = isatty.IsTerminal(os.Stdin.Fd())
	dumb := os.Getenv("TERM") == "dumb"
	sh.live = isatty.IsTerminal(os.Stderr.Fd()) && !dumb
	sh.colour = isatty.IsTerminal(os.Stdout.Fd()) && !dumb && os.Getenv("NO_COLOR") == "" // https://no-color.org
	return sh
}

func main() {
	release := heap.CollectSeldom()
	redis.SetLogger(clientLog{newLog(os.Stderr, clientLevel(os.Args))})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, newShell(), os.Args[1:])
	stop()
	release()
	os.Exit(code)
}
