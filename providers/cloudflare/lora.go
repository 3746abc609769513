package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/providers/quota"
	"dreamlab/store/plainjson"
)

// The settings of adapters. Copies of Cloudflare's documentation state other limits, and the
// models that take adapters change: so they are settings
// (https://developers.cloudflare.com/workers-ai/features/fine-tunes/loras).
const (
	envBases = "CLOUDFLARE_LORA_BASES"
	envRank  = "CLOUDFLARE_LORA_MAX_RANK"
	envBytes = "CLOUDFLARE_LORA_MAX_MB"
	envCount = "CLOUDFLARE_LORA_MAX_ADAPTERS"
)

var loraSettings = []providers.Setting{
	{
		Env: envBases, Default: "@cf/meta/llama-3.3-70b-instruct-fp8-fast=meta-llama/Llama-3.3-70B-Instruct," +
			"@cf/google/gemma-3-12b-it=google/gemma-3-12b-it," +
			"@cf/mistralai/mistral-small-3.1-24b-instruct=mistralai/Mistral-Small-3.1-24B-Instruct-2503",
		Help: "models that take adapters, each with the name of its weights on Hugging Face, with commas: of Llama, Gemma or Mistral",
	},
	{Env: envRank, Default: "32", Help: "the largest rank of an adapter: Cloudflare says 8, up to 32"},
	{Env: envBytes, Default: "300", Help: "the largest file of an adapter, in MB: Cloudflare says 100, 300 or 500"},
	{Env: envCount, Default: "30", Help: "how many adapters the account may have: 30, unless Cloudflare has granted more"},
}

// loras are the adapters that the account serves beside a base, by the token and without hours.
type loras struct {
	*driver
	chats    *openai.Client    // of tuned models: on Cloudflare's own route
	bases    map[string]string // the names of their weights
	maxRank  int
	maxBytes int64
	maxCount int64 // of the account's adapters
}

var (
	_ providers.Host     = (*loras)(nil)
	_ providers.Importer = (*loras)(nil)
)

func newLoras(d *driver, chats *openai.Client, value func(string) string) (*loras, error) {
	l := &loras{driver: d, chats: chats, bases: map[string]string{}}
	for part := range strings.SplitSeq(value(envBases), ",") {
		base, weights, found := strings.Cut(strings.TrimSpace(part), "=")
		if !found || !strings.HasPrefix(base, "@") || typeOf(weights) == "" {
			return nil, errors.New(envBases + ": write each as @cf/google/gemma-3-12b-it=google/gemma-3-12b-it, " +
				"the weights of Llama, Gemma or Mistral")
		}
		l.bases[base] = weights
	}
	var err error
	if l.maxRank, err = strconv.Atoi(value(envRank)); err != nil || l.maxRank < 1 {
		return nil, fmt.Errorf("%s: give a rank, such as 32", envRank)
	}
	megabytes, err := strconv.ParseInt(value(envBytes), 10, 32)
	if err != nil || megabytes < 1 {
		return nil, fmt.Errorf("%s: give megabytes, such as 300", envBytes)
	}
	l.maxBytes = megabytes << 20
	if l.maxCount, err = strconv.ParseInt(value(envCount), 10, 32); err != nil || l.maxCount < 1 {
		return nil, fmt.Errorf("%s: give a number of adapters, such as 30", envCount)
	}
	return l, nil
}

// typeOf is the model_type that an adapter's configuration has to name, "" where Cloudflare has none.
func typeOf(weights string) string {
	for _, kind := range []string{"llama", "gemma", "mistral"} {
		if strings.Contains(strings.ToLower(weights), kind) {
			return kind
		}
	}
	return ""
}

// Hosting tells what serving takes: each token costs as one of the base's.
func (l *loras) Hosting(ctx context.Context, base string) (providers.Hosting, error) {
	weights := l.bases[base]
	if weights == "" {
		return providers.Hosting{}, l.fault(providers.KindModelGone, base,
			base+" takes no adapters: choose another base, or name it in "+envBases)
	}
	h := providers.Hosting{Hardware: "serverless", PerToken: true, MaxRank: l.maxRank, Weights: weights}
	h.Full, h.Doubt = l.room(ctx)
	return h, nil
}

// room tells whether the account may have one more adapter. Cloudflare's API tells how many there are, and only its
// pages how many there may be.
func (l *loras) room(ctx context.Context) (full, doubt string) {
	told := quota.Source{Name: "the list of adapters", Needs: "the token needs the permission Workers AI Read"}
	return told.Room(ctx, func(ctx context.Context) ([]quota.Quota, error) {
		all, err := l.list(ctx)
		return []quota.Quota{{
			Name: "LoRAs per account", Limit: l.maxCount, Used: int64(len(all)),
			Raise: "delete one in the dashboard, or ask Cloudflare for more and set " + envCount,
		}}, err
	})
}

func (l *loras) fault(kind providers.Kind, model, message string) *providers.Error {
	return &providers.Error{
		Kind: kind, Provider: name, Model: model, Message: message, Charge: providers.ChargeNone,
	}
}

// finetune is an adapter of the account.
type finetune struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Model   string    `json:"model"`
	Created time.Time `json:"created_at"`
}

// list reads the account's adapters, of which documentation and SDKs show three forms: a list, a list in
// a list, and one object.
func (l *loras) list(ctx context.Context) ([]finetune, error) {
	var said struct {
		Result json.RawMessage `json:"result"`
	}
	if _, err := l.Do(ctx, openai.Call{Method: http.MethodGet, URL: l.ai + "/finetunes", Out: &said}); err != nil {
		return nil, err
	}
	all, err := flatten(said.Result)
	if err != nil {
		return nil, l.Garbled("the list of adapters can not be read")
	}
	return all, nil
}

func flatten(result json.RawMessage) ([]finetune, error) {
	if !strings.HasPrefix(string(result), "[") {
		var one finetune
		err := json.Unmarshal(result, &one)
		if err != nil || one.ID == "" {
			return nil, err
		}
		return []finetune{one}, nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(result, &parts); err != nil {
		return nil, err
	}
	var all []finetune
	for _, part := range parts {
		inner, err := flatten(part)
		if err != nil {
			return nil, err
		}
		all = append(all, inner...)
	}
	return all, nil
}

// find looks for an adapter by its name.
func (l *loras) find(ctx context.Context, k adapter) (finetune, bool, error) {
	all, err := l.list(ctx)
	for _, f := range all {
		if f.Name == k.Name && f.Model == k.Base {
			return f, true, nil
		}
	}
	return finetune{}, false, err
}

// adapter is what finds an adapter again.
type adapter struct {
	Name string `json:"name"`
	Base string `json:"base"`
}

// separator stands between a base and an adapter in the name of a tuned model: no base has it.
const separator = ":"

func (k adapter) model() string { return k.Base + separator + k.Name }

func (l *loras) readHandle(raw providers.Handle) (k adapter, err error) {
	if json.Unmarshal(raw, &k) != nil || !adapterName.MatchString(k.Name) || k.Base == "" {
		e := l.fault(providers.KindInvalid, "", "the handle is none that Import or Deploy returned")
		e.Param = "handle"
		return k, e
	}
	return k, nil
}

// deployment is a tuned model in a state.
func (k adapter) deployment(state providers.DeploymentState, message string) providers.Deployment {
	return providers.Deployment{
		Handle: plainjson.Of(k), State: state, Message: message, Direct: k.model(), Routed: k.model(), PerToken: true,
	}
}

// Deploy has nothing to start: an adapter that was imported answers as soon as Cloudflare has spread it.
func (l *loras) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	k, err := l.readHandle(spec.Trained)
	if err != nil {
		return providers.Deployment{}, err
	}
	_, found, err := l.find(ctx, k)
	if err == nil && !found {
		err = l.fault(providers.KindInvalid, k.Base, "the account has no adapter "+k.Name+": import it first")
	}
	if err != nil {
		return providers.Deployment{}, err
	}
	return k.deployment(providers.DeploymentStarting, ""), nil
}

// spreads is how long an adapter may be unknown where it is asked, after it was made. Some never come
// (https://github.com/cloudflare/cloudflare-docs/issues/23272).
const spreads = time.Hour

// codeUnknown is what an adapter answers that Cloudflare has not spread yet, or has not at all.
const codeUnknown = "3037"

// Deployment looks whether the account has the adapter. Whether it answers nothing tells but an answer, which is paid.
func (l *loras) Deployment(ctx context.Context, raw providers.Handle) (providers.Deployment, error) {
	k, err := l.readHandle(raw)
	if err != nil {
		return providers.Deployment{}, err
	}
	_, found, err := l.find(ctx, k)
	switch {
	case err != nil:
		return providers.Deployment{}, err
	case !found:
		return k.deployment(providers.DeploymentStopped, "the account has no adapter of that name"), nil
	}
	return k.deployment(providers.DeploymentReady, ""), nil
}

// Stop ends no cost, since there is none. It asks for the adapter's deletion, which no documentation
// has: where it is refused the adapter stays, counts among the account's 30 and costs nothing.
func (l *loras) Stop(ctx context.Context, raw providers.Handle) (providers.Deployment, error) {
	k, err := l.readHandle(raw)
	if err != nil {
		return providers.Deployment{}, err
	}
	made, found, err := l.find(ctx, k)
	if err != nil || !found {
		return k.deployment(providers.DeploymentStopped, ""), err
	}
	at := l.ai + "/finetunes/" + url.PathEscape(made.ID)
	_, err = l.Do(ctx, openai.Call{Method: http.MethodDelete, URL: at})
	var e *providers.Error
	if errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed) {
		return k.deployment(providers.DeploymentStopped, "the adapter can not be deleted by the API: it stays, and costs nothing"), nil
	}
	return k.deployment(providers.DeploymentStopped, ""), err
}

// Chat answers, as [providers.Driver] says. A tuned model is its base with the name of an adapter. One that Cloudflare has
// not spread yet is cold.
func (l *loras) Chat(ctx context.Context, req *providers.Request, sink providers.Sink) (*providers.Reply, error) {
	base, lora, tuned := strings.Cut(req.Model, separator)
	if !tuned {
		return l.driver.Chat(ctx, req, sink)
	}
	asked := *req
	asked.Vendor = maps.Clone(req.Vendor)
	if asked.Vendor == nil {
		asked.Vendor = map[string]json.RawMessage{}
	}
	asked.Vendor["lora"] = plainjson.Of(lora)
	reply, err := l.chats.Chat(ctx, &asked, sink)
	var e *providers.Error
	if errors.As(err, &e) && e.Code == codeUnknown && l.spreading(ctx, adapter{lora, base}) {
		cold := *e
		cold.Kind = providers.KindCold
		return reply, &cold
	}
	return reply, err
}

// spreading tells whether an adapter that is not known where it was asked may become known yet: as long as the account's list
// can not be read, it may.
func (l *loras) spreading(ctx context.Context, k adapter) bool {
	made, found, err := l.find(ctx, k)
	return err != nil || found && l.now().Sub(made.Created) < spreads
}

// encodeTuned is encode for the route that has the base in its path.
func encodeTuned(req *providers.Request, body *openai.Body) error {
	body.Model, body.StreamOptions = "", nil
	return encode(req, body)
}

// runAt returns where the base of a tuned model answers.
func runAt(below string) func(route, model string) string {
	return func(_, model string) string {
		base, _, _ := strings.Cut(model, separator)
		return below + "/run/" + base
	}
}
