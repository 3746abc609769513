package main

import (
	"context"
	"fmt"
)

// memoryVerb works with the tenant's memory.
type memoryVerb struct {
	Show memoryShowVerb `cmd:"" default:"withargs" help:"show what the dreams put together"`
}

// memoryShowVerb shows the memory.
type memoryShowVerb struct{ asking }

// Run shows it as Markdown, or as JSON with the sources of each lesson.
func (v *memoryShowVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	if v.asJSON() {
		return printRaw(ctx, sh, c, "/v1/memory")
	}
	text, err := c.Text(ctx, "/v1/memory", "text/markdown")
	if err != nil {
		return err
	}
	fmt.Fprint(sh.out, text)
	return nil
}
