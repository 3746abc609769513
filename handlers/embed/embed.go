// Package embed is the room of turning texts into vectors: it puts a client's texts to a
// model, many in each call, and stores the answer with its bill.
package embed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store/job"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/embed"
)

// Bounds of one call. Vendors take between 96 and 2,048 texts, and some 300,000 tokens; a
// driver whose vendor takes fewer makes several requests.
const (
	maxTexts = 256
	maxBytes = 256 << 10
)

// New returns the handler of embed.run.
func New(caller *handlers.Caller) tasks.Handler {
	h := &handler{caller: caller}
	return h.run
}

type handler struct{ caller *handlers.Caller }

// vectors is an answer that is being put together.
type vectors struct {
	texts    []string // Base64
	usage    providers.Usage
	answered *handlers.Answered // the last one
	calls    int
	nano     int64
	took     time.Duration
}

func (h *handler) run(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in embed.Input
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	tiers, err := h.caller.Resolve(ctx, run.Store.Queries, run.Job.Tenant, in.Model, run.Job.ID)
	if err != nil {
		return nil, err
	}
	all := &vectors{}
	parts := split(in.Inputs)
	for i, part := range parts {
		answered, err := h.caller.Ask(ctx, run, handlers.Step{
			Name: fmt.Sprintf("embed/%d", i), Purpose: "embed", Tiers: tiers, Alias: in.Model, Defer: i == len(parts)-1,
			Request: providers.Request{Inputs: part, Dimensions: in.Dimensions},
		})
		if errors.Is(context.Cause(ctx), tasks.ErrCancelled) {
			return &tasks.End{State: job.StateCancelled}, nil
		}
		if err != nil {
			return nil, err
		}
		if err := all.add(answered, len(part)); err != nil {
			return nil, errors.Join(err, answered.Settle(context.WithoutCancel(ctx)))
		}
		// Vectors of two models can not be compared: who made the first makes all.
		tiers = [][]providers.Target{{answered.Target}}
	}
	last := all.answered
	return &tasks.End{Result: all.encode(run.Job.ID), WriteIsShort: true, Write: last.Commit, Fenced: last.Settle}, nil
}

// split divides texts into those of one call each.
func split(texts []string) (parts [][]string) {
	begin, size := 0, 0
	for i, text := range texts {
		if i > begin && (i-begin == maxTexts || size+len(text) > maxBytes) {
			parts = append(parts, texts[begin:i])
			begin, size = i, 0
		}
		size += len(text)
	}
	return append(parts, texts[begin:])
}

func (v *vectors) add(a *handlers.Answered, asked int) error {
	var texts []string
	if err := json.Unmarshal(a.Reply.Body, &texts); err != nil || len(texts) != asked {
		return fmt.Errorf("read the vectors of %s: there are %d for %d texts", a.Target, len(texts), asked)
	}
	usage := a.Reply.Usage
	v.texts = append(v.texts, texts...)
	v.usage.Input += usage.Input
	v.usage.Missing = v.usage.Missing || usage.Missing
	v.answered, v.calls, v.nano, v.took = a, v.calls+a.Tries, v.nano+a.Nano, v.took+a.Took
	return nil
}

// encode returns the job's result.
func (v *vectors) encode(id string) json.RawMessage {
	target := v.answered.Target
	answer := embed.Answer{Object: "list", Data: make([]embed.Vector, len(v.texts)), Model: target.String()}
	for i, text := range v.texts {
		answer.Data[i] = embed.Vector{Object: "embedding", Index: i, Embedding: text}
	}
	answer.Usage = json.RawMessage("null")
	if !v.usage.Missing {
		answer.Usage = plainjson.Of(map[string]int64{"prompt_tokens": v.usage.Input, "total_tokens": v.usage.Input})
	}
	answer.Ours = plainjson.Of(ours{
		id, target.Provider, target.Model, v.calls, money.USD(v.nano), "bypass", v.took.Milliseconds(), v.answered.Sandbox,
	})
	return plainjson.Of(answer)
}

// ours is what stands under "dreamlab" in an answer.
type ours struct {
	Job      string    `json:"job"`
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	Calls    int       `json:"calls"`
	CostUSD  money.USD `json:"cost_usd"`
	Cache    string    `json:"cache"`
	VendorMS int64     `json:"vendor_ms"`
	Sandbox  bool      `json:"sandbox,omitempty"`
}
