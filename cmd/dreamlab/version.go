package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"

	"dreamlab/cmd/internal/boot"
)

// build is the output of `version`.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Time     string `json:"time,omitempty"` // of the commit
	Modified bool   `json:"modified"`       // built with uncommitted changes
	Go       string `json:"go"`
	Schema   int    `json:"schema"` // the newest schema version that it knows
}

// versionVerb shows the build.
type versionVerb struct{ printing }

// Run reads what the build says about itself.
func (v *versionVerb) Run(_ context.Context, sh shell) error {
	schema, err := boot.NewestSchema()
	if err != nil {
		return err
	}
	b := build{Schema: schema}
	if info, known := debug.ReadBuildInfo(); known {
		b.read(info)
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(b)
	}
	changed := ""
	if b.Modified {
		changed = ", modified"
	}
	fmt.Fprintf(sh.out, "dreamlab %s, commit %s%s, %s, schema %d\n", cmp.Or(b.Version, "unknown"),
		cmp.Or(b.Commit, "unknown"), changed, b.Go, b.Schema)
	return nil
}

func (b *build) read(info *debug.BuildInfo) {
	b.Version, b.Go = info.Main.Version, info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
}
