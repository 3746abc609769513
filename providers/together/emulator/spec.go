package emulator

import (
	"encoding/json"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// spec is what a fine-tune is asked with
// (https://docs.together.ai/reference/post-fine-tunes).
type spec struct {
	Model        string          `json:"model"`
	From         string          `json:"from_checkpoint,omitempty"`
	File         string          `json:"training_file"`
	Validation   string          `json:"validation_file,omitempty"`
	Suffix       string          `json:"suffix,omitempty"`
	Epochs       int             `json:"n_epochs"`
	Checkpoints  int             `json:"n_checkpoints"`
	Evals        int             `json:"n_evals"`
	BatchSize    json.RawMessage `json:"batch_size,omitempty"` // "max" or a number
	LearningRate *float64        `json:"learning_rate"`
	Warmup       float64         `json:"warmup_ratio"`
	MaxGradNorm  *float64        `json:"max_grad_norm,omitempty"`
	WeightDecay  float64         `json:"weight_decay"`
	Seed         *int64          `json:"random_seed"`
	Packing      *bool           `json:"packing,omitempty"`
	Sequence     int             `json:"max_seq_length,omitempty"`
	Scheduler    json.RawMessage `json:"lr_scheduler,omitempty"`
	Kind         *trainingType   `json:"training_type"`
	Method       *trainingMethod `json:"training_method"`
	WandbProject string          `json:"wandb_project_name,omitempty"`
	WandbName    string          `json:"wandb_name,omitempty"`
}

type trainingType struct {
	Type    string  `json:"type"` // Lora or Full
	Rank    int     `json:"lora_r,omitempty"`
	Alpha   int     `json:"lora_alpha,omitempty"`
	Dropout float64 `json:"lora_dropout"`
	Modules string  `json:"lora_trainable_modules,omitempty"`
}

type trainingMethod struct {
	Method string          `json:"method"` // sft or dpo
	Inputs json.RawMessage `json:"train_on_inputs,omitempty"`
	Beta   float64         `json:"dpo_beta,omitempty"`
}

// The bounds of a training, the same for every model here.
const (
	maxEpochs      = 20
	maxCheckpoints = 20
	maxEvals       = 100
	minBatch       = 8
	maxBatch       = 128
	maxSequence    = 24_576
	minRate        = 1e-8
	maxRate        = 0.01
	maxSuffix      = 64
)

// fill sets what was left out to the vendor's defaults.
func (s *spec) fill() {
	rate, seed, norm, packing := 1e-5, int64(42), 1.0, true
	setDefault(&s.LearningRate, &rate)
	setDefault(&s.Seed, &seed)
	setDefault(&s.MaxGradNorm, &norm)
	setDefault(&s.Packing, &packing)
	setDefault(&s.Kind, &trainingType{Type: "Lora", Rank: 64, Alpha: 128, Modules: "all-linear"})
	setDefault(&s.Method, &trainingMethod{Method: "sft", Inputs: json.RawMessage(`"auto"`)})
	if s.Epochs == 0 {
		s.Epochs = 1
	}
	if s.Checkpoints == 0 {
		s.Checkpoints = 1
	}
	if len(s.BatchSize) == 0 {
		s.BatchSize = json.RawMessage(`"max"`)
	}
}

func setDefault[T any](field **T, value *T) {
	if *field == nil {
		*field = value
	}
}

// check refuses what the vendor would refuse.
func (s *spec) check(base entry) *lab.Failure {
	switch {
	case s.File == "":
		return invalid("training_file", "training_file is required")
	case s.Epochs < 1 || s.Epochs > maxEpochs:
		return invalid("n_epochs", "n_epochs must be from 1 to %d", maxEpochs)
	case s.Checkpoints < 1 || s.Checkpoints > maxCheckpoints:
		return invalid("n_checkpoints", "n_checkpoints must be from 1 to %d", maxCheckpoints)
	case s.Evals < 0 || s.Evals > maxEvals:
		return invalid("n_evals", "n_evals must be from 0 to %d", maxEvals)
	case s.Evals > 0 && s.Validation == "":
		return invalid("n_evals", "n_evals needs a validation_file")
	case *s.LearningRate < minRate || *s.LearningRate > maxRate:
		return invalid("learning_rate", "learning_rate must be from %g to %g", minRate, maxRate)
	case len(s.Suffix) > maxSuffix:
		return invalid("suffix", "suffix must have at most %d characters", maxSuffix)
	case s.Warmup < 0 || s.Warmup > 1:
		return invalid("warmup_ratio", "warmup_ratio must be from 0 to 1")
	case s.Sequence < 0 || s.Sequence > maxSequence:
		return invalid("max_seq_length", "max_seq_length must be at most %d", maxSequence)
	case !validBatch(s.BatchSize):
		return invalid("batch_size", "batch_size must be \"max\" or from %d to %d", minBatch, maxBatch)
	case s.Method.Method != "sft" && s.Method.Method != "dpo":
		return invalid("training_method", "training_method.method must be sft or dpo")
	}
	return s.Kind.check(base)
}

func validBatch(raw json.RawMessage) bool {
	if string(raw) == `"max"` {
		return true
	}
	var n int
	return json.Unmarshal(raw, &n) == nil && n >= minBatch && n <= maxBatch
}

func (k *trainingType) check(base entry) *lab.Failure {
	switch {
	case k.Type == "Full":
		return nil
	case k.Type != "Lora":
		return invalid("training_type", "training_type.type must be Lora or Full")
	case k.Rank < 1 || k.Rank > base.MaxRank:
		return invalid("training_type", "lora_r must be from 1 to %d", base.MaxRank)
	case k.Alpha < 1:
		return invalid("training_type", "lora_alpha must be 1 or more")
	case k.Dropout < 0 || k.Dropout >= 1:
		return invalid("training_type", "lora_dropout must be at least 0 and below 1")
	}
	return nil
}

func (e *emulator) tuneLimits(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("model_name")
	m, found := findModel(id)
	if !found || !m.Tunable {
		failBare(w, http.StatusNotFound, "Model "+id+" is not supported for fine-tuning")
		return
	}
	batches := map[string]any{
		"min_batch_size":     minBatch,
		"max_batch_size":     maxBatch,
		"max_batch_size_dpo": maxBatch / 2,
	}
	lora := map[string]any{
		"min_batch_size": minBatch, "max_batch_size": maxBatch, "max_batch_size_dpo": maxBatch / 2,
		"max_rank": m.MaxRank, "default_rank": m.MaxRank,
		"target_modules": []string{"k_proj", "o_proj", "q_proj", "v_proj"},
	}
	lab.WriteJSON(w, http.StatusOK, map[string]any{
		"model_name": m.ID, "max_num_epochs": maxEpochs, "max_num_evals": maxEvals,
		"max_num_checkpoints": maxCheckpoints, "min_learning_rate": minRate, "max_learning_rate": maxRate,
		"max_seq_length_sft": maxSequence, "max_seq_length_dpo": maxSequence / 2, "min_max_seq_length": 512,
		"default_gradient_accumulation_steps": 1, "merge_output_lora": true, "supports_full_training": true,
		"supports_vision": false, "supports_tools": true, "supports_reasoning": true,
		"lora_training": lora, "full_training": batches,
	})
}

func (e *emulator) tunable(w http.ResponseWriter, _ *http.Request) {
	list := []string{}
	for _, m := range catalogue() {
		if m.Tunable {
			list = append(list, m.ID)
		}
	}
	lab.WriteJSON(w, http.StatusOK, map[string]any{"models": list})
}

// userLimit is what the account may spend on a training, in nano-dollars.
const userLimit = 100_000_000_000

func (e *emulator) estimate(w http.ResponseWriter, r *http.Request) {
	var s spec
	if err := lab.ReadJSON(r, &s); err != nil {
		fail(w, *invalid("", "read the body: %v", err))
		return
	}
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		s.fill()
		base, _, refused := e.basis(s)
		if refused != nil {
			return nil, refused
		}
		f, refused := e.file(s.File)
		if refused != nil {
			return nil, refused
		}
		return estimateOf(s, base, f, now), nil
	})
}

func estimateOf(s spec, base entry, f *file, now time.Time) any {
	switch f.status(now) {
	case "COMPLETED":
	case "INVALID_FORMAT":
		return map[string]any{"estimation_available": false, "unavailable_reason": "train_file_invalid"}
	default:
		return map[string]any{"estimation_available": false, "unavailable_reason": "train_file_not_validated"}
	}
	tokens := f.Report.Tokens * int64(s.Epochs)
	price := cost(tokens, base.TrainNano)
	return map[string]any{
		"estimation_available": true, "allowed_to_proceed": price <= userLimit,
		"estimated_total_price": dollars(price), "user_limit": dollars(userLimit),
		"estimated_train_token_count": tokens, "estimated_eval_token_count": 0,
	}
}
