package tasks

import "encoding/json"

// DreamInput is the input of dream.plan, and the body of POST /v1/dreams.
type DreamInput struct {
	Limit     int         `json:"limit,omitempty"`      // experiences at most. Defaults to 1,000.
	Mode      string      `json:"mode,omitempty"`       // auto, live, batch. Defaults to auto.
	BudgetUSD json.Number `json:"budget_usd,omitempty"` // decimal dollars, as text or number
	DryRun    bool        `json:"dry_run,omitempty"`
}

// SliceInput is the input of dream.slice: at most 16 experiences.
type SliceInput struct {
	Dream       string   `json:"dream"`
	Experiences []string `json:"experiences"`
}

// DreamPart is the input of dream.reflect and dream.consolidate.
type DreamPart struct {
	Dream string `json:"dream"`
}
