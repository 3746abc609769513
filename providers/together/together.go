// Package together drives Together AI: chats (https://docs.together.ai), batches, fine-
// tuning with LoRA, and dedicated inference for what was tuned. The dialect
// that its chats share with others is in providers/openai.
package together

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors.
const name = "together"

var settings = []providers.Setting{
	{
		Env: "TOGETHER_API_KEY", Secret: true, Required: true,
		Help: "key of Together AI, from https://api.together.ai/settings/api-keys",
	},
	{
		Env: "TOGETHER_BASE_URL", Default: "https://api.together.ai/v1",
		Help: "base of the API; its last part is /v1, beside which /v2 stands",
	},
	{
		Env:  "TOGETHER_INFERENCE_BASE_URL",
		Help: "base of dedicated inference; defaults to TOGETHER_BASE_URL where that is set",
	},
	{
		Env:  "TOGETHER_PROJECT_ID",
		Help: "project that owns deployments; defaults to the key's own",
	},
}

// dedicatedBase serves the models that run on hardware of one's own.
const dedicatedBase = "https://api-inference.together.ai/v1"

// Vendor opens the Together driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Options: options, Open: open, Sandbox: sandbox}

// sandbox leads the driver to Together's emulator, whose base ends as the
// vendor's own does.
func sandbox(address, credential string) map[string]string {
	return map[string]string{"TOGETHER_API_KEY": credential, "TOGETHER_BASE_URL": address + "/v1"}
}

// driver is Together's client: chats and embeddings by the dialect client, the
// rest in this package.
type driver struct {
	*openai.Client
	storage *openai.Client // without our key, for signed URLs
	v1      string
	v2      string

	mu    sync.Mutex
	owner string // the project, looked up once
}

var (
	_ providers.Trains    = (*driver)(nil)
	_ providers.Filer     = trainer{}
	_ providers.Estimator = trainer{}
	_ providers.Logger    = trainer{}
	_ providers.Host      = (*driver)(nil)
	_ providers.Traffic   = (*driver)(nil)
	_ providers.Embedder  = (*driver)(nil)
	_ providers.Batches   = (*driver)(nil)
)

func open(config providers.Config) (providers.Driver, error) {
	key := openai.Value(config, settings, "TOGETHER_API_KEY")
	if key == "" {
		return nil, errors.New(
			"TOGETHER_API_KEY: set it to a key from https://api.together.ai/settings/api-keys")
	}
	v1, err := openai.CheckBase("TOGETHER_BASE_URL", openai.Value(config, settings, "TOGETHER_BASE_URL"))
	if err != nil {
		return nil, err
	}
	root, ok := strings.CutSuffix(v1, "/v1")
	if !ok {
		return nil, fmt.Errorf("TOGETHER_BASE_URL: %s has to end in /v1", v1)
	}
	dedicated, err := openai.CheckBase("TOGETHER_INFERENCE_BASE_URL", inferenceBase(config))
	if err != nil {
		return nil, err
	}
	if config.HTTP == nil {
		config.HTTP = openai.NewHTTP()
	}
	d := &driver{v1: v1, v2: root + "/v2"}
	d.storage = openai.New(openai.Dialect{Provider: name}, config)
	d.owner = config.Values["TOGETHER_PROJECT_ID"]
	d.Client = openai.New(openai.Dialect{
		Provider: name, Base: v1, Key: key, Encode: encode, Classify: classify, Words: words,
		Options: options, Members: members, Hidden: hidden,
		URL: func(route, model string) string {
			if route == openai.RouteChat && dedicatedModel(model) {
				return dedicated + route
			}
			return v1 + route
		},
	}, config)
	return d, nil
}

func inferenceBase(config providers.Config) string {
	return cmp.Or(config.Values["TOGETHER_INFERENCE_BASE_URL"],
		config.Values["TOGETHER_BASE_URL"], dedicatedBase)
}

// endpointPrefix begins the name of every endpoint that this package makes.
const endpointPrefix = "dreamlab-"

// dedicatedModel tells the names that dedicated inference serves from those of
// shared models, since the two live at different hosts. A shared model is
// called "<organisation>/<model>", a deployment "<account>/<endpoint>/<deployment>",
// and an endpoint "<account>/<endpoint>": so what has three parts is dedicated, and
// so is what has two of which the second begins with our prefix.
func dedicatedModel(model string) bool {
	_, rest, _ := strings.Cut(model, "/")
	return strings.Contains(rest, "/") || strings.HasPrefix(rest, endpointPrefix)
}

// Embed turns texts into vectors, as [providers.Embedder] says. Together's models make
// them of one length.
func (d *driver) Embed(ctx context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	if err := req.NoDimensions(name); err != nil {
		return providers.EmbedReply{}, err
	}
	return d.Client.Embed(ctx, req)
}
