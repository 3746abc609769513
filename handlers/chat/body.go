package chat

import (
	"encoding/json"
	"fmt"
	"strings"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
)

// name is the completion's id: the job's, in OpenAI's words.
func (t *turn) name() string { return "chatcmpl-" + strings.TrimPrefix(t.run.Job.ID, "job_") }

// ours is what stands under "dreamlab" in an answer.
func (t *turn) ours(a *handlers.Answered) []byte {
	return plainjson.Of(struct {
		Job      string    `json:"job"`
		Provider string    `json:"provider"`
		Model    string    `json:"model"`
		Calls    int       `json:"calls"`
		CostUSD  money.USD `json:"cost_usd"`
		Cache    string    `json:"cache"`
		VendorMS int64     `json:"vendor_ms"`
		Sandbox  bool      `json:"sandbox,omitempty"`
		Resumed  []seam    `json:"resumed,omitempty"`
		Ladder   []rung    `json:"ladder,omitempty"`
	}{
		t.run.Job.ID, a.Target.Provider, a.Target.Model, a.Tries, money.USD(a.Nano), t.cacheState(),
		a.Took.Milliseconds(), a.Sandbox, seamsOf(a), ladderOf(a),
	})
}

// rung is a model of an alias that has stand-ins: what the answer would have cost there, and why
// it did not give it.
type rung struct {
	Model    string    `json:"model"`
	CostUSD  money.USD `json:"cost_usd"`
	Answered bool      `json:"answered"`
	Passed   string    `json:"passed,omitempty"` // as in providers.Rung
}

func ladderOf(a *handlers.Answered) []rung {
	var rungs []rung
	for _, r := range a.Ladder {
		rungs = append(rungs, rung{r.Target.String(), money.USD(r.Nano), r.Answered, r.Passed})
	}
	return rungs
}

// seam tells whose answer broke off, after how many characters, before another target
// went on with it.
type seam struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	At       int    `json:"at"`
}

func seamsOf(a *handlers.Answered) []seam {
	var seams []seam
	for _, s := range a.Seams {
		seams = append(seams, seam{s.From.Provider, s.From.Model, s.At})
	}
	return seams
}

// cacheState says why an answer came from a vendor and not from the cache.
func (t *turn) cacheState() string {
	if t.in.Missed {
		return "miss"
	}
	return "bypass"
}

// headOf is what is known of an answer at its first byte.
func (t *turn) headOf(target providers.Target, try int) []byte {
	return plainjson.Of(struct {
		Job      string `json:"job"`
		Provider string `json:"provider"`
		Model    string `json:"model"`
		Calls    int    `json:"calls"`
		Cache    string `json:"cache"`
	}{t.run.Job.ID, target.Provider, target.Model, try, t.cacheState()})
}

// body is the whole completion, as the client gets it.
func (t *turn) body(a *handlers.Answered) (json.RawMessage, error) {
	if !completion.IsObject(a.Reply.Body) {
		return nil, fmt.Errorf("read the answer of %s: it is no JSON object", a.Target)
	}
	body := t.label(a.Target).whole(a.Reply.Body, toldUsage(a, nil))
	return completion.With(body, "dreamlab", t.ours(a)), nil
}

// chunk is a chunk of our own.
type chunk struct {
	ID      json.RawMessage `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"` // unix seconds
	Model   json.RawMessage `json:"model"`
	Choices []choice        `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

type choice struct {
	Index  int             `json:"index"`
	Delta  json.RawMessage `json:"delta"`
	Finish string          `json:"finish_reason"`
}

func (s *stream) chunk(choices []choice, usage json.RawMessage) []byte {
	return plainjson.Of(chunk{
		ID: s.label.id, Object: "chat.completion.chunk", Created: s.created, Model: s.label.model,
		Choices: choices, Usage: usage,
	})
}

// closing is the last chunk of an answer whose vendor sent none that shows
// nothing. An answer that was found in the store is shown in it whole.
func (s *stream) closing(a *handlers.Answered) []byte {
	last := choice{Delta: json.RawMessage(`{}`), Finish: a.Reply.Finish}
	if a.Reused {
		last.Delta = completion.Delta(a.Reply.Message)
	}
	return s.chunk([]choice{last}, nil)
}

// counted is the chunk that carries the usage, as OpenAI sends it.
func (s *stream) counted(a *handlers.Answered) []byte {
	usage := toldUsage(a, s.usage)
	if usage == nil {
		usage = usageOf(a.Reply.Usage)
	}
	return s.chunk([]choice{}, usage)
}

// toldUsage returns the count that a client is told: the vendor's own, unless the
// books did not believe it. Then it is null, as in the books.
func toldUsage(a *handlers.Answered, vendors json.RawMessage) json.RawMessage {
	if a.Disputed {
		return usageOf(a.Reply.Usage)
	}
	return vendors
}

// usageOf writes counts in OpenAI's form, null where the vendor gave none.
func usageOf(u providers.Usage) json.RawMessage {
	if u.Missing {
		return json.RawMessage("null")
	}
	return plainjson.Of(map[string]any{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details":     map[string]int64{"cached_tokens": u.CachedInput},
		"completion_tokens_details": map[string]int64{"reasoning_tokens": u.Reasoning},
	})
}
