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

// process names this process: host/pid.
func process() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name the process: %w", err)
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid()), nil
}

// NameWorker names a worker of this process: host/pid/version/number.
func NameWorker() (string, error) {
	own, err := process()
	if err != nil {
		return "", err
	}
	return own + "/" + Version() + "/" + db.NewID("")[20:], nil
}

// Version returns the version in the worker's name, and that of this process for its own workers;
// "" where neither tells.
func (w Worker) Version() string {
	if parts := strings.Split(w.Worker, "/"); len(parts) == 4 {
		return parts[2]
	}
	if own, err := process(); err == nil && w.Process() == own {
		return Version()
	}
	return ""
}

// Process returns the host and the process of the worker.
func (w Worker) Process() string {
	parts := strings.Split(w.Worker, "/")
	return strings.Join(parts[:min(len(parts), 2)], "/")
}
