//go:build chaos

package tasks

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Point ends the process, as a loss of power would, where DREAMLAB_DIE names the
// place: "claimed" at once, "claimed/10" one time in ten. Only builds for the
// fault program hold it.
func Point(name string) {
	place, often, _ := strings.Cut(os.Getenv("DREAMLAB_DIE"), "/")
	if place != name {
		return
	}
	if odds, err := strconv.Atoi(often); err == nil && rand.IntN(max(odds, 1)) > 0 {
		return
	}
	fmt.Fprintln(os.Stderr, "chaos: dying at", name)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // the signal is on its way
}
