package emulator

import (
	"cmp"
	"encoding/json"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
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

// pairs tells whether a method learns from preference pairs.
func (m *trainingMethod) pairs() bool { return m.Method == methodDPO }

// methodDPO is the method that does.
const methodDPO = "dpo"

// specOf is what a fine-tune was asked with.
func specOf(t work.Training) spec {
	var s spec
	if err := json.Unmarshal(t.Request, &s); err != nil { // create wrote it
		panic(err)
	}
	return s
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
	minBeta        = 0.05
	maxBeta        = 0.9
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
	if s.Method.pairs() {
		s.Method.Beta = cmp.Or(s.Method.Beta, 0.1)
	}
	s.Epochs, s.Checkpoints = cmp.Or(s.Epochs, 1), cmp.Or(s.Checkpoints, 1)
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
func (s *spec) check() *lab.Failure {
	rules := []struct {
		param  string
		broken bool
		rule   string
	}{
		{"training_file", s.File == "", "is required"},
		{"n_epochs", s.Epochs < 1 || s.Epochs > maxEpochs, "must be from 1 to 20"},
		{"n_checkpoints", s.Checkpoints < 1 || s.Checkpoints > maxCheckpoints, "must be from 1 to 20"},
		{"n_evals", s.Evals < 0 || s.Evals > maxEvals, "must be from 0 to 100"},
		{"n_evals", s.Evals > 0 && s.Validation == "", "needs a validation_file"},
		{"learning_rate", *s.LearningRate < minRate || *s.LearningRate > maxRate, "must be from 1e-8 to 0.01"},
		{"suffix", len(s.Suffix) > maxSuffix, "must have at most 64 characters"},
		{"warmup_ratio", s.Warmup < 0 || s.Warmup > 1, "must be from 0 to 1"},
		{"max_seq_length", s.Sequence < 0 || s.Sequence > maxSequence, "must be at most 24576"},
		{"batch_size", !validBatch(s.BatchSize), `must be "max" or from 8 to 128`},
		{"training_method", s.Method.Method != "sft" && !s.Method.pairs(), "must have the method sft or dpo"},
		{"dpo_beta", s.Method.pairs() && (s.Method.Beta < minBeta || s.Method.Beta > maxBeta), "must be from 0.05 to 0.9"},
		{"dpo_beta", !s.Method.pairs() && s.Method.Beta != 0, "is for the method dpo"},
		{"training_type", !s.Kind.valid(), "must be Full, or Lora with a rank from 1 to 64, " +
			"an alpha of 1 or more and a dropout below 1"},
	}
	for _, r := range rules {
		if r.broken {
			return lab.Invalid(r.param, "%s %s", r.param, r.rule)
		}
	}
	return nil
}

func (k *trainingType) valid() bool {
	lora := k.Rank >= 1 && k.Rank <= maxRank && k.Alpha >= 1 && k.Dropout >= 0 && k.Dropout < 1
	return k.Type == "Full" || k.Type == "Lora" && lora
}

func validBatch(raw json.RawMessage) bool {
	if string(raw) == `"max"` {
		return true
	}
	var n int
	return json.Unmarshal(raw, &n) == nil && n >= minBatch && n <= maxBatch
}

func tuneLimits(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("model_name")
	m, found := findModel(id)
	if !found || !m.tunable() {
		lab.WriteJSON(w, http.StatusNotFound, map[string]any{ // the third form of errors
			"message": "Model " + id + " is not supported for fine-tuning", "type": invalidRequest,
		})
		return
	}
	batches := map[string]any{
		"min_batch_size": minBatch, "max_batch_size": maxBatch, "max_batch_size_dpo": maxBatch / 2,
	}
	lora := map[string]any{
		"min_batch_size": minBatch, "max_batch_size": maxBatch, "max_batch_size_dpo": maxBatch / 2,
		"max_rank": maxRank, "default_rank": maxRank,
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

func tunable(*http.Request) (any, *lab.Failure) {
	list := []string{}
	for _, m := range catalogue() {
		if m.tunable() {
			list = append(list, m.ID)
		}
	}
	return map[string]any{"models": list}, nil
}

// userLimit is what the account may spend on a training, in nano-dollars.
const userLimit = 100_000_000_000

func (ts *tunes) estimate(_ *http.Request, s *spec) (any, *lab.Failure) {
	s.fill()
	base, _, refused := ts.basis(s)
	if refused != nil {
		return nil, refused
	}
	f, refused := ts.files.File(s.File)
	if refused != nil {
		return nil, refused
	}
	switch f.State(ts.lab.Now()) {
	case work.FileReady:
	case work.FileInvalid:
		return map[string]any{"estimation_available": false, "unavailable_reason": "train_file_invalid"}, nil
	default:
		return map[string]any{"estimation_available": false, "unavailable_reason": "train_file_not_validated"}, nil
	}
	tokens := f.Report.Tokens * int64(s.Epochs)
	price := work.Cost(tokens, base.TrainNano)
	return map[string]any{
		"estimation_available": true, "allowed_to_proceed": price <= userLimit,
		"estimated_total_price": dollars(price), "user_limit": dollars(userLimit),
		"estimated_train_token_count": tokens, "estimated_eval_token_count": 0,
	}, nil
}
