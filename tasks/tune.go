package tasks

import (
	"encoding/json"
	"slices"
	"strings"

	"dreamlab/store/money"
)

// TuneInput is the input of tune.curate, and the body of POST /v1/tunes.
type TuneInput struct {
	Alias       string     `json:"alias,omitempty"`        // Defaults to assistant.
	Base        string     `json:"base,omitempty"`         // provider/model. Defaults to the team's base.
	MinExamples int        `json:"min_examples,omitempty"` // Defaults to the configured threshold.
	BudgetUSD   *money.USD `json:"budget_usd,omitempty"`   // Defaults to the configured budget of a tune.
	DryRun      bool       `json:"dry_run,omitempty"`
	// ChatsPerDay is the traffic that hosting is priced at. Defaults to that of the last weeks.
	ChatsPerDay int     `json:"chats_per_day,omitempty"`
	Method      Method  `json:"method,omitempty"` // Defaults to the configured one.
	Beta        float64 `json:"beta,omitempty"`   // of DPO. Defaults to the configured one.
	// Model is a tuned model, as provider/model, whose weights are registered at another place and examined there: nothing
	// is curated or trained. Defaults to none.
	Model string `json:"model,omitempty"`
	Host  string `json:"host,omitempty"` // the vendor that is to serve Model. Defaults to the cheapest.
}

// Method is what a model learns from.
type Method string

// The methods of training.
const (
	MethodSFT  Method = "sft"  // supervised: from answers
	MethodDPO  Method = "dpo"  // from pairs of a better and a worse answer (https://arxiv.org/abs/2305.18290)
	MethodAuto Method = "auto" // DPO where a trainer has it and there are enough pairs, else SFT
)

// Methods lists what a tune may be asked for.
func Methods() []Method { return []Method{MethodSFT, MethodDPO, MethodAuto} }

// The bounds of DPO's beta. Most trainers have narrower ones.
const (
	MinBeta = 0.001
	MaxBeta = 2
)

// TrainInput is the input of tune.start and tune.poll.
type TrainInput struct {
	Training string `json:"training"` // ftjob-…
	Tune     string `json:"tune,omitempty"`
}

// ReapInput is the input of tune.reap: the training to cancel at its vendor. Without one the
// task stops all models that are not in use.
type ReapInput struct {
	Tenant   string `json:"tenant,omitempty"`
	Training string `json:"training,omitempty"` // ftjob-…
}

// EvaluateInput is the input of tune.evaluate: a few held-out experiences of an evaluation, or a few of its planted
// questions.
type EvaluateInput struct {
	Tune        string   `json:"tune,omitempty"`
	Evaluation  string   `json:"evaluation"` // evl_… that the comparisons are stored for
	Experiences []string `json:"experiences,omitempty"`
	Planted     []string `json:"planted,omitempty"` // names
	// Repeats is the evaluation whose answers are judged again, in the slices of a job whose spending has a
	// cap, nano-dollars; 0: none.
	Repeats string `json:"repeats,omitempty"`
	Parent  string `json:"parent,omitempty"`
	Cap     int64  `json:"cap,omitempty"`
}

// RepeatInput is the input of tune.repeat: an evaluation that is repeated.
type RepeatInput struct {
	Evaluation string     `json:"evaluation"`           // evl_…
	BudgetUSD  *money.USD `json:"budget_usd,omitempty"` // Defaults to the tenant's budgets alone.
}

// ShadowInput is the input of tune.shadow: a few chats that were answered, which the other model of a
// canary is asked, too.
type ShadowInput struct {
	Canary string       `json:"canary"` // can_…
	Chats  []ShadowChat `json:"chats"`
	Cap    int64        `json:"cap"` // of its spending, nano-dollars
}

// Experiences are those of its chats.
func (in ShadowInput) Experiences() []string {
	ids := make([]string, len(in.Chats))
	for i, chat := range in.Chats {
		ids[i] = chat.Experience
	}
	return ids
}

// ShadowChat is a chat that was answered.
type ShadowChat struct {
	Experience string `json:"experience"` // exp_…
	Shown      string `json:"shown"`      // the model that answered, provider/model
	Asked      string `json:"asked"`      // the other one
}

// ShadowResult is what came of it.
type ShadowResult struct {
	Judged  int  `json:"judged"`
	Skipped int  `json:"skipped"`          // what can not be compared, or is forgotten
	Unpaid  bool `json:"unpaid,omitempty"` // a budget had no room for the rest
}

// ParseRepeat reads the body of POST /v1/evaluations/{id}/repeat; it may be empty. Its error is an
// [*InputError].
func ParseRepeat(evaluation string, body []byte) (*RepeatInput, error) {
	in := &RepeatInput{Evaluation: evaluation}
	if len(body) == 0 {
		return in, nil
	}
	members, fault := object("", body)
	if fault == nil {
		fault = onlyKnown("", members, "budget_usd")
	}
	if raw, given := members["budget_usd"]; fault == nil && given {
		in.BudgetUSD, fault = readBudget("budget_usd", raw)
	}
	if fault != nil {
		return nil, fault
	}
	return in, nil
}

// Bounds of what a client may ask of a tune.
const (
	maxMinExamples = 1_000_000
	maxAlias       = 64  // bytes
	maxModel       = 200 // bytes
)

// ParseTune reads and checks the body of POST /v1/tunes; an empty body asks for
// the defaults, of which it fills in the alias, unless a tuned model is named, which has its own. Its error is an
// [*InputError].
func ParseTune(body []byte) (*TuneInput, error) {
	in := &TuneInput{Alias: "assistant"}
	if len(body) == 0 {
		return in, nil
	}
	members, fault := object("", body)
	if fault != nil {
		return nil, fault
	}
	if fault := onlyKnown("", members, "alias", "base", "min_examples", "budget_usd", "dry_run", "chats_per_day",
		"method", "beta", "model", "host"); fault != nil {
		return nil, fault
	}
	if _, named := members["model"]; named {
		in.Alias = ""
	}
	for _, name := range sortedNames(members) {
		if fault := in.read(name, members[name]); fault != nil {
			return nil, fault
		}
	}
	if in.Method == MethodSFT && in.Beta != 0 {
		return nil, invalid("beta", "beta is for the method dpo")
	}
	return in, in.checkModel(members)
}

// checkModel refuses what says how to train where nothing is trained, and a place without a model.
func (in *TuneInput) checkModel(members map[string]json.RawMessage) error {
	if in.Model == "" {
		if in.Host != "" {
			return invalid("host", "host is where a tuned model is to be served: name it by model")
		}
		return nil
	}
	for _, name := range []string{"base", "min_examples", "method", "beta"} {
		if _, given := members[name]; given {
			return invalid(name, "with model nothing is trained: leave %s out", name)
		}
	}
	return nil
}

// maxHost bounds the name of a vendor, bytes.
const maxHost = 64

// maxChatsPerDay is more than any deployment has.
const maxChatsPerDay = 100_000_000

func (in *TuneInput) read(name string, raw json.RawMessage) (fault *InputError) {
	switch name {
	case "alias":
		in.Alias, fault = shortText(name, raw, maxAlias)
	case "base":
		if in.Base, fault = shortText(name, raw, maxModel); fault == nil && !namesModel(in.Base) {
			fault = invalid(name, "name the base as provider/model, as together/openai/gpt-oss-20b")
		}
	case "model":
		if in.Model, fault = shortText(name, raw, maxModel); fault == nil && !namesModel(in.Model) {
			fault = invalid(name, "name the tuned model as GET /v1/models does, as provider/model")
		}
	case "host":
		in.Host, fault = shortText(name, raw, maxHost)
	case "min_examples":
		in.MinExamples, fault = within(name, raw, 1, maxMinExamples)
	case "dry_run":
		in.DryRun, fault = typed[bool](name, raw)
	case "chats_per_day":
		in.ChatsPerDay, fault = within(name, raw, 1, maxChatsPerDay)
	case "method":
		if in.Method, fault = typed[Method](name, raw); fault == nil && !slices.Contains(Methods(), in.Method) {
			fault = invalid(name, "the method is sft, dpo or auto")
		}
	case "beta":
		in.Beta, fault = within(name, raw, MinBeta, float64(MaxBeta))
	case "budget_usd":
		in.BudgetUSD, fault = readBudget(name, raw)
	}
	return fault
}

func namesModel(text string) bool {
	provider, model, ok := strings.Cut(text, "/")
	return ok && provider != "" && model != ""
}

// shortText reads a text that is not empty and has a bound, in bytes.
func shortText(param string, raw json.RawMessage, maxBytes int) (string, *InputError) {
	text, fault := typed[string](param, raw)
	if fault == nil && (text == "" || len(text) > maxBytes) {
		fault = invalid(param, "the text must have 1 to %d bytes", maxBytes)
	}
	return text, fault
}
