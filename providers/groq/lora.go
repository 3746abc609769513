package groq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// The settings of adapters, which Groq serves for enterprise customers alone: the bases are in
// their contract (https://console.groq.com/docs/lora).
const (
	envBases = "GROQ_LORA_BASES"
	envRank  = "GROQ_LORA_MAX_RANK"
)

var loraSettings = []providers.Setting{
	{
		Env: envBases, Help: "bases of adapters that your enterprise contract names, each with the name of its weights on Hugging " +
			"Face, such as llama-3.1-8b-instant=meta-llama/Llama-3.1-8B-Instruct, with commas; without it none are served",
	},
	{Env: envRank, Default: "64", Help: "the largest rank of an adapter"},
}

// loras are the adapters that the account serves, by the token and without hours.
type loras struct {
	client  *openai.Client
	base    string            // of the API, without /openai/v1
	bases   map[string]string // the names of their weights
	maxRank int
	now     func() time.Time
}

func newLoras(client *openai.Client, base string, value func(string) string, now func() time.Time) (loras, error) {
	l := loras{client: client, base: base, bases: map[string]string{}, now: now}
	for part := range strings.SplitSeq(value(envBases), ",") {
		base, weights, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found || base == "" || weights == "" {
			return l, errors.New(envBases + ": write each as llama-3.1-8b-instant=meta-llama/Llama-3.1-8B-Instruct")
		}
		l.bases[base] = weights
	}
	var err error
	if l.maxRank, err = strconv.Atoi(value(envRank)); err != nil || l.maxRank < 1 {
		return l, fmt.Errorf("%s: give a rank, such as 64", envRank)
	}
	return l, nil
}

// Hosting tells what serving takes. It asks for the list of adapters, which an account that is not
// approved may not see: so that nothing is trained for it.
func (l loras) Hosting(ctx context.Context, base string) (providers.Hosting, error) {
	weights := l.bases[base]
	if weights == "" {
		return providers.Hosting{}, fault(providers.KindModelGone, base, base+" takes no adapters: name it in "+envBases)
	}
	_, err := l.list(ctx)
	if providers.KindOf(err) == providers.KindPermission {
		err = fault(providers.KindModelGone, base, "the account serves no adapters: Groq approves them for enterprise customers")
	}
	if err != nil {
		return providers.Hosting{}, err
	}
	return providers.Hosting{Hardware: "serverless", PerToken: true, MaxRank: l.maxRank, Weights: weights}, nil
}

func fault(kind providers.Kind, model, message string) *providers.Error {
	return &providers.Error{Kind: kind, Provider: name, Model: model, Message: message, Charge: providers.ChargeNone}
}

// tuning is an adapter as Groq has registered it.
type tuning struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Base    string       `json:"base_model"`
	Model   string       `json:"fine_tuned_model"`
	Created openai.Stamp `json:"created_at"`
}

// route is where adapters are registered: it lacks the prefix of the other routes.
func (l loras) route() string { return l.base + "/v1/fine_tunings" }

func (l loras) list(ctx context.Context) ([]tuning, error) {
	return openai.ListAll[tuning](ctx, l.client, l.route())
}

// find looks for a registered adapter by its name.
func (l loras) find(ctx context.Context, k adapter) (tuning, bool, error) {
	all, err := l.list(ctx)
	for _, t := range all {
		if t.Name == k.Name && t.Base == k.Base {
			return t, true, nil
		}
	}
	return tuning{}, false, err
}

// adapter is what finds an adapter again, and the name that its tuned model has, or had.
type adapter struct {
	Name  string `json:"name"`
	Base  string `json:"base"`
	Model string `json:"model,omitempty"`
}

// adapterName is the name of an adapter.
var adapterName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func readHandle(raw providers.Handle) (k adapter, err error) {
	if json.Unmarshal(raw, &k) != nil || !adapterName.MatchString(k.Name) || k.Base == "" {
		e := fault(providers.KindInvalid, "", "the handle is none that Import or Deploy returned")
		e.Param = "handle"
		return k, e
	}
	return k, nil
}

// deployment is a tuned model in a state.
func (k adapter) deployment(state providers.DeploymentState, message string) providers.Deployment {
	return providers.Deployment{
		Handle: plainjson.Of(k), State: state, Message: message, Direct: k.Model, Routed: k.Model, PerToken: true,
	}
}

// Deploy registers an adapter that was imported. One that is registered is adopted.
func (l loras) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	k, err := readHandle(spec.Trained)
	if err != nil {
		return providers.Deployment{}, err
	}
	made, found, err := l.find(ctx, k)
	if err == nil && !found {
		made, err = l.register(ctx, k)
	}
	if err != nil {
		return providers.Deployment{}, err
	}
	k.Model = made.Model
	return k.deployment(providers.DeploymentStarting, ""), nil
}

// register makes a tuned model of the file that was uploaded.
func (l loras) register(ctx context.Context, k adapter) (tuning, error) {
	file, found, err := l.file(ctx, k)
	if err == nil && !found {
		err = fault(providers.KindInvalid, k.Base, "the account has no file "+k.file()+": import the adapter first")
	}
	if err != nil {
		return tuning{}, err
	}
	var said struct {
		Data tuning `json:"data"`
	}
	_, err = l.client.Do(ctx, openai.Call{
		Method: http.MethodPost, URL: l.route(), Out: &said, Model: k.Base,
		In: map[string]string{"input_file_id": file, "name": k.Name, "type": "lora", "base_model": k.Base},
	})
	if err == nil && said.Data.Model == "" {
		err = l.client.Garbled("the answer names no tuned model")
	}
	return said.Data, err
}

// starts is how long a tuned model may not answer after it was registered.
const starts = time.Hour

// Deployment looks whether the tuned model is registered. Whether it answers nothing tells but an answer, which is paid.
func (l loras) Deployment(ctx context.Context, raw providers.Handle) (providers.Deployment, error) {
	k, err := readHandle(raw)
	if err != nil {
		return providers.Deployment{}, err
	}
	made, found, err := l.find(ctx, k)
	switch {
	case err != nil:
		return providers.Deployment{}, err
	case !found:
		return k.deployment(providers.DeploymentStopped, "the account has no adapter of that name"), nil
	}
	k.Model = made.Model
	return k.deployment(providers.DeploymentReady, ""), nil
}

// Chat answers, as [providers.Driver] says. A tuned model that was registered a moment ago and is not known yet is cold.
func (l loras) Chat(ctx context.Context, req *providers.Request, sink providers.Sink) (*providers.Reply, error) {
	reply, err := l.client.Chat(ctx, req, sink)
	var e *providers.Error
	if errors.As(err, &e) && e.Kind == providers.KindModelGone && l.starting(ctx, req.Model) {
		cold := *e
		cold.Kind = providers.KindCold
		return reply, &cold
	}
	return reply, err
}

// starting tells whether a model that is not known may become known yet: while the list of adapters can not be read, it may.
func (l loras) starting(ctx context.Context, model string) bool {
	all, err := l.list(ctx)
	if err != nil {
		return providers.KindOf(err).Retryable()
	}
	return slices.ContainsFunc(all, func(t tuning) bool { return t.Model == model && l.now().Sub(t.Created.Time) < starts })
}

// Stop deletes a tuned model. Once it is gone, the next call deletes its file.
func (l loras) Stop(ctx context.Context, raw providers.Handle) (providers.Deployment, error) {
	k, err := readHandle(raw)
	if err != nil {
		return providers.Deployment{}, err
	}
	made, found, err := l.find(ctx, k)
	if err != nil {
		return providers.Deployment{}, err
	}
	if found {
		return k.deployment(providers.DeploymentStopped, ""), l.client.Remove(ctx, l.route()+"/"+url.PathEscape(made.ID))
	}
	file, found, err := l.file(ctx, k)
	if err != nil || !found {
		return k.deployment(providers.DeploymentStopped, ""), err
	}
	return k.deployment(providers.DeploymentStopped, ""), l.client.Remove(ctx, l.files()+"/"+url.PathEscape(file))
}
