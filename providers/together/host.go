package together

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// endpoint is a name that clients call, with deployments behind it.
type endpoint struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"` // "<slug>/<name>"
	Etag  string  `json:"etag,omitempty"`
	Split []share `json:"trafficSplit"`
}

// bare is the name without the account's slug.
func (e endpoint) bare() string { return e.Name[strings.LastIndexByte(e.Name, '/')+1:] }

// share is a deployment's part of an endpoint's traffic.
type share struct {
	Deployment string `json:"deploymentId"`
	Weight     int    `json:"weight"`
}

// deployment is a model on hardware.
type deployment struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status struct {
		State   string `json:"state"`
		Ready   count  `json:"readyReplicas"`
		Message string `json:"message"`
	} `json:"status"`
}

type newDeployment struct {
	Name    string  `json:"name"`
	Model   string  `json:"model"`
	Config  string  `json:"config"`
	Scaling scaling `json:"autoscaling"`
}

// scaling bounds the replicas; none and none is how a deployment is stopped.
type scaling struct {
	Least int `json:"minReplicas"`
	Most  int `json:"maxReplicas"`
}

func one() scaling { return scaling{Least: 1, Most: 1} }

// Deploy serves a tuned model on one replica of the cheapest hardware, without
// traffic. The names follow from the spec's, so that a repetition finds what is
// there: a deployment that runs is adopted, one that was stopped is started. One
// that failed is returned as it is: Stop clears it away.
func (d *driver) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	trained, err := readTrained(spec.Trained)
	if err != nil {
		return providers.Deployment{}, err
	}
	if spec.Name == "" || trained.Model == "" {
		return providers.Deployment{}, invalid("name", "a deployment needs a name, and a training that has succeeded")
	}
	name := endpointName(spec.Name)
	if len(name) > maxName {
		return providers.Deployment{}, invalid("name", "shorten the name of the deployment")
	}
	project, err := d.projectID(ctx)
	if err != nil {
		return providers.Deployment{}, err
	}
	chosen, err := d.setup(ctx, spec.Base)
	if err != nil {
		return providers.Deployment{}, err
	}
	end, err := d.ensureEndpoint(ctx, project, name)
	if err != nil {
		return providers.Deployment{}, err
	}
	dep, err := d.ensureDeployment(ctx, d.projectURL(project, "endpoints", end.ID), newDeployment{
		Name: name, Model: "projects/" + project + "/models/" + trained.Model,
		Config: chosen.Config, Scaling: one(),
	})
	if err != nil {
		return providers.Deployment{}, err
	}
	return describe(served{project, end.ID, dep.ID, chosen.nano}, end, dep), nil
}

// ensureEndpoint makes the endpoint, or finds the one that has its name.
func (d *driver) ensureEndpoint(ctx context.Context, project, name string) (endpoint, error) {
	var out endpoint
	address := d.projectURL(project, "endpoints")
	call := openai.Call{Method: http.MethodPost, URL: address, In: map[string]string{"name": name}, Out: &out}
	_, err := d.Do(ctx, call)
	var e *providers.Error
	if !errors.As(err, &e) || e.Status != http.StatusConflict {
		return out, err
	}
	endpoints, err := list[endpoint](ctx, d, address)
	if err != nil {
		return endpoint{}, err
	}
	for _, found := range endpoints {
		if found.bare() == name {
			return found, nil
		}
	}
	return endpoint{}, garbled("the endpoint "+name+" exists but is not listed: try again", nil)
}

// ensureDeployment makes the deployment, or finds the one that has its name.
func (d *driver) ensureDeployment(
	ctx context.Context, address string, spec newDeployment,
) (deployment, error) {
	query := "?" + url.Values{"filter": {`name:"` + spec.Name + `"`}}.Encode()
	found, err := list[deployment](ctx, d, address+"/deployments"+query)
	if err != nil {
		return deployment{}, err
	}
	var out deployment
	for _, dep := range found {
		if dep.Name != spec.Name {
			continue
		}
		state := dep.state()
		if state != providers.DeploymentStopped && state != providers.DeploymentStopping {
			return dep, nil
		}
		err := d.scale(ctx, address+"/deployments/"+url.PathEscape(dep.ID), one(), &out)
		out.ID, out.Name = dep.ID, dep.Name
		return out, err
	}
	call := openai.Call{Method: http.MethodPost, URL: address + "/deployments", In: spec, Out: &out}
	if _, err := d.Do(ctx, call); err != nil {
		return deployment{}, err
	}
	if out.ID == "" {
		return deployment{}, garbled("the answer names no deployment: deploy again to adopt it", nil)
	}
	return out, nil
}

func (d *driver) scale(ctx context.Context, address string, to scaling, out *deployment) error {
	_, err := d.Do(ctx, openai.Call{
		Method: http.MethodPatch, URL: address + "?updateMask=autoscaling",
		In: map[string]scaling{"autoscaling": to}, Out: out,
	})
	return err
}

// Deployment polls. What was deleted is stopped.
func (d *driver) Deployment(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	h, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	end, dep, err := d.look(ctx, h)
	if missing(err) {
		return stopped(h), nil
	}
	if err != nil {
		return providers.Deployment{}, err
	}
	return describe(h, end, dep), nil
}

func stopped(h served) providers.Deployment {
	return providers.Deployment{Handle: h.handle(), State: providers.DeploymentStopped, Message: "deleted"}
}

func (d *driver) endpointURL(h served) string {
	return d.projectURL(h.Project, "endpoints", h.Endpoint)
}

func (d *driver) deploymentURL(h served) string {
	return d.projectURL(h.Project, "endpoints", h.Endpoint, "deployments", h.Deployment)
}

func (d *driver) look(ctx context.Context, h served) (end endpoint, dep deployment, err error) {
	call := openai.Call{Method: http.MethodGet, URL: d.endpointURL(h), Out: &end}
	if _, err = d.Do(ctx, call); err != nil {
		return end, dep, err
	}
	call = openai.Call{Method: http.MethodGet, URL: d.deploymentURL(h), Out: &dep}
	_, err = d.Do(ctx, call)
	return end, dep, err
}

func describe(h served, end endpoint, dep deployment) providers.Deployment {
	return providers.Deployment{
		Handle: h.handle(), State: dep.state(), Message: dep.Status.Message,
		Routed: end.Name, Direct: end.Name + "/" + dep.Name, NanoPerHour: h.Nano,
	}
}

// state maps Together's words. What is missing here is starting.
func (dep deployment) state() providers.DeploymentState {
	switch strings.TrimPrefix(strings.ToUpper(dep.Status.State), "DEPLOYMENT_STATE_") {
	case "READY":
		return providers.DeploymentReady
	case "DEGRADED", "SCALING":
		if dep.Status.Ready > 0 {
			return providers.DeploymentReady
		}
	case "STOPPING":
		return providers.DeploymentStopping
	case "STOPPED":
		return providers.DeploymentStopped
	case "FAILED":
		return providers.DeploymentFailed
	}
	return providers.DeploymentStarting
}

// SetTraffic gives the deployment its endpoint's traffic, all or none. It takes
// Together some 30 seconds to follow. When somebody else changed the endpoint
// meanwhile it fails with KindServer, and may be repeated.
func (d *driver) SetTraffic(ctx context.Context, handle providers.Handle, on bool) error {
	h, err := readServed(handle)
	if err != nil {
		return err
	}
	var end endpoint
	call := openai.Call{Method: http.MethodGet, URL: d.endpointURL(h), Out: &end}
	if _, err := d.Do(ctx, call); err != nil {
		return err
	}
	split := []share{{Deployment: h.Deployment, Weight: 100}}
	if !on {
		split = slices.DeleteFunc(end.Split, func(s share) bool { return s.Deployment == h.Deployment })
	}
	return d.setSplit(ctx, h, end.Etag, split)
}

func (d *driver) setSplit(ctx context.Context, h served, etag string, split []share) error {
	if split == nil {
		split = []share{} // null would say "no change"
	}
	in := struct {
		Etag  string  `json:"etag,omitempty"`
		Split []share `json:"trafficSplit"`
	}{etag, split}
	address := d.endpointURL(h) + "?updateMask=trafficSplit"
	_, err := d.Do(ctx, openai.Call{Method: http.MethodPatch, URL: address, In: in})
	return err
}

// Stop takes the replicas away. Once they are gone, the next call deletes the
// deployment and its endpoint, neither of which costs anything by then.
func (d *driver) Stop(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	h, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	end, dep, err := d.look(ctx, h)
	if err != nil && !missing(err) {
		return providers.Deployment{}, err
	}
	ended := dep.state() == providers.DeploymentStopped || dep.state() == providers.DeploymentFailed
	if missing(err) || ended {
		return stopped(h), d.remove(ctx, h, end)
	}
	var out deployment
	if err := d.scale(ctx, d.deploymentURL(h), scaling{}, &out); err != nil {
		return providers.Deployment{}, err
	}
	out.Name = dep.Name
	return describe(h, end, out), nil
}

// remove deletes in the order that Together demands. What is not there any
// more was deleted before.
func (d *driver) remove(ctx context.Context, h served, end endpoint) error {
	if slices.ContainsFunc(end.Split, func(s share) bool { return s.Deployment == h.Deployment }) {
		if err := d.SetTraffic(ctx, h.handle(), false); err != nil && !missing(err) {
			return err
		}
	}
	for _, address := range []string{d.deploymentURL(h), d.endpointURL(h)} {
		_, err := d.Do(ctx, openai.Call{Method: http.MethodDelete, URL: address})
		if err != nil && !missing(err) {
			return err
		}
	}
	return nil
}
