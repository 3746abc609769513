//go:build !chaos

package tasks

// Point marks a place at which the fault program (cmd/chaos) lets a process
// die. It is nothing, unless the build has the tag chaos.
func Point(string) {}
