// Command dreamlab is the one binary of Dream Lab: the API, the workers, the
// scheduler, and the verbs of those who use them. main wires; each verb has a
// file of its own and asks the packages below to do the work.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"
)

func main() {
	redis.SetLogger(clientLog{newLog(os.Stderr, "warn")})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, shell{in: os.Stdin, out: os.Stdout, errs: os.Stderr, lookup: os.LookupEnv}, os.Args[1:])
	stop()
	os.Exit(code)
}
