package cache

import (
	"encoding/json"
	"fmt"

	"dreamlab/providers/completion"
	"dreamlab/store/money"
)

// origin is what a kept completion says of its making.
type origin struct {
	Cost  money.USD `json:"cost_usd"`
	Dream string    `json:"anticipated"` // the dream that answered before it was asked, "" for none
}

// again returns a completion as it is given out again, and how it was made.
func again(body []byte, state State) (told []byte, made origin, err error) {
	var kept struct {
		Ours json.RawMessage `json:"dreamlab"`
	}
	if err := json.Unmarshal(body, &kept); err != nil {
		return nil, made, fmt.Errorf("read a cached answer: %w", err)
	}
	if err := json.Unmarshal(kept.Ours, &made); err != nil {
		return nil, made, fmt.Errorf("read how a cached answer was made: %w", err)
	}
	ours := []byte(kept.Ours)
	for name, value := range map[string]string{"calls": "0", "cost_usd": "0", "cache": `"` + string(state) + `"`, "vendor_ms": "0"} {
		ours = completion.Set(ours, name, []byte(value))
	}
	return completion.Set(body, "dreamlab", ours), made, nil
}

// unnamed leaves out the job and the dream that an answer is of, which may be those of another tenant.
func unnamed(body []byte) ([]byte, error) {
	var kept struct {
		Ours json.RawMessage `json:"dreamlab"`
	}
	if err := json.Unmarshal(body, &kept); err != nil {
		return nil, fmt.Errorf("read a shared answer: %w", err)
	}
	return completion.Set(body, "dreamlab", completion.Without(kept.Ours, "job", "anticipated")), nil
}

// whole tells whether an answer is one to give again: every choice came to its own end,
// and all of it is one model's.
func whole(body []byte) bool {
	var told struct {
		Choices []struct {
			Finish string `json:"finish_reason"`
		} `json:"choices"`
		Ours struct {
			Resumed []json.RawMessage `json:"resumed"`
		} `json:"dreamlab"`
	}
	if json.Unmarshal(body, &told) != nil || len(told.Choices) == 0 || len(told.Ours.Resumed) > 0 {
		return false
	}
	for _, choice := range told.Choices {
		if choice.Finish != "stop" && choice.Finish != "tool_calls" {
			return false
		}
	}
	return true
}
