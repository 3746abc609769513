package chat

import (
	"encoding/json"
	"fmt"
	"strings"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/tasks"
)

// name is the completion's id: the job's, in OpenAI's words.
func (t *turn) name() string { return "chatcmpl-" + strings.TrimPrefix(t.run.Job.ID, "job_") }

// ours is what stands under "dreamlab" in an answer.
func ours(run *tasks.Run, a *handlers.Answered) []byte {
	return encode(struct {
		Job      string      `json:"job"`
		Provider string      `json:"provider"`
		Model    string      `json:"model"`
		Calls    int         `json:"calls"`
		CostUSD  json.Number `json:"cost_usd"`
		Cache    string      `json:"cache"`
		VendorMS int64       `json:"vendor_ms"`
		Sandbox  bool        `json:"sandbox,omitempty"`
	}{
		run.Job.ID, a.Target.Provider, a.Target.Model, a.Tries, handlers.USD(a.Nano), "bypass",
		a.Took.Milliseconds(), a.Sandbox,
	})
}

// body is the whole completion: the vendor's own where it came whole, else put
// together from what was streamed.
func (t *turn) body(a *handlers.Answered) (json.RawMessage, error) {
	whole := a.Reply.Body
	if len(whole) == 0 {
		whole = t.assembled(a.Reply)
	}
	parts := look([]byte(strings.ToValidUTF8(string(whole), "\uFFFD")))
	for i, e := range parts.edits { // a whole answer keeps its usage
		if e.key == "usage" {
			parts.edits = append(parts.edits[:i:i], parts.edits[i+1:]...)
			break
		}
	}
	body := with(parts.renamed(t.name(), t.request.Model), "dreamlab", ours(t.run, a))
	if !json.Valid(body) {
		return nil, fmt.Errorf("read the answer of %s: it is not JSON", a.Target)
	}
	return body, nil
}

type choice struct {
	Index   int             `json:"index"`
	Message json.RawMessage `json:"message,omitempty"`
	Delta   json.RawMessage `json:"delta,omitempty"`
	Finish  *string         `json:"finish_reason"`
}

// completion is a chat.completion or a chunk of one.
type completion struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []choice        `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

func (t *turn) assembled(r *providers.Reply) []byte {
	c := completion{
		ID: t.name(), Object: "chat.completion", Created: t.run.Job.Created.Unix(), Model: t.request.Model,
		Choices: []choice{{Message: r.Message, Finish: &r.Finish}},
		Usage:   usageOf(r.Usage),
	}
	if t.stream != nil && t.stream.usage != nil {
		c.Usage = t.stream.usage
	}
	return encode(c)
}

// closing is the last chunk of an answer whose vendor sent none that shows
// nothing. An answer that was found in the store is shown in it whole.
func (s *stream) closing(a *handlers.Answered) []byte {
	last := choice{Delta: json.RawMessage(`{}`), Finish: &a.Reply.Finish}
	if a.Reused {
		last.Delta = a.Reply.Message
	}
	return encode(completion{
		ID: s.name, Object: "chat.completion.chunk", Created: s.created, Model: s.model, Choices: []choice{last},
	})
}

// counted is the chunk that carries the usage, as OpenAI sends it.
func (s *stream) counted(a *handlers.Answered) []byte {
	usage := json.RawMessage(s.usage)
	if usage == nil {
		usage = usageOf(a.Reply.Usage)
	}
	return encode(completion{
		ID: s.name, Object: "chat.completion.chunk", Created: s.created, Model: s.model,
		Choices: []choice{}, Usage: usage,
	})
}

// usageOf writes counts in OpenAI's form, null where the vendor gave none.
func usageOf(u providers.Usage) json.RawMessage {
	if u.Missing {
		return json.RawMessage("null")
	}
	return encode(map[string]any{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details":     map[string]int64{"cached_tokens": u.CachedInput},
		"completion_tokens_details": map[string]int64{"reasoning_tokens": u.Reasoning},
	})
}

func encode(v any) json.RawMessage {
	out, err := json.Marshal(v)
	if err != nil { // our own structs over JSON that drivers have read
		panic(err)
	}
	return out
}
