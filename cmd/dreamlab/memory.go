package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"dreamlab/cmd/internal/client"
)

// memoryVerb works with the tenant's memory.
type memoryVerb struct {
	Show     memoryShowVerb     `cmd:"" default:"withargs" help:"show what the dreams put together"`
	Versions memoryVersionsVerb `cmd:"" help:"list the versions of the memory, the newest first"`
	Diff     memoryDiffVerb     `cmd:"" help:"show what a version changed"`
	Restore  memoryRestoreVerb  `cmd:"" help:"make an earlier version the newest"`
}

// memoryShowVerb shows the memory.
type memoryShowVerb struct {
	ID string `arg:"" optional:"" name:"id" help:"the version, the newest without it: mem_…"`
	asking
}

// Run shows it as Markdown, or as JSON with the sources of each lesson.
func (v *memoryShowVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	path := "/v1/memory"
	if v.ID != "" {
		path = client.Path("/v1/memory/versions", v.ID)
	}
	if v.asJSON() {
		return printRaw(ctx, sh, c, path)
	}
	text, err := c.Text(ctx, path, "text/markdown")
	if err != nil {
		return err
	}
	fmt.Fprint(sh.out, text)
	return nil
}

// memoryVersionsVerb lists versions.
type memoryVersionsVerb struct{ browsing }

// Run lists them.
func (v *memoryVersionsVerb) Run(ctx context.Context, sh shell) error {
	return v.list(ctx, sh, "memory/versions", nil, "id", "created_at", "lessons", "dream", "restored")
}

// memoryDiffVerb compares versions.
type memoryDiffVerb struct {
	ID   string `arg:"" name:"id" help:"the version: mem_…"`
	From string `default:"previous" placeholder:"ID" help:"the version to compare with"`
	asking
}

// memoryDiff is what the API tells of two versions.
type memoryDiff struct {
	Added, Removed []struct{ Text string }
	Changed        []struct {
		Words []struct{ Op, Text string }
	}
}

// Run shows lessons that came and went, and the words that changed as wdiff(1) does.
func (v *memoryDiffVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := c.Raw(ctx, client.Path("/v1/memory/versions", v.ID)+"?"+url.Values{"diff": {v.From}}.Encode())
	if err != nil {
		return err
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(raw)
	}
	var diff memoryDiff
	if err := json.Unmarshal(raw, &diff); err != nil {
		return fmt.Errorf("read the difference: %w", err)
	}
	diff.write(sh.out)
	return nil
}

func (d memoryDiff) write(out io.Writer) {
	for _, lesson := range d.Removed {
		fmt.Fprintf(out, "- %s\n", lesson.Text)
	}
	for _, lesson := range d.Changed {
		var text strings.Builder
		for _, word := range lesson.Words {
			switch word.Op {
			case "removed":
				text.WriteString("[-" + word.Text + "-]")
			case "added":
				text.WriteString("{+" + word.Text + "+}")
			default:
				text.WriteString(word.Text)
			}
		}
		fmt.Fprintf(out, "~ %s\n", text.String())
	}
	for _, lesson := range d.Added {
		fmt.Fprintf(out, "+ %s\n", lesson.Text)
	}
}

// memoryRestoreVerb goes back to a version.
type memoryRestoreVerb struct {
	ID string `arg:"" name:"id" help:"the version: mem_…"`
	asking
}

// Run makes it the newest, which can be taken back as well.
func (v *memoryRestoreVerb) Run(ctx context.Context, sh shell) error {
	return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
		return c.Do(ctx, http.MethodPost, client.Path("/v1/memory/versions", v.ID)+"/restore", nil)
	}, "id", "restored", "created_at")
}
