package tasks

import (
	"encoding/json"
	"fmt"
)

// Ref names one generation of a job.
type Ref struct {
	ID  string
	Gen int64
}

// Wake is the payload of an Asynq task: which jobs to claim. It holds ids
// only, because Asynq writes the payload of every active task back into Redis
// at each heartbeat.
type Wake struct {
	Jobs []Ref
}

// MarshalJSON writes {"jobs":[["job_…",gen],…]}.
func (w Wake) MarshalJSON() ([]byte, error) {
	pairs := make([][2]any, len(w.Jobs))
	for i, ref := range w.Jobs {
		pairs[i] = [2]any{ref.ID, ref.Gen}
	}
	return json.Marshal(map[string]any{"jobs": pairs})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (w *Wake) UnmarshalJSON(text []byte) error {
	var raw struct {
		Jobs [][2]json.RawMessage `json:"jobs"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return fmt.Errorf("read wake-up: %w", err)
	}
	w.Jobs = make([]Ref, len(raw.Jobs))
	for i, pair := range raw.Jobs {
		if err := json.Unmarshal(pair[0], &w.Jobs[i].ID); err != nil {
			return fmt.Errorf("read wake-up: job id: %w", err)
		}
		if err := json.Unmarshal(pair[1], &w.Jobs[i].Gen); err != nil {
			return fmt.Errorf("read wake-up: generation of %s: %w", w.Jobs[i].ID, err)
		}
	}
	return nil
}
