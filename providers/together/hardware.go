package together

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/money"
)

// supported is a model of the catalogue of dedicated inference, with the ways
// to serve it.
type supported struct {
	Name     string    `json:"name"`
	Profiles []profile `json:"deploymentProfiles"`
}

// profile is a way to serve a base model. Together asks to copy its resource
// names as they are: the config belongs to another project.
type profile struct {
	Config string `json:"config"`
	Model  string `json:"model"`
	GPU    string `json:"gpuType"`
	Count  count  `json:"gpuCount"`
}

// instance is rentable hardware.
type instance struct {
	GPU   string      `json:"gpuType"`
	Count count       `json:"gpuCount"`
	Cents json.Number `json:"priceCentsPerHour"`
}

// setup is a profile with its price, in nano-dollars an hour of one replica.
type setup struct {
	profile
	nano int64
}

// setup returns the cheapest way to serve a model on the base.
func (d *driver) setup(ctx context.Context, base string) (setup, error) {
	models, err := list[supported](ctx, d, d.v2+"/supported-models?product=PRODUCT_DEDICATED")
	if err != nil {
		return setup{}, err
	}
	var profiles []profile
	for _, m := range models {
		if m.Name == base {
			profiles = append(profiles, m.Profiles...)
		}
	}
	if len(profiles) == 0 {
		return setup{}, gone(base, "can not be served at Together, even when trained there: choose another base")
	}
	instances, err := list[instance](ctx, d, d.v2+"/public/inference-instance-types")
	if err != nil {
		return setup{}, err
	}
	best, found := cheapest(profiles, instances)
	if !found {
		return setup{}, garbled("no hardware that serves "+base+" has a price", nil)
	}
	return best, nil
}

// cheapest passes over what has no price that can be read.
func cheapest(profiles []profile, instances []instance) (best setup, found bool) {
	for _, p := range profiles {
		for _, i := range instances {
			if !strings.EqualFold(i.GPU, p.GPU) || i.Count != p.Count {
				continue
			}
			nano, err := price(i.Cents, money.Cent)
			if err != nil || nano == 0 || (found && nano >= best.nano) {
				continue
			}
			best, found = setup{p, nano}, true
		}
	}
	return best, found
}

// Hosting tells whether a tuned model on base can be served, and for how much.
// Where the project has an endpoint of ours, Together is also asked to rehearse
// a deployment on it, which creates nothing; there is no rehearsal without one.
func (d *driver) Hosting(ctx context.Context, base string) (providers.Hosting, error) {
	chosen, err := d.setup(ctx, base)
	if err != nil {
		return providers.Hosting{}, err
	}
	if err := d.rehearse(ctx, base, chosen.profile); err != nil {
		return providers.Hosting{}, err
	}
	hardware := fmt.Sprintf("%d× %s", chosen.Count, chosen.GPU)
	return providers.Hosting{Hardware: hardware, NanoPerHour: chosen.nano}, nil
}

func (d *driver) rehearse(ctx context.Context, base string, p profile) error {
	project, err := d.projectID(ctx)
	if err != nil {
		return err
	}
	endpoints, err := list[endpoint](ctx, d, d.projectURL(project, "endpoints"))
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if !strings.HasPrefix(e.bare(), endpointPrefix) {
			continue
		}
		in := newDeployment{Name: "rehearsal", Model: p.Model, Config: p.Config, Scaling: one()}
		address := d.projectURL(project, "endpoints", e.ID, "deployments") + "?validateOnly=true"
		_, err := d.Do(ctx, openai.Call{Method: http.MethodPost, URL: address, In: in})
		if err != nil && providers.KindOf(err) == providers.KindInvalid && !missing(err) {
			return gone(base, "can not be served at Together now: "+err.Error())
		}
		return err
	}
	return nil
}
