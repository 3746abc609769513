// Package emulator is a resource of Azure AI Foundry where there is none: its chats,
// streams, embeddings and model list on the three families of routes, its keys and
// Entra ID's tokens, its content filters, headers and errors, as its pages and SDKs
// describe them (https://learn.microsoft.com/azure/ai-foundry/openai/reference),
// answered by the sandbox's model; beside them batches, fine-tunes, and of Azure Resource
// Manager the deployments of one resource.
//
// It has no responses, images or speech.
package emulator

import (
	"cmp"
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

const name = "azure"

// New serves a resource's own paths, which begin with /openai or /models, and the
// paths of the host that gives out tokens, which begin with a directory's id.
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, deployed: deployments(l), tokens: &tokens{clock: l.Now}}
	e.vendor = lab.Vendor{Name: name, Fail: fail, Keyless: e.keyless, Admit: e.admit}
	account, err := work.Open(l, work.Options{Vendor: name, Hour: hourly, Brain: e.brain})
	if err != nil {
		return l.Serve(e.vendor, e.vendor.Unusable(err))
	}
	mux := http.NewServeMux()
	e.inference(mux)
	e.account = account
	e.batches(mux, account)
	e.tunes(mux)
	e.manager(mux)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", e.token)
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(e.vendor, mux)
}

type emulator struct {
	lab      *lab.Lab
	account  *work.Account
	deployed []deployment
	vendor   lab.Vendor
	tokens   *tokens
}

// inference is what all three families of routes serve. In the classic one the path
// names the deployment.
func (e *emulator) inference(mux *http.ServeMux) {
	chat, embed := e.vendor.Handle(e.chat), lab.Take(e.vendor, e.embed)
	for _, base := range []string{"/openai/v1", "/openai/deployments/{deployment}", "/models"} {
		mux.HandleFunc("POST "+base+"/chat/completions", versioned(chat))
		mux.HandleFunc("POST "+base+"/embeddings", versioned(embed))
	}
	for _, base := range []string{"/openai/v1", "/openai"} {
		mux.HandleFunc("GET "+base+"/models", versioned(e.vendor.Answer(e.models)))
		mux.HandleFunc("GET "+base+"/models/{id}", versioned(e.vendor.Answer(e.model)))
	}
}

func unknownRoute(w http.ResponseWriter, _ *http.Request) {
	fail(w, lab.Failure{Status: http.StatusNotFound})
}

// ask is a chat request with the member that asks for a tier.
type ask struct {
	model.Ask
	ServiceTier string `json:"service_tier"`
}

func (e *emulator) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		return lab.Invalid("", "We could not parse the JSON body of your request: %v", err)
	}
	by, refused := e.serving(r, ask.Model)
	if refused == nil && by.batch {
		refused = lab.Invalid("", "The deployment %s is of the type GlobalBatch, which answers batches alone.", by.name)
	}
	if refused == nil {
		refused = ask.check(by)
	}
	if refused != nil {
		return refused
	}
	by.headers(w.Header(), &ask.Ask)
	answer := &lab.Answer{Model: by.model, Billed: cmp.Or(by.by, by.name), Ask: &ask.Ask, Tier: ask.ServiceTier}
	if ask.ServiceTier == flex {
		answer.Percent = flexPercent
	}
	e.lab.Chat(w, r, e.tiered(ask.ServiceTier), answer, by.brain)
	return nil
}

// The slower tier of service, and what it costs of the usual price
// (https://learn.microsoft.com/azure/foundry/openai/how-to/flex-processing).
const (
	flex        = "flex"
	flexPercent = 50
)

// tiered is the dress of answers of a tier, which each object names.
func (e *emulator) tiered(tier string) *lab.Dialect {
	if tier == "" || tier == "auto" {
		tier = "default"
	}
	named := func(object map[string]any) map[string]any {
		if object != nil {
			object["service_tier"] = tier
		}
		return object
	}
	return &lab.Dialect{
		Vendor: e.vendor, Head: head, Broken: broken,
		Whole: func(a *lab.Answer) map[string]any { return named(whole(a)) },
		Chunk: func(a *lab.Answer, p lab.Piece) map[string]any { return named(chunk(a, p)) },
		Tail:  func(a *lab.Answer) map[string]any { return named(tail(a)) },
	}
}

// check refuses what a deployment of the model refuses.
func (a *ask) check(by deployment) *lab.Failure {
	in := a.Tokens()
	switch {
	case by.brain == nil:
		return &lab.Failure{Status: http.StatusBadRequest, Code: "OperationNotSupported", Message: fmt.Sprintf(
			"The chatCompletion operation does not work with the specified model, %s. Please choose different "+
				"model and try again.", by.model)}
	case len(a.Messages) == 0:
		return lab.Invalid("messages", "Invalid 'messages': empty array. Expected an array with minimum length 1, "+
			"but got an empty array instead.")
	case by.reasons && a.MaxTokens > 0:
		return unsupported("max_tokens", "Use 'max_completion_tokens' instead.")
	case by.textOnly && len(a.Tools) > 0:
		return unsupported("tools", "The deployment takes no tools.")
	case by.textOnly && a.Structured():
		return unsupported("response_format", "The deployment answers text.")
	case a.ServiceTier == flex && !by.flex:
		return lab.Invalid("service_tier", "Invalid service_tier argument: flex is not available for this model.")
	case in+a.Limit() > by.context:
		refused := lab.Invalid("messages", "This model's maximum context length is %d tokens. However, your messages "+
			"resulted in %d tokens. Please reduce the length of the messages.", by.context, in)
		refused.Code = "context_length_exceeded"
		return refused
	}
	return nil
}

func unsupported(param, advice string) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Code: "unsupported_parameter", Param: param,
		Message: fmt.Sprintf("Unsupported parameter: '%s' is not supported with this model. %s", param, advice)}
}

func (e *emulator) embed(r *http.Request, ask *lab.EmbedAsk) (any, *lab.Failure) {
	by, refused := e.serving(r, ask.Model)
	inputs := ask.Inputs()
	switch {
	case refused != nil:
		return nil, refused
	case by.brain != nil:
		return nil, &lab.Failure{Status: http.StatusBadRequest, Code: "OperationNotSupported", Message: fmt.Sprintf(
			"The embeddings operation does not work with the specified model, %s. Please choose different model "+
				"and try again.", by.model)}
	case len(inputs) == 0:
		return nil, lab.Invalid("input", "Invalid 'input': expected a text or a list of 1 to 2048 texts.")
	}
	ask.Model = by.name
	return e.lab.Embed(name, ask, inputs), nil
}
