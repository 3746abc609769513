package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

// ask is a chat request with the fields that Together spells its own way.
type ask struct {
	model.Ask
	Stop                []string `json:"stop"`
	MaxCompletionTokens *int64   `json:"max_completion_tokens"` // not read by Together
	TooLong             string   `json:"context_length_exceeded_behavior"`
}

// served is what answers for a model's name.
type served struct {
	brain      *model.Model
	context    int64
	billed     string
	deployment string // that answers, and is paid by the hour; empty where the model is serverless
}

// inference answers chats and lists who does.
type inference struct {
	lab       *lab.Lab
	vendor    lab.Vendor
	dialect   *lab.Dialect
	trainings *work.Trainings
	hosting   *work.Hosting
}

func newInference(l *lab.Lab, vendor lab.Vendor, account *work.Account) *inference {
	return &inference{
		lab: l, vendor: vendor, trainings: account.Trainings, hosting: account.Hosting,
		dialect: &lab.Dialect{Vendor: vendor, Whole: whole, Chunk: chunk, Broken: broken},
	}
}

func (i *inference) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/chat/completions", i.vendor.Handle(i.chat))
	mux.HandleFunc("POST /v1/embeddings", lab.Take(i.vendor, i.embed))
	mux.HandleFunc("GET /v1/models", i.vendor.Answer(i.models))
	mux.HandleFunc("GET /v1/whoami", i.vendor.Answer(whoami))
}

func (i *inference) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		return invalidInput("", err.Error())
	}
	ask.Ask.Stop = ask.Stop
	by, refused := i.sound(&ask)
	if refused != nil {
		return refused
	}
	if by.deployment != "" {
		w.Header().Set("x-cluster", by.deployment)
	}
	answer := &lab.Answer{Model: ask.Model, Billed: by.billed, Free: by.deployment != "", Ask: &ask.Ask}
	i.lab.Chat(w, r, i.dialect, answer, by.brain)
	return nil
}

// sound finds who answers, or says what Together refuses.
func (i *inference) sound(ask *ask) (served, *lab.Failure) {
	by, refused := i.serving(ask)
	if refused == nil {
		refused = ask.check(by.context)
	}
	return by, refused
}

// invalidInput is what Together says of a value of another type.
func invalidInput(param, message string) *lab.Failure {
	message = "Input validation error: " + message
	return &lab.Failure{Status: http.StatusUnprocessableEntity, Param: param, Message: message}
}

func (a *ask) check(context int64) *lab.Failure {
	tokens := a.MaxTokens + a.Tokens()
	switch {
	case len(a.Messages) == 0:
		return lab.Invalid("messages", "Input validation error: `messages` must not be empty")
	case a.N != nil && *a.N != 1:
		return lab.Invalid("n", "n above 1 is not supported for this model")
	case !integer(a.Logprobs):
		return invalidInput("logprobs", "logprobs must be an integer from 0 to 20")
	case tokens > context && a.TooLong != "truncate":
		return &lab.Failure{Status: http.StatusForbidden, Code: "context_length_exceeded",
			Message: fmt.Sprintf("`inputs` tokens + `max_new_tokens` must be <= %d. Given: %d", context, tokens)}
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
func (i *inference) serving(a *ask) (served, *lab.Failure) {
	if a.Model == "" {
		return served{}, lab.Invalid("model", "Input validation error: `model` is required")
	}
	if m, found := findModel(a.Model); found {
		if !m.Serverless {
			return served{}, notServerless(m.ID)
		}
		return served{brain: brain(i.lab, m.ID), context: m.Context, billed: m.ID}, nil
	}
	path := strings.Split(a.Model, "/")
	if path[0] != slug || len(path) < 2 || len(path) > 3 {
		return served{}, modelGone(a.Model)
	}
	d, brain, refused := i.hosting.Serving(path[1], strings.Join(path[2:], ""), a.Conversation())
	if refused != nil {
		return served{}, i.unserved(a.Model, refused)
	}
	base, _ := findModel(d.Base)
	return served{brain: brain, context: base.Context, billed: d.Model, deployment: d.ID}, nil
}

// unserved is what Together says of a tuned model without an endpoint, of an
// endpoint that has nobody to send traffic to, and of what it does not know.
func (i *inference) unserved(id string, why *lab.Failure) *lab.Failure {
	switch why.Status {
	case http.StatusServiceUnavailable:
		return &lab.Failure{Status: why.Status, Type: "routing_error", Code: "routing_error", Message: "No ready " +
			"deployment serves " + id + ". Check its deployments and its traffic split."}
	case http.StatusNotFound:
		if slices.ContainsFunc(i.trainings.List(), func(t work.Training) bool { return t.Name == id }) {
			return notServerless(id)
		}
		return modelGone(id)
	}
	return why
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
