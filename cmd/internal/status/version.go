package status

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"

	"dreamlab/store/db"
)

// Version is the program's version: its release, or else the beginning of its commit.
func Version() string {
	if info, known := debug.ReadBuildInfo(); known {
		return short(info.Main.Version)
	}
	return unversioned
}

// unversioned is the version of a program that says none of itself.
const unversioned = "devel"

// commits are the versions that Go gives to a commit without a release, which end with it.
var commits = regexp.MustCompile(`^v.*\d{14}-([0-9a-f]{7})[0-9a-f]*(\+dirty)?$`)

func short(version string) string {
	if found := commits.FindStringSubmatch(version); found != nil {
		return found[1]
	}
	return cmp.Or(strings.Trim(version, "()"), unversioned)
}

// NameWorker names a worker of this process: host/pid/version/number.
func NameWorker() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name the worker: %w", err)
	}
	return fmt.Sprintf("%s/%d/%s/%s", host, os.Getpid(), Version(), db.NewID("")[20:]), nil
}

// Version returns the version in the worker's name, "" where it says none.
func (w Worker) Version() string {
	if parts := strings.Split(w.Worker, "/"); len(parts) == 4 {
		return parts[2]
	}
	return ""
}

// Process returns the host and the process of the worker.
func (w Worker) Process() string {
	parts := strings.Split(w.Worker, "/")
	return strings.Join(parts[:min(len(parts), 2)], "/")
}
