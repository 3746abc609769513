package tasks

import "encoding/json"

// TuneInput is the input of tune.curate, and the body of POST /v1/tunes.
type TuneInput struct {
	Alias       string      `json:"alias,omitempty"`        // Defaults to assistant.
	Base        string      `json:"base,omitempty"`         // provider/model. Defaults to the team's base.
	MinExamples int         `json:"min_examples,omitempty"` // Defaults to the configured threshold.
	BudgetUSD   json.Number `json:"budget_usd,omitempty"`   // decimal dollars
	DryRun      bool        `json:"dry_run,omitempty"`
}

// TrainInput is the input of tune.start and tune.poll.
type TrainInput struct {
	Training string `json:"training"` // ftjob-…
	Tune     string `json:"tune,omitempty"`
}

// EvaluateInput is the input of tune.evaluate.
type EvaluateInput struct {
	Tune string `json:"tune"`
}
