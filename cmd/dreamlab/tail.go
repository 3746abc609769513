package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// tailVerb shows what happens.
type tailVerb struct {
	Filter []string `placeholder:"EVENTS" help:"these EVENTS alone, with commas between: job.ended, dream.stage ..."`
	Count  int      `short:"n" placeholder:"NUMBER" help:"end after this NUMBER of events"`
	asking
}

// errCounted ends the stream after the events that were asked for.
var errCounted = errors.New("all events that were asked for came")

// Run prints a line for each event, as it happens.
func (v *tailVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	left := v.Count
	err = c.Events(ctx, func(e client.Event) error {
		if len(v.Filter) > 0 && !slices.Contains(v.Filter, e.Type) {
			return nil
		}
		if err := v.write(sh, e); err != nil {
			return err
		}
		if left--; left == 0 {
			return errCounted
		}
		return nil
	})
	if errors.Is(err, errCounted) {
		return nil
	}
	return err
}

func (v *tailVerb) write(sh shell, e client.Event) error {
	data, err := show.NewRow(json.RawMessage(e.Data))
	if err != nil {
		return err
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(data)
	}
	var told []string
	for _, field := range []string{"kind", "subject", "status", "code", "stage", "version", "reason"} {
		if value := data.Field(field); value != "" {
			told = append(told, value)
		}
	}
	_, err = fmt.Fprintf(sh.out, "%s  %-13s  %s  %s\n", data.Time("at"), e.Type, data.Field("id"), strings.Join(told, " "))
	return err
}
