// Command dreamlab is the one binary of Dream Lab: the API, the workers, the
// scheduler, and the verbs of those who use them. main wires; each verb has a
// file of its own and asks the packages below to do the work.
package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// clientLevel lets the processes alone tell of connections that are tried again:
// other verbs say themselves what went wrong.
func clientLevel(args []string) string {
	if len(args) > 1 && slices.Contains([]string{"up", "api", "worker", "scheduler"}, args[1]) {
		return "warn"
	}
	return "error"
}

func main() {
	redis.SetLogger(clientLog{newLog(os.Stderr, clientLevel(os.Args))})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, shell{in: os.Stdin, out: os.Stdout, errs: os.Stderr, lookup: os.LookupEnv}, os.Args[1:])
	stop()
	os.Exit(code)
}
