package tasks

import (
	"encoding/json"
	"time"
)

// TrainingRequest is the body of POST /v1/fine_tuning/jobs, checked
// (https://platform.openai.com/docs/api-reference/fine-tuning/create).
type TrainingRequest struct {
	Model string // provider/model, or the model alone at the default vendor
	File  string // file-…
	// Validation is the file that the training is measured on as it goes; "" where
	// there is none.
	Validation string
	Suffix     string // as the client wants it; "" where it does not mind
	Method     Method // MethodSFT or MethodDPO
	Hyper      Hyper
	Metadata   map[string]string
}

// Hyper are the hyper-parameters of a training. Zero fields take the
// configured ones.
type Hyper struct {
	Epochs       int     `json:"epochs,omitempty"`
	BatchSize    int     `json:"batch_size,omitempty"`
	LearningRate float64 `json:"learning_rate,omitempty"`
	// Multiplier scales the configured learning rate.
	Multiplier float64 `json:"learning_rate_multiplier,omitempty"`
	Rank       int     `json:"rank,omitempty"`
	Alpha      int     `json:"alpha,omitempty"`
	Seed       int64   `json:"seed,omitempty"`
	Beta       float64 `json:"beta,omitempty"` // of DPO
}

// TrainingSpec is what the row of a training keeps as its spec: what defines it,
// and how far it is. Who makes a training for a client sets Suffix, Hyper,
// SHA256, Object and Bytes; the rest is written by the handlers.
type TrainingSpec struct {
	Suffix string `json:"suffix,omitempty"` // the client's own
	Method Method `json:"method,omitempty"` // MethodDPO. Defaults to MethodSFT.
	Hyper  Hyper  `json:"hyper"`
	SHA256 string `json:"sha256"` // of the training file, hex
	Object string `json:"object"` // the training file in the bucket
	Bytes  int64  `json:"bytes"`
	// Validation is the file that the training is measured on, nil where there is none.
	Validation *ValidationFile `json:"validation,omitempty"`
	Dataset    string          `json:"dataset,omitempty"` // ds_…
	// Metadata is the client's own.
	Metadata map[string]string `json:"metadata,omitempty"`
	Budget   int64             `json:"budget,omitempty"` // nano-dollars for the training; 0: no cap of its own

	// Place is the vendor that serves what is trained. Defaults to the trainer.
	Place    string    `json:"place,omitempty"`
	Weights  string    `json:"weights,omitempty"`  // the trainer's name of the base. Defaults to the place's
	Phase    string    `json:"phase,omitempty"`    // upload, train, deploy, prove, done
	FileID   string    `json:"file_id,omitempty"`  // the vendor's
	Estimate int64     `json:"estimate,omitempty"` // nano-dollars, the vendor's
	Intent   time.Time `json:"intent,omitzero"`    // when the creation was first asked for
	Looks    int       `json:"looks,omitempty"`    // how often a doubtful creation was looked for in vain
	Entry    string    `json:"entry,omitempty"`    // the training's line of spend
	Direct   string    `json:"direct,omitempty"`   // the name that reaches the deployment
	Lost     int       `json:"lost,omitempty"`     // polls in a row that got no answer

	// Vendor is the vendor's handle of the training, Deployment that of its
	// deployment: state that its driver alone reads.
	Vendor     json.RawMessage `json:"vendor,omitempty"`
	Deployment json.RawMessage `json:"deployment,omitempty"`
	// NanoPerHour is what hosting the tuned model costs, nano-dollars per hour.
	NanoPerHour int64                `json:"nano_per_hour,omitempty"`
	PerToken    bool                 `json:"per_token,omitempty"` // its tokens are paid beside the hours
	Window      time.Duration        `json:"window,omitempty"`    // it is paid by such windows in which it is asked
	Events      []TrainingEvent      `json:"events,omitempty"`    // the newest, oldest first
	Checkpoints []TrainingCheckpoint `json:"checkpoints,omitempty"`
}

// Trained tells whether the vendor has trained, so that what follows is to serve the model.
func (s TrainingSpec) Trained() bool {
	return s.Phase == "deploy" || s.Phase == "prove" || s.Phase == "done"
}

// ValidationFile is the file that a training is measured on as it goes.
type ValidationFile struct {
	File   string `json:"file"`   // the client's, file-…
	SHA256 string `json:"sha256"` // hex
	Object string `json:"object"` // in the bucket
	Bytes  int64  `json:"bytes"`
	FileID string `json:"file_id,omitempty"` // the vendor's
}

// TrainingEvent is one line of a training's log.
type TrainingEvent struct {
	Type    string    `json:"type"`
	Level   string    `json:"level"` // info, warning, error
	Message string    `json:"message"`
	Step    int       `json:"step"`
	Created time.Time `json:"created"`
}

// TrainingCheckpoint is a saved state of a training.
type TrainingCheckpoint struct {
	ID      string    `json:"id"`
	Step    int       `json:"step"`
	Final   bool      `json:"final"`
	Created time.Time `json:"created"`
}

// Bounds of what a client may ask of a training.
const (
	maxEpochs     = 50
	maxBatch      = 4096
	maxMultiplier = 100
	maxSuffix     = 64 // characters, as OpenAI has it
)

// ParseTraining reads and checks the body of POST /v1/fine_tuning/jobs. Its
// error is an [*InputError].
func ParseTraining(body []byte) (*TrainingRequest, error) {
	members, fault := object("", body)
	if fault != nil {
		return nil, fault
	}
	fault = onlyKnown("", members, "model", "training_file", "validation_file", "suffix", "seed",
		"hyperparameters", "method", "integrations", "metadata")
	if fault != nil {
		return nil, fault
	}
	for _, name := range []string{"model", "training_file"} {
		if members[name] == nil {
			return nil, invalid(name, "this field is required")
		}
	}
	in := &TrainingRequest{Method: MethodSFT}
	for _, name := range sortedNames(members) {
		if fault := in.read(name, members[name]); fault != nil {
			return nil, fault
		}
	}
	return in, nil
}

func (in *TrainingRequest) read(name string, raw json.RawMessage) (fault *InputError) {
	switch name {
	case "model":
		in.Model, fault = shortText(name, raw, maxModel)
	case "training_file":
		in.File, fault = shortText(name, raw, maxModel)
	case "validation_file":
		in.Validation, fault = shortText(name, raw, maxModel)
	case "suffix":
		in.Suffix, fault = shortText(name, raw, maxSuffix)
	case "seed":
		in.Hyper.Seed, fault = within(name, raw, int64(0), 1<<31-1)
	case "metadata":
		in.Metadata, fault = metadata(name, raw)
	case "hyperparameters":
		fault = in.Hyper.read(name, raw, MethodSFT)
	case "method":
		fault = in.readMethod(raw)
	case "integrations":
		fault = emptyOnly(name, raw)
	}
	return fault
}

func emptyOnly(param string, raw json.RawMessage) *InputError {
	list, fault := typed[[]json.RawMessage](param, raw)
	if fault == nil && len(list) > 0 {
		fault = unsupported(param, "integrations are not supported: leave them out")
	}
	return fault
}

// methods are OpenAI's names of the methods.
var methods = map[string]Method{"supervised": MethodSFT, "dpo": MethodDPO}

// readMethod takes supervised or preference training, whose hyper-parameters may stand here.
func (in *TrainingRequest) readMethod(raw json.RawMessage) *InputError {
	members, fault := object("method", raw)
	if fault != nil {
		return fault
	}
	kind, fault := typed[string]("method.type", members["type"])
	method, known := methods[kind]
	if fault != nil || !known {
		return unsupported("method.type", "only supervised and dpo are supported")
	}
	if fault := onlyKnown("method", members, "type", kind); fault != nil {
		fault.Code = "unsupported_parameter"
		return fault
	}
	in.Method = method
	if members[kind] == nil {
		return nil
	}
	at := "method." + kind
	inner, fault := object(at, members[kind])
	if fault != nil {
		return fault
	}
	if fault := onlyKnown(at, inner, "hyperparameters"); fault != nil {
		return fault
	}
	if inner["hyperparameters"] == nil {
		return nil
	}
	return in.Hyper.read(at+".hyperparameters", inner["hyperparameters"], method)
}

// read takes OpenAI's hyper-parameters of a method; "auto" is as good as absent.
func (h *Hyper) read(param string, raw json.RawMessage, method Method) *InputError {
	members, fault := object(param, raw)
	if fault != nil {
		return fault
	}
	known := []string{"n_epochs", "batch_size", "learning_rate_multiplier"}
	if method == MethodDPO {
		known = append(known, "beta")
	}
	if fault := onlyKnown(param, members, known...); fault != nil {
		return fault
	}
	for _, name := range sortedNames(members) {
		if string(members[name]) == `"auto"` {
			continue
		}
		switch at := join(param, name); name {
		case "n_epochs":
			h.Epochs, fault = within(at, members[name], 1, maxEpochs)
		case "batch_size":
			h.BatchSize, fault = within(at, members[name], 1, maxBatch)
		case "beta":
			h.Beta, fault = within(at, members[name], MinBeta, float64(MaxBeta))
		default:
			h.Multiplier, fault = within(at, members[name], 0.01, float64(maxMultiplier))
		}
		if fault != nil {
			return fault
		}
	}
	return nil
}
