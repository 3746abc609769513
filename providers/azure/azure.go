// Package azure drives a resource of Azure AI Foundry
// (https://learn.microsoft.com/azure/ai-foundry): chats and embeddings of what is
// deployed there, by key or by Entra ID. It is only what Azure does differently from
// OpenAI's dialect; the dialect itself is in providers/openai.
//
// A model's name is that of its deployment, which only its owner knows.
package azure

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors.
const name = "azure"

var settings = []providers.Setting{
	{
		Env: "AZURE_OPENAI_ENDPOINT", Required: true,
		Help: "address of the resource: https://NAME.openai.azure.com or https://NAME.services.ai.azure.com",
	},
	{
		Env: "AZURE_OPENAI_API_KEY", Secret: true,
		Help: "key of the resource, from its page Keys and Endpoint; without it Entra ID is asked for tokens",
	},
	{
		Env: "AZURE_OPENAI_ROUTES", Default: routesV1,
		Help: "v1, classic (a path for each deployment) or models (the older routes of Foundry's models)",
	},
	{
		Env: "OPENAI_API_VERSION", Shared: true,
		Help: "api-version of the routes classic and models; defaults to 2024-10-21 and 2024-05-01-preview",
	},
	{
		Env: "AZURE_OPENAI_DEPLOYMENTS",
		Help: "names of the deployments, each with its model where that has another name: fast=gpt-5-nano,gpt-oss-120b; " +
			"Azure itself lists what could be deployed",
	},
	{
		Env: "AZURE_OPENAI_BATCH_DEPLOYMENTS",
		Help: "deployments of the type Global Batch, each behind the one whose calls it answers: fast=fast-batch; " +
			"without it there are no batches",
	},
	{Env: "AZURE_TENANT_ID", Shared: true, Help: "directory of the application that has access, for Entra ID"},
	{Env: "AZURE_CLIENT_ID", Shared: true, Help: "id of that application"},
	{Env: "AZURE_CLIENT_SECRET", Secret: true, Shared: true, Help: "secret of that application"},
	{
		Env: "AZURE_AUTHORITY_HOST", Shared: true, Default: "https://login.microsoftonline.com",
		Help: "host that gives out tokens",
	},
	{
		Env:  "AZURE_OPENAI_SCOPE",
		Help: "scope of the tokens; defaults to " + scopeOfResource + ", and for a project to " + scopeOfProject,
	},
	{
		Env: envTrainingType, Default: "globalStandard",
		Help: "where models are fine-tuned: standard, globalStandard, or developerTier at half the price, which may pause",
	},
	{
		Env: envResource,
		Help: "id of the resource, /subscriptions/…/accounts/NAME, as its page Properties shows it: with it and the " +
			"application above tuned models are deployed",
	},
	{Env: envManager, Shared: true, Default: "https://management.azure.com", Help: "address of Azure Resource Manager"},
	{
		Env: envService, Default: "GlobalStandard",
		Help: "type of the deployments of tuned models in service: Standard or GlobalStandard",
	},
	{
		Env: envTrial, Default: "DeveloperTier",
		Help: "type of their deployments until they have proved themselves: DeveloperTier has no hourly price and ends after a day",
	},
}

// Vendor opens the Azure driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Options: options, Open: open, Sandbox: sandbox}

// sandbox leads the driver to Azure's emulator.
func sandbox(address, credential string) map[string]string {
	return map[string]string{
		"AZURE_OPENAI_API_KEY": credential, "AZURE_OPENAI_ENDPOINT": address,
		"AZURE_OPENAI_BATCH_DEPLOYMENTS": "gpt-5-nano=gpt-5-nano-batch",
		"AZURE_TENANT_ID":                "11111111-2222-4333-8444-555555555555",
		"AZURE_CLIENT_ID":                "66666666-7777-4888-9999-000000000000",
		"AZURE_CLIENT_SECRET":            credential, "AZURE_AUTHORITY_HOST": address,
		envManager: address, envResource: "/subscriptions/sandbox/resourceGroups/sandbox/providers/" + accounts + "sandbox",
	}
}

// The names of the settings of trainings and of the deployments of what they make.
const (
	envTrainingType = "AZURE_OPENAI_TRAINING_TYPE"
	envResource     = "AZURE_OPENAI_RESOURCE_ID"
	envManager      = "AZURE_RESOURCE_MANAGER_URL"
	envService      = "AZURE_OPENAI_SERVICE_SKU"
	envTrial        = "AZURE_OPENAI_TRIAL_SKU"
)

// driver is Azure's client, which lists deployments where they are known.
type driver struct {
	*openai.Client
	root     string
	deployed deployments
	batched  deployments // for batches, by the deployment whose calls they answer
	training string      // the type of trainings
}

var (
	_ providers.Embedder = (*driver)(nil)
	_ providers.Batches  = (*driver)(nil)
	_ providers.Trains   = (*driver)(nil)
)

func open(config providers.Config) (providers.Driver, error) {
	value := func(env string) string { return openai.Value(config, settings, env) }
	at, err := newResource(value)
	if err != nil {
		return nil, err
	}
	d := &driver{root: at.root, training: value(envTrainingType)}
	if d.deployed, err = parseDeployments("AZURE_OPENAI_DEPLOYMENTS", value); err != nil {
		return nil, err
	}
	if d.batched, err = parseDeployments("AZURE_OPENAI_BATCH_DEPLOYMENTS", value); err != nil {
		return nil, err
	}
	if config.HTTP == nil {
		config.HTTP = openai.NewHTTP()
	}
	if err := d.connect(value, at, config); err != nil {
		return nil, err
	}
	if value(envResource) == "" {
		return d, nil
	}
	return withHost(d, value, config)
}

// connect makes the client of the resource itself, by its key or by tokens.
func (d *driver) connect(value func(env string) string, at resource, config providers.Config) error {
	dialect := openai.Dialect{
		Provider: name, Base: at.root, Key: value("AZURE_OPENAI_API_KEY"), URL: at.url,
		Encode: d.encode, Options: options, Tiers: tiers, PooledTiers: true,
		Words: words, Classify: classify,
	}
	if dialect.Key != "" {
		if at.project {
			return errors.New("AZURE_OPENAI_ENDPOINT: a project takes no key: give the address of its resource, " +
				"or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET in place of AZURE_OPENAI_API_KEY")
		}
		dialect.Authorize = func(r *http.Request) error {
			r.Header.Set("Api-Key", dialect.Key)
			return nil
		}
		d.Client = openai.New(dialect, config)
		return nil
	}
	tokens, err := newTokens(value, at.scope(value), config)
	if err != nil {
		return err
	}
	dialect.Authorize, dialect.Classify, dialect.Secrets = tokens.Authorize, tokens.classify, tokens.Secrets
	d.Client = openai.New(dialect, config)
	return nil
}

// The families of routes.
const (
	routesV1      = "v1"
	routesClassic = "classic"
	routesModels  = "models"
)

// resource is where a resource's routes stand.
type resource struct {
	root    string // https://name.openai.azure.com
	routes  string
	version string // of the routes that have one
	project bool   // it is one of the resource's projects, which only Entra ID opens
}

func newResource(value func(env string) string) (resource, error) {
	root, err := openai.CheckBase("AZURE_OPENAI_ENDPOINT", value("AZURE_OPENAI_ENDPOINT"))
	if err != nil {
		return resource{}, err
	}
	for _, route := range []string{"/openai/v1", "/openai", "/models"} { // as the portal shows it
		root = strings.TrimSuffix(root, route)
	}
	at := resource{root: root, routes: value("AZURE_OPENAI_ROUTES"), version: value("OPENAI_API_VERSION")}
	at.project = strings.Contains(root, "/api/projects/")
	defaults := map[string]string{routesV1: "", routesClassic: "2024-10-21", routesModels: "2024-05-01-preview"}
	usual, known := defaults[at.routes]
	if !known {
		return at, fmt.Errorf("AZURE_OPENAI_ROUTES: %q is none of v1, classic and models", at.routes)
	}
	if at.version == "" {
		at.version = usual
	}
	return at, nil
}

// url returns where a route is served. Deployments have a path each in the classic
// family alone.
func (at resource) url(route, model string) string {
	switch {
	case at.routes == routesV1, at.routes == routesModels && route == openai.RouteModels:
		return at.root + "/openai/v1" + route
	case at.routes == routesModels:
		return at.root + "/models" + route + "?" + at.query()
	case model == "":
		return at.root + "/openai" + route + "?" + at.query()
	}
	return at.root + "/openai/deployments/" + escape(model) + route + "?" + at.query()
}
