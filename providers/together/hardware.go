package together

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// setup is a way to serve a base model: a config, and what its hardware costs.
type setup struct {
	config   string // resource name
	hardware string
	nano     int64 // nano-dollars an hour of one replica
}

// config is a serving configuration as Together describes it.
type config struct {
	ID        string `json:"id"`
	Owner     string `json:"projectId"`
	Selectors []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	} `json:"selectors"`
}

func (c config) selector(key string) string {
	for _, s := range c.Selectors {
		if s.Key == key {
			return fmt.Sprint(s.Value)
		}
	}
	return ""
}

// instance is rentable hardware.
type instance struct {
	ID    string      `json:"id"`
	Name  string      `json:"name"`
	GPU   string      `json:"gpuType"`
	Count count       `json:"gpuCount"`
	Cents json.Number `json:"priceCentsPerHour"`
}

// fits tells whether the hardware is what a config selects.
func (i instance) fits(kind, number string) bool {
	named := strings.EqualFold(i.GPU, kind) || strings.EqualFold(i.Name, kind) || i.ID == kind
	return named && (number == "" || number == strconv.FormatInt(int64(i.Count), 10))
}

// setup returns the cheapest way to serve a model on the base.
func (d *driver) setup(ctx context.Context, project, base string) (setup, error) {
	query := url.Values{"referenceModel": {base}}.Encode()
	configs, err := list[config](ctx, d, d.projectURL(project, "configs")+"?"+query)
	if missing(err) || (err == nil && len(configs) == 0) {
		return setup{}, gone(base, "can be trained but not served at Together: choose another base")
	}
	if err != nil {
		return setup{}, err
	}
	instances, err := list[instance](ctx, d, d.v2+"/public/inference-instance-types")
	if err != nil {
		return setup{}, err
	}
	best, found := cheapest(configs, instances, project)
	if !found {
		return setup{}, garbled("no hardware that serves "+base+" has a price", nil)
	}
	return best, nil
}

func cheapest(configs []config, instances []instance, project string) (best setup, found bool) {
	for _, c := range configs {
		kind, number := c.selector("accelerator_type"), c.selector("accelerator_count")
		for _, i := range instances {
			if !i.fits(kind, number) {
				continue
			}
			nano, err := money(i.Cents, providers.Cent)
			if err != nil || nano == 0 || (found && nano >= best.nano) {
				continue // without a price it can not be chosen
			}
			owner := c.Owner
			if owner == "" {
				owner = project
			}
			found = true
			best = setup{
				config:   "projects/" + owner + "/configs/" + c.ID,
				hardware: fmt.Sprintf("%d× %s", i.Count, i.GPU), nano: nano,
			}
		}
	}
	return best, found
}

// Hosting tells whether a tuned model on base can be served, and for how much.
// Where the project has an endpoint of ours, Together is also asked to rehearse
// a deployment on it, which creates nothing; there is no rehearsal without one.
func (d *driver) Hosting(ctx context.Context, base string) (providers.Hosting, error) {
	project, err := d.projectID(ctx)
	if err != nil {
		return providers.Hosting{}, err
	}
	chosen, err := d.setup(ctx, project, base)
	if err != nil {
		return providers.Hosting{}, err
	}
	if err := d.rehearse(ctx, project, base, chosen); err != nil {
		return providers.Hosting{}, err
	}
	return providers.Hosting{Hardware: chosen.hardware, NanoPerHour: chosen.nano}, nil
}

// profile is a pair of resource names that Together says go together.
type profile struct {
	Config string `json:"config"`
	Model  string `json:"model"`
}

// supported is a model of the catalogue of dedicated inference.
type supported struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Model    string    `json:"model"`
	Profiles []profile `json:"deploymentProfiles"`
}

func (d *driver) rehearse(ctx context.Context, project, base string, chosen setup) error {
	endpoints, err := list[endpoint](ctx, d, d.projectURL(project, "endpoints"))
	if err != nil {
		return err
	}
	stage := ""
	for _, e := range endpoints {
		if strings.HasPrefix(e.bare(), endpointPrefix) {
			stage = e.ID
		}
	}
	if stage == "" {
		return nil
	}
	model, err := d.baseResource(ctx, base, chosen)
	if err != nil || model == "" {
		return err
	}
	in := newDeployment{Name: "rehearsal", Model: model, Config: chosen.config, Scaling: one()}
	address := d.projectURL(project, "endpoints", stage, "deployments") + "?validateOnly=true"
	_, err = d.Do(ctx, openai.Call{Method: http.MethodPost, URL: address, In: in})
	if providers.KindOf(err) == providers.KindInvalid && err != nil {
		return gone(base, "can not be served at Together now: "+err.Error())
	}
	return err
}

// baseResource finds the resource name of the base model, empty for none.
func (d *driver) baseResource(ctx context.Context, base string, chosen setup) (string, error) {
	models, err := list[supported](ctx, d, d.v2+"/supported-models?product=PRODUCT_DEDICATED")
	if err != nil {
		return "", err
	}
	for _, m := range models {
		if m.ID != base && m.Name != base && m.Model != base {
			continue
		}
		for _, p := range m.Profiles {
			if p.Config == chosen.config {
				return p.Model, nil
			}
		}
	}
	return "", nil
}
