package emulator

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// ask is a chat request with the fields that Together spells its own way.
type ask struct {
	model.Ask
	Stop                []string `json:"stop"`
	MaxCompletionTokens *int64   `json:"max_completion_tokens"` // not read by Together
	User                string   `json:"user"`
	CacheKey            string   `json:"prompt_cache_key"`
	TooLong             string   `json:"context_length_exceeded_behavior"`
}

// served is what answers for a model's name.
type served struct {
	brain      *model.Model
	context    int64
	billed     string
	free       bool   // paid by the hour, not by the token
	deployment string // that answers, empty where the model is serverless
}

func (e *emulator) chat(w http.ResponseWriter, r *http.Request) {
	var ask ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		fail(w, lab.Failure{Status: http.StatusUnprocessableEntity,
			Message: "Input validation error: " + err.Error()})
		return
	}
	ask.Ask.Stop = ask.Stop
	by, refused := e.serving(&ask)
	if refused == nil {
		refused = ask.check(by.context)
	}
	if refused != nil {
		fail(w, *refused)
		return
	}
	if by.deployment != "" {
		w.Header().Set("x-cluster", by.deployment)
	}
	answer := &lab.Answer{Model: ask.Model, Billed: by.billed, Free: by.free, Ask: &ask.Ask}
	e.lab.Chat(w, r, e.dialect, answer, by.brain)
}

func (a *ask) check(context int64) *lab.Failure {
	tokens := a.MaxTokens
	for _, turn := range a.Messages {
		tokens += model.CountTokens(string(turn.Content))
	}
	switch {
	case len(a.Messages) == 0:
		return invalid("messages", "Input validation error: `messages` must not be empty")
	case a.N != nil && *a.N != 1:
		return invalid("n", "n above 1 is not supported for this model")
	case !integer(a.Logprobs):
		return &lab.Failure{Status: http.StatusUnprocessableEntity, Param: "logprobs",
			Message: "Input validation error: logprobs must be an integer from 0 to 20"}
	case tokens > context && a.TooLong != "truncate":
		return &lab.Failure{Status: http.StatusForbidden, Code: "context_length_exceeded",
			Message: fmt.Sprintf(
				"`inputs` tokens + `max_new_tokens` must be <= %d. Given: %d",
				context,
				tokens,
			)}
	}
	return nil
}

// integer tells whether a field is left out or a number.
func integer(raw json.RawMessage) bool {
	var n *int
	return len(raw) == 0 || json.Unmarshal(raw, &n) == nil
}

// serving finds who answers for a model's name: a serverless model, an
// endpoint by its traffic, or one deployment of an endpoint directly.
func (e *emulator) serving(a *ask) (served, *lab.Failure) {
	if a.Model == "" {
		return served{}, invalid("model", "Input validation error: `model` is required")
	}
	if m, found := findModel(a.Model); found {
		if !m.Serverless {
			return served{}, notServerless(m.ID)
		}
		return served{brain: e.brain(m), context: m.Context, billed: m.ID}, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.state.Tunes {
		if t.output() == a.Model {
			return served{}, notServerless(a.Model)
		}
	}
	if !strings.HasPrefix(a.Model, slug+"/") {
		return served{}, modelGone(a.Model)
	}
	return e.dedicated(a)
}

// dedicated finds the deployment that answers for <slug>/<endpoint> or
// <slug>/<endpoint>/<deployment>. It is called with the lock held.
func (e *emulator) dedicated(a *ask) (served, *lab.Failure) {
	path := strings.Split(strings.TrimPrefix(a.Model, slug+"/"), "/")
	ep := e.endpointNamed(path[0])
	if ep == nil || len(path) > 2 {
		return served{}, modelGone(a.Model)
	}
	now := e.lab.Now()
	var chosen *deployment
	if len(path) == 2 {
		chosen = ep.named(path[1])
		if chosen == nil {
			return served{}, modelGone(a.Model)
		}
	} else {
		chosen = ep.route(a.stick(), now)
	}
	if chosen == nil || chosen.state(now) != stateReady {
		return served{}, routingError(a.Model)
	}
	return e.answering(chosen)
}

// routingError is what an endpoint says that has nobody to send traffic to.
func routingError(model string) *lab.Failure {
	return &lab.Failure{
		Status:  http.StatusServiceUnavailable,
		Type:    "routing_error",
		Code:    "routing_error",
		Message: "No ready deployment serves " + model + ". Check its deployments and its traffic split.",
	}
}

// answering loads what a deployment serves.
func (e *emulator) answering(d *deployment) (served, *lab.Failure) {
	by := served{billed: d.ModelID, free: true, deployment: d.ID}
	if m, found := findModel(d.Base); found {
		by.brain, by.context = e.brain(m), m.Context
	}
	if d.Tune == "" {
		return by, nil
	}
	brain, err := e.tunedBrain(d.Tune)
	if err != nil {
		return served{}, notKept(err)
	}
	by.brain = brain
	return by, nil
}

// stick is what keeps a conversation with one deployment: the key that it
// brings, else its user, else its content.
func (a *ask) stick() uint64 {
	sum := fnv.New64a()
	switch {
	case a.CacheKey != "":
		sum.Write([]byte(a.CacheKey))
	case a.User != "":
		sum.Write([]byte(a.User))
	case len(a.Messages) > 0:
		sum.Write([]byte(a.Messages[0].Content))
	}
	return sum.Sum64()
}

// finish is Together's word for the end of an answer.
func finish(a *lab.Answer) string {
	if a.Finish == "stop" && len(a.Ask.Stop) == 0 {
		return "eos"
	}
	return a.Finish
}

func whole(a *lab.Answer) map[string]any {
	object := lab.WholeOpenAI(a)
	choice := object["choices"].([]any)[0].(map[string]any)
	choice["finish_reason"] = finish(a)
	choice["seed"] = 7
	object["prompt"] = []any{}
	object["usage"] = usage(a.Usage)
	return object
}

// usage leaves out cached tokens, which Together does not report.
func usage(u model.Usage) map[string]any {
	return lab.UsageOpenAI(model.Usage{In: u.In, Out: u.Out})
}

// chunk has the text twice and the usage in the last chunk alone.
func chunk(a *lab.Answer, p lab.Piece) map[string]any {
	object := lab.ChunkOpenAI(a, p)
	choice := object["choices"].([]any)[0].(map[string]any)
	choice["text"] = p.Text
	choice["seed"] = nil
	object["usage"] = nil
	if p.Last {
		choice["finish_reason"] = finish(a)
		choice["delta"] = map[string]any{"role": "assistant", "content": "", "token_id": 200002}
		choice["seed"] = 7
		object["usage"] = usage(a.Usage)
	}
	return object
}

func broken(*lab.Answer) map[string]any {
	return map[string]any{"error": map[string]any{
		"message": "The engine failed while it answered.", "type": "server_error", "param": nil, "code": nil,
	}}
}
