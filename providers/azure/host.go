package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// managerVersion is the api-version of Azure Resource Manager's routes for these resources
// (https://learn.microsoft.com/rest/api/aiservices/accountmanagement/deployments).
const managerVersion = "2025-09-01"

// accounts is what stands before a resource's name in its id.
const accounts = "Microsoft.CognitiveServices/accounts/"

// Deployments of tuned models, in service, cost 1.70 dollars an hour beside their tokens
// (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning-cost-management,
// 2026-11). Those of the developer tier cost no hours.
const (
	hourNano      = 1_700_000_000
	developerTier = "developertier"
)

// capacity is the limit of a deployment's use, in thousand tokens a minute: it costs nothing.
const capacity = 50

// coldStart is how long a deployment takes to be made, as a rule.
const coldStart = 10 * time.Minute

// hostDriver is a driver that may deploy tuned models at its resource.
type hostDriver struct {
	*driver
	manager  *openai.Client // of Azure Resource Manager
	resource string         // its address there
	service  string         // type of deployments in service
	trial    string         // type of those that have to prove themselves
}

var (
	_ providers.Host   = hostDriver{}
	_ providers.Keeper = hostDriver{}
)

// goodResource is the form of a resource's id.
var goodResource = regexp.MustCompile(`^/subscriptions/[^/?]+/resourceGroups/[^/?]+/providers/` + accounts + `[^/?]+$`)

func withHost(d *driver, value func(env string) string, config providers.Config) (providers.Driver, error) {
	id := strings.TrimRight(value(envResource), "/")
	if !goodResource.MatchString(id) {
		return nil, errors.New(envResource + ": write it as /subscriptions/…/resourceGroups/…/providers/" + accounts + "NAME")
	}
	root, err := openai.CheckBase(envManager, value(envManager))
	if err != nil {
		return nil, err
	}
	tokens, err := newTokens(value, scopeOfManager, config)
	if err != nil {
		return nil, fmt.Errorf("%s: to deploy, %w", envResource, err)
	}
	manager := openai.New(openai.Dialect{
		Provider: name, Base: root, Words: words, Authorize: tokens.Authorize, Classify: tokens.classify, Secrets: tokens.Secrets,
	}, config)
	return hostDriver{driver: d, manager: manager, resource: root + id, service: value(envService), trial: value(envTrial)}, nil
}

// manage makes one exchange with Azure Resource Manager. A token that it refuses is dropped:
// then the exchange, which was none, is made with another.
func (d hostDriver) manage(ctx context.Context, call openai.Call) error {
	_, err := d.manager.Do(ctx, call)
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusUnauthorized && ctx.Err() == nil {
		_, err = d.manager.Do(ctx, call)
	}
	return err
}

func (d hostDriver) url(rest string) string {
	return d.resource + rest + "?" + url.Values{"api-version": {managerVersion}}.Encode()
}

func (d hostDriver) deploymentURL(deployment string) string {
	return d.url("/deployments/" + url.PathEscape(deployment))
}

// nanoPerHour is what a deployment of a type costs beside its tokens.
func nanoPerHour(sku string) int64 {
	if strings.EqualFold(sku, developerTier) {
		return 0
	}
	return hourNano
}

// Hosting asks what the resource may deploy, as [providers.Host] says.
func (d hostDriver) Hosting(ctx context.Context, base string) (providers.Hosting, error) {
	model := d.deployed.model(base)
	type offered struct {
		Name string       `json:"name"`
		SKUs []offeredSKU `json:"skus"`
	}
	var out struct {
		Value []offered `json:"value"`
	}
	if err := d.manage(ctx, openai.Call{Method: http.MethodGet, URL: d.url("/models"), Out: &out}); err != nil {
		return providers.Hosting{}, err
	}
	for _, m := range out.Value {
		for _, sku := range m.SKUs {
			if m.Name == model && strings.EqualFold(sku.Name, d.service) {
				h := providers.Hosting{Hardware: d.service, NanoPerHour: nanoPerHour(d.service), PerToken: true, Cold: coldStart}
				h.Full, h.Doubt = d.room(ctx, m.SKUs)
				return h, nil
			}
		}
	}
	return providers.Hosting{}, gone(base, "can not be deployed as "+d.service+" when it is tuned: choose another base or "+envService)
}

// deployment is one as Azure Resource Manager describes it.
type deployment struct {
	Name string `json:"name,omitempty"`
	SKU  struct {
		Name     string `json:"name"`
		Capacity int    `json:"capacity"`
	} `json:"sku"`
	Properties struct {
		State string `json:"provisioningState,omitempty"`
		Model struct {
			Format  string `json:"format"`
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"model"`
	} `json:"properties"`
}

// states maps Azure's words. What is missing here is starting.
var states = map[string]providers.DeploymentState{
	"succeeded": providers.DeploymentReady,
	"failed":    providers.DeploymentFailed,
	"disabled":  providers.DeploymentFailed,
	"canceled":  providers.DeploymentFailed,
	"deleting":  providers.DeploymentStopping,
}

func (d deployment) describe(named string) providers.Deployment {
	state, known := states[strings.ToLower(d.Properties.State)]
	if !known {
		state = providers.DeploymentStarting
	}
	return providers.Deployment{
		Handle: plainjson.Of(served{named}), State: state, Message: d.Properties.State, Direct: named, Routed: named,
		NanoPerHour: nanoPerHour(d.SKU.Name), PerToken: true,
	}
}

// served is what finds a deployment again.
type served struct {
	Deployment string `json:"deployment"`
}

func readServed(handle providers.Handle) (s served, err error) {
	if json.Unmarshal(handle, &s) != nil || s.Deployment == "" {
		return s, invalid("handle", "the handle is none that Deploy returned")
	}
	return s, nil
}

// maxName is the length of a deployment's name.
const maxName = 64

// unnameable are the characters that the name of a deployment can not have.
var unnameable = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// deploymentName begins with the model's name, by which the words of its requests are known.
func deploymentName(model, spec string) string {
	own := "-" + unnameable.ReplaceAllString(spec, "-")
	return model[:min(len(model), max(maxName-len(own), 0))] + own
}

// Deploy makes a deployment on trial, or adopts the one of its name.
func (d hostDriver) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	made, err := readTrained(spec.Trained)
	if err != nil {
		return providers.Deployment{}, err
	}
	named := deploymentName(d.deployed.model(spec.Base), spec.Name)
	if spec.Name == "" || made.Model == "" || len(named) > maxName {
		return providers.Deployment{}, invalid("name", "a deployment needs a short name, and a training that has succeeded")
	}
	found, err := d.find(ctx, named)
	if err == nil {
		return found.describe(named), nil
	}
	if !missing(err) {
		return providers.Deployment{}, err
	}
	var asked deployment
	asked.Properties.Model.Format, asked.Properties.Model.Name, asked.Properties.Model.Version = "OpenAI", made.Model, "1"
	return d.put(ctx, named, asked, d.trial)
}

func (d hostDriver) find(ctx context.Context, named string) (found deployment, err error) {
	err = d.manage(ctx, openai.Call{Method: http.MethodGet, URL: d.deploymentURL(named), Out: &found})
	return found, err
}

// put makes a deployment, or changes its type.
func (d hostDriver) put(ctx context.Context, named string, asked deployment, sku string) (providers.Deployment, error) {
	asked.Name, asked.Properties.State = "", ""
	asked.SKU.Name, asked.SKU.Capacity = strings.ToLower(sku), capacity
	var made deployment
	call := openai.Call{Method: http.MethodPut, URL: d.deploymentURL(named), In: asked, Out: &made}
	if err := d.manage(ctx, call); err != nil {
		return providers.Deployment{}, err
	}
	return made.describe(named), nil
}

// Deployment polls. What was deleted is stopped: by us, after a day on trial, or by Azure
// after 15 days without a call, which keeps the model.
func (d hostDriver) Deployment(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	h, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	found, err := d.find(ctx, h.Deployment)
	if missing(err) {
		return stopped(h), nil
	}
	if err != nil {
		return providers.Deployment{}, err
	}
	return found.describe(h.Deployment), nil
}

func stopped(h served) providers.Deployment {
	return providers.Deployment{Handle: plainjson.Of(h), State: providers.DeploymentStopped, Message: "deleted"}
}

// Keep gives a deployment the type of those in service, as [providers.Keeper] says.
func (d hostDriver) Keep(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	h, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	found, err := d.find(ctx, h.Deployment)
	if err != nil {
		return providers.Deployment{}, err
	}
	if strings.EqualFold(found.SKU.Name, d.service) {
		return found.describe(h.Deployment), nil
	}
	return d.put(ctx, h.Deployment, found, d.service)
}

// Stop deletes the deployment, which takes some minutes; the model stays.
func (d hostDriver) Stop(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	h, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	now, err := d.Deployment(ctx, handle)
	over := []providers.DeploymentState{providers.DeploymentStopped, providers.DeploymentStopping}
	if err != nil || slices.Contains(over, now.State) {
		return now, err
	}
	err = d.manage(ctx, openai.Call{Method: http.MethodDelete, URL: d.deploymentURL(h.Deployment)})
	if err != nil && !missing(err) {
		return providers.Deployment{}, err
	}
	return d.Deployment(ctx, handle)
}
