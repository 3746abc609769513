package azure

import (
	"context"
	"slices"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// Events lists what happened in a training, as [providers.Logger] says.
func (d trainer) Events(ctx context.Context, handle providers.Handle) ([]providers.TrainingEvent, error) {
	type event struct {
		Type    string       `json:"type"`
		Level   string       `json:"level"`
		Message string       `json:"message"`
		Created openai.Stamp `json:"created_at"`
		Data    struct {
			Step int `json:"step"`
		} `json:"data"`
	}
	known, err := readTrained(handle)
	if err != nil {
		return nil, err
	}
	listed, err := openai.ListAll[event](ctx, d.Client, d.jobURL(known.ID, "/events"))
	if err != nil {
		return nil, err
	}
	events := make([]providers.TrainingEvent, 0, len(listed))
	for _, e := range slices.Backward(listed) { // the newest came first
		level := strings.ToLower(e.Level)
		if level != "warning" && level != "error" {
			level = "info"
		}
		events = append(events, providers.TrainingEvent{
			Type: strings.ToLower(e.Type), Level: level, Message: providers.Redact(e.Message), Step: e.Data.Step,
			Created: e.Created.Time,
		})
	}
	slices.SortStableFunc(events, func(a, b providers.TrainingEvent) int { return a.Created.Compare(b.Created) })
	return events, nil
}

// Checkpoints lists the saved states, of which Azure keeps the last three.
func (d trainer) Checkpoints(ctx context.Context, handle providers.Handle) ([]providers.Checkpoint, error) {
	type state struct {
		ID      string       `json:"id"`
		Step    int          `json:"step_number"`
		Created openai.Stamp `json:"created_at"`
	}
	known, err := readTrained(handle)
	if err != nil {
		return nil, err
	}
	listed, err := openai.ListAll[state](ctx, d.Client, d.jobURL(known.ID, "/checkpoints"))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(listed, func(a, b state) int { return a.Step - b.Step })
	checkpoints := make([]providers.Checkpoint, 0, len(listed))
	for i, s := range listed {
		checkpoints = append(checkpoints, providers.Checkpoint{
			ID: s.ID, Step: s.Step, Created: s.Created.Time, Final: known.Model != "" && i == len(listed)-1,
		})
	}
	return checkpoints, nil
}
