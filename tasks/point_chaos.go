//go:build chaos

package tasks

import (
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
)

// Point ends the process, as a loss of power would, one time in ten where
// DREAMLAB_DIE names the place. Only builds for the fault program hold it.
func Point(name string) {
	if os.Getenv("DREAMLAB_DIE") != name || rand.IntN(10) > 0 {
		return
	}
	fmt.Fprintln(os.Stderr, "chaos: dying at", name)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // the signal is on its way
}
