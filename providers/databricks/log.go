package databricks

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// event is a line of what the program of a training tells.
type event struct {
	Type    string    `json:"type"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Step    int       `json:"step"`
	Final   bool      `json:"final"` // of a checkpoint: the last
	Created time.Time `json:"created"`
}

// maxEvents bounds the lines that are kept of a training's log: the last ones.
const maxEvents = 10_000

// events reads what the program has told so far. A line that is no event is passed over: the
// last may be half written.
func (t trainer) events(ctx context.Context, handle providers.Handle) (events []event, err error) {
	known, err := readTrained(handle)
	if err != nil {
		return nil, err
	}
	_, err = t.Do(ctx, openai.Call{
		Method: http.MethodGet, URL: t.fileURL(t.left(known.Suffix) + "/events.jsonl"),
		Lines: func(line []byte) error {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Type != "" {
				events = append(events, e)
			}
			if len(events) >= 2*maxEvents {
				events = slices.Delete(events, 0, maxEvents)
			}
			return nil
		},
	})
	if missing(err) { // it has not begun
		return nil, nil
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.Created.Compare(b.Created) })
	return events, err
}

// Events lists what happened in a training, as [providers.Logger] says.
func (t trainer) Events(ctx context.Context, handle providers.Handle) ([]providers.TrainingEvent, error) {
	told, err := t.events(ctx, handle)
	if err != nil {
		return nil, err
	}
	events := make([]providers.TrainingEvent, 0, len(told))
	for _, e := range told {
		level := strings.ToLower(e.Level)
		if level != "warning" && level != "error" {
			level = "info"
		}
		events = append(events, providers.TrainingEvent{
			Type: strings.ToLower(e.Type), Level: level, Message: providers.Redact(e.Message), Step: e.Step, Created: e.Created.UTC(),
		})
	}
	return events, nil
}

// Checkpoints lists the saved states that the program told of.
func (t trainer) Checkpoints(ctx context.Context, handle providers.Handle) ([]providers.Checkpoint, error) {
	told, err := t.events(ctx, handle)
	if err != nil {
		return nil, err
	}
	checkpoints := []providers.Checkpoint{}
	for _, e := range told {
		if e.Type == "checkpoint" {
			checkpoints = append(checkpoints, providers.Checkpoint{
				ID: "checkpoint-" + e.Created.UTC().Format(time.RFC3339), Step: e.Step, Created: e.Created.UTC(), Final: e.Final,
			})
		}
	}
	return checkpoints, nil
}
