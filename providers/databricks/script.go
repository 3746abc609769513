package databricks

import (
	_ "embed"
	"strings"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

//go:embed train.py
var program string

// packages are the versions that a run installs.
func packages() []string {
	return []string{"trl==0.24.0", "peft==0.18.0", "transformers==4.57.1", "datasets==4.3.0", "mlflow==3.5.1"}
}

// parameters is what the program is told.
type parameters struct {
	Data         string  `json:"data"`
	Validation   string  `json:"validation"`
	Output       string  `json:"output"` // folder of what it leaves beside the model
	Weights      string  `json:"weights"`
	Model        string  `json:"model"`
	MaxSequence  int     `json:"max_sequence"`
	Epochs       int     `json:"epochs"`
	Checkpoints  int     `json:"checkpoints"`
	BatchSize    int     `json:"batch_size"`
	LearningRate float64 `json:"learning_rate"`
	Rank         int     `json:"rank"`
	Alpha        int     `json:"alpha"`
	Seed         int64   `json:"seed"`
}

// usualBatch is the size of a batch where none is asked for: it fits on every accelerator.
const usualBatch = 2

// script is the command of a training: the program with its parameters.
func (t trainer) script(spec providers.TrainSpec) string {
	p := parameters{
		Data: spec.File, Validation: spec.Validation, Output: t.left(spec.Suffix), Weights: t.weights[spec.Base], Model: t.model(spec),
		MaxSequence: maxSequence, Epochs: spec.Epochs, Checkpoints: max(spec.Checkpoints, 1), BatchSize: spec.BatchSize,
		LearningRate: spec.LearningRate, Rank: spec.Rank, Alpha: spec.Alpha, Seed: spec.Seed,
	}
	if p.BatchSize <= 0 {
		p.BatchSize = usualBatch
	}
	return "#!/bin/bash\nset -euo pipefail\nexec python3 - <<'PROGRAM'\n" +
		strings.Replace(program, "{{parameters}}", string(plainjson.Of(p)), 1) + "PROGRAM\n"
}

// left is where a training leaves its events and checkpoints.
func (t trainer) left(suffix string) string { return t.volume + "/runs/" + suffix }
