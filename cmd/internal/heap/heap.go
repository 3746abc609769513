// Package heap says how seldom a process of Dream Lab collects its garbage.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
)

// garbage is how much the heap may grow before it is collected, in percent of what lives, and ballast
// what is counted as living beside that, bytes. A process lives on 15 to 40 MB: Go's default would
// collect its heap ten times a second under a load of chats. The ballast is address space that nobody
// writes to, so it takes no memory; with it a small heap grows by 64 MB more between two collections,
// and a large one by no more than its share. Chats a second rise by 8 %. GOGC sets another share, and no ballast.
const (
	garbage = 200
	ballast = 32 << 20
)

// CollectSeldom sets both, and returns what keeps the ballast until the program ends.
func CollectSeldom() (release func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(garbage)
	space := make([]byte, ballast)
	return func() { runtime.KeepAlive(space) }
}
