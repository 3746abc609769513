// Command dreamlab is the only binary of Dream Lab: the API, the workers, the scheduler, and
// the verbs of operators and clients. Each verb has a file of its own, which calls the packages
// below.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/redis/go-redis/v9"
)

// clientLevel shows the Redis client's messages about retried connections for the processes
// only. The other verbs report their errors themselves.
func clientLevel(args []string) string {
	if len(args) > 1 && slices.Contains([]string{"up", "api", "worker", "scheduler"}, args[1]) {
		return "warn"
	}
	return "error"
}

// garbage is how much the heap may grow before it is collected, in percent of what lives, and ballast
// what is counted as living beside that, bytes. A process lives on 15 to 40 MB: Go's default would
// collect its heap ten times a second under a load of chats. The ballast is address space that nobody
// writes to, so it takes no memory; with it a small heap grows by 64 MB more between two collections,
// and a large one by no more than its share. Chats a second rise by 8 %. GOGC sets another share, and no ballast.
const (
	garbage = 200
	ballast = 32 << 20
)

// collectSeldom sets both, and returns what keeps the ballast until the program ends.
func collectSeldom() (release func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(garbage)
	space := make([]byte, ballast)
	return func() { runtime.KeepAlive(space) }
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
	release := collectSeldom()
	redis.SetLogger(clientLog{newLog(os.Stderr, clientLevel(os.Args))})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, newShell(), os.Args[1:])
	stop()
	release()
	os.Exit(code)
}
