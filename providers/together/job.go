package together

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"dreamlab/providers"
)

// job is a fine-tune as Together describes it.
type job struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	Base       string `json:"model"`
	Suffix     string `json:"suffix"`
	File       string `json:"training_file"`
	Created    moment `json:"created_at"`
	Updated    moment `json:"updated_at"`
	Price      count  `json:"total_price"` // nano-dollars
	Tokens     count  `json:"token_count"`
	Steps      count  `json:"steps_completed"`
	Total      count  `json:"total_steps"`
	Output     string `json:"model_output_name"`
	OlderName  string `json:"x_model_output_name"`
	ModelID    string `json:"model_object_id"`
	ModelRev   string `json:"model_object_revision_id"`
	AdapterID  string `json:"adapter_object_id"`
	AdapterRev string `json:"adapter_object_revision_id"`
	Reason     string `json:"status_reason"`
	Message    string `json:"message"`
}

// states maps Together's words. What is missing here is running: new words
// have come before, and none of them was an end.
var states = map[string]providers.TrainingState{
	"pending":    providers.TrainingQueued,
	"queued":     providers.TrainingQueued,
	"completed":  providers.TrainingSucceeded,
	"error":      providers.TrainingFailed,
	"user_error": providers.TrainingFailed,
	"cancelled":  providers.TrainingCancelled,
}

func (j job) training() providers.Training {
	state, known := states[strings.ToLower(j.Status)]
	if !known {
		state = providers.TrainingRunning
	}
	model := cmp.Or(revision(j.ModelID, j.ModelRev), revision(j.AdapterID, j.AdapterRev))
	t := providers.Training{
		ID: j.ID, Handle: trained{ID: j.ID, Model: model}.handle(), State: state, Status: j.Status, Reason: cmp.Or(j.Reason, j.Message),
		Base: j.Base, Suffix: j.Suffix, File: j.File,
		Nano: int64(j.Price), Tokens: int64(j.Tokens), Steps: int(j.Steps), Total: int(j.Total),
		Output: cmp.Or(j.Output, j.OlderName), Created: j.Created.Time,
	}
	if state.Ended() {
		t.Finished = j.Updated.Time
	}
	if state == providers.TrainingCancelled && t.Steps > 0 { // completed steps are paid
		t.Charge = providers.ChargeUnknown
	}
	return t
}

// revision joins a model's id and its revision as a deployment names them.
func revision(id, rev string) string {
	if id == "" || rev == "" {
		return id
	}
	return id + "/revisions/" + rev
}

// Events lists what happened, oldest first.
func (d trainer) Events(ctx context.Context, handle providers.Handle) ([]providers.TrainingEvent, error) {
	type event struct {
		Type    string `json:"type"`
		Level   string `json:"level"`
		Message string `json:"message"`
		Step    count  `json:"step"`
		Created moment `json:"created_at"`
	}
	trained, err := readTrained(handle)
	if err != nil {
		return nil, err
	}
	listed, err := list[event](ctx, d.driver, d.tuneURL(trained.ID)+"/events")
	if err != nil {
		return nil, err
	}
	events := make([]providers.TrainingEvent, 0, len(listed))
	for _, e := range listed {
		events = append(events, providers.TrainingEvent{
			Type: strings.ToLower(e.Type), Level: level(e.Level), Message: e.Message,
			Step: int(e.Step), Created: e.Created.Time,
		})
	}
	slices.SortStableFunc(events, func(a, b providers.TrainingEvent) int {
		return a.Created.Compare(b.Created)
	})
	return events, nil
}

// level reads "Info", "legacy_warning" and the like.
func level(word string) string {
	word = strings.TrimPrefix(strings.ToLower(word), "legacy_")
	if word == "warning" || word == "error" {
		return word
	}
	return "info"
}

// Checkpoints lists the saved states, oldest first.
func (d trainer) Checkpoints(ctx context.Context, handle providers.Handle) ([]providers.Checkpoint, error) {
	type state struct {
		Step    count  `json:"step"`
		Kind    string `json:"checkpoint_type"`
		Created moment `json:"created_at"`
	}
	trained, err := readTrained(handle)
	if err != nil {
		return nil, err
	}
	listed, err := list[state](ctx, d.driver, d.tuneURL(trained.ID)+"/checkpoints")
	if err != nil {
		return nil, err
	}
	checkpoints := make([]providers.Checkpoint, 0, len(listed))
	for _, s := range listed {
		checkpoints = append(checkpoints, providers.Checkpoint{
			ID: fmt.Sprintf("%s:%d", trained.ID, s.Step), Step: int(s.Step), Created: s.Created.Time,
			Final: strings.HasPrefix(strings.ToLower(s.Kind), "final"),
		})
	}
	slices.SortStableFunc(checkpoints, func(a, b providers.Checkpoint) int { return a.Step - b.Step })
	return checkpoints, nil
}
