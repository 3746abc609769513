package vllm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"regexp"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// host serves adapters beside their base.
type host struct {
	client *openai.Client
	base   string // ends in /v1
	here   string // the folder of adapters, as we see it
	there  string // the same as the server sees it
	rank   int
	nano   int64 // nano-dollars an hour
}

// card is a model of the server's list. An adapter has its base as parent and its path as root.
type card struct {
	ID     string `json:"id"`
	Root   string `json:"root"`
	Parent string `json:"parent"`
}

func (h host) list(ctx context.Context) ([]card, error) {
	var raw json.RawMessage
	if _, err := h.client.Do(ctx, openai.Call{Method: http.MethodGet, URL: h.base + openai.RouteModels, Out: &raw}); err != nil {
		return nil, err
	}
	cards, err := openai.List[card](raw)
	if err != nil {
		return nil, h.client.Garbled("the list of models can not be read")
	}
	return cards, nil
}

// find looks for a model of the server.
func (h host) find(ctx context.Context, id string) (card, bool, error) {
	cards, err := h.list(ctx)
	for _, c := range cards {
		if c.ID == id {
			return c, true, nil
		}
	}
	return card{}, false, err
}

// Hosting tells what serving takes: the server has to have the base, under the base's own name.
func (h host) Hosting(ctx context.Context, base string) (providers.Hosting, error) {
	found, ok, err := h.find(ctx, base)
	if err != nil {
		return providers.Hosting{}, err
	}
	if !ok || found.Parent != "" {
		return providers.Hosting{}, gone(base, "is no base of the server: start vLLM with it, or with --served-model-name "+base)
	}
	served := providers.Hosting{Hardware: "your own server", NanoPerHour: h.nano, MaxRank: h.rank, Always: true}
	if h.nano == 0 {
		served.Doubt = "your machine counts as free: what it costs an hour is set in " + envPrice
	}
	return served, nil
}

// known is what finds an adapter again.
type known struct {
	Name string `json:"name"`
	Base string `json:"base"`
}

// goodName is the name of an adapter and of its folder.
var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func read(handle providers.Handle) (k known, err error) {
	if json.Unmarshal(handle, &k) != nil || !goodName.MatchString(k.Name) || k.Base == "" {
		return k, invalid("handle", "the handle is none that Import or Deploy returned")
	}
	return k, nil
}

// adapter is the body of the routes that load and unload
// (https://docs.vllm.ai/en/latest/features/lora.html#dynamically-serving-lora-adapters).
type adapter struct {
	Name string `json:"lora_name"`
	Path string `json:"lora_path,omitempty"`
}

// Deploy loads an adapter that was imported. One that is loaded is adopted.
func (h host) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	k, err := read(spec.Trained)
	if err != nil {
		return providers.Deployment{}, err
	}
	now, err := h.look(ctx, k)
	if err != nil || now.State == providers.DeploymentReady {
		now.State = starting(now.State)
		return now, err
	}
	load := openai.Call{
		Method: http.MethodPost, URL: h.base + "/load_lora_adapter", In: adapter{k.Name, path.Join(h.there, k.Name)},
	}
	if _, err := h.client.Do(ctx, load); err != nil {
		return providers.Deployment{}, refusedLoad(err)
	}
	now.State, now.Message = providers.DeploymentStarting, ""
	return now, nil
}

// starting has a deployment that was adopted polled once, as one that was made.
func starting(state providers.DeploymentState) providers.DeploymentState {
	if state == providers.DeploymentReady {
		return providers.DeploymentStarting
	}
	return state
}

// refusedLoad says what a server without the routes lacks.
func refusedLoad(err error) error {
	var e *providers.Error
	if errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed) {
		e.Kind = providers.KindInvalid
		e.Err = errors.New("the server does not find the adapter's folder, or loads no adapters: start it with --enable-lora and " +
			"VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and set " + envThere)
	}
	return err
}

// look tells whether an adapter is loaded, from where it was put, beside its base.
func (h host) look(ctx context.Context, k known) (providers.Deployment, error) {
	found, ok, err := h.find(ctx, k.Name)
	if err != nil {
		return providers.Deployment{}, err
	}
	d := providers.Deployment{
		Handle: plainjson.Of(k), State: providers.DeploymentReady, Direct: k.Name, Routed: k.Name, NanoPerHour: h.nano,
	}
	switch {
	case !ok:
		d.State, d.Message = providers.DeploymentStopped, "the adapter is not loaded: the server may have been started anew"
	case found.Root != path.Join(h.there, k.Name) || found.Parent != k.Base:
		d.State, d.Message = providers.DeploymentFailed, "the server has another model of the adapter's name"
	}
	return d, nil
}

// Deployment tells whether an adapter is loaded.
func (h host) Deployment(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	k, err := read(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	return h.look(ctx, k)
}

// Stop unloads an adapter. What was put on the server's disk stays, so that it can be loaded again.
func (h host) Stop(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	k, err := read(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	now, err := h.look(ctx, k)
	if err != nil || now.State != providers.DeploymentReady {
		return now, err
	}
	unload := openai.Call{Method: http.MethodPost, URL: h.base + "/unload_lora_adapter", In: adapter{Name: k.Name}}
	if _, err := h.client.Do(ctx, unload); err != nil && !absent(err) {
		return providers.Deployment{}, err
	}
	return h.look(ctx, k)
}

func absent(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

func gone(model, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindModelGone, Provider: name, Model: model, Message: model + " " + message, Charge: providers.ChargeNone,
	}
}

func invalid(param, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindInvalid, Provider: name, Param: param, Message: message, Charge: providers.ChargeNone,
	}
}
