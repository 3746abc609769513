package sagemaker

import (
	"context"
	"time"

	"dreamlab/providers"
)

// An adapter is served on its base by an endpoint whose machine holds components: one of the base, which has the
// machine's devices, and one of the adapter, which is loaded into it
// (https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-adapt.html). Each tuned model has an endpoint
// of its own: an endpoint that two share is paid once, which books that know what an hour of each model costs
// can not tell.

// coldComponents is how long a machine, the base and the adapter take, one after the other.
const coldComponents = 20 * time.Minute

// The ends of the names of components. An endpoint's name leaves room for them.
const (
	baseEnd    = "-base"
	adapterEnd = "-lora"
)

// variant is the one kind of machines of an endpoint.
const variant = "AllTraffic"

// model is the name by which what is served is asked.
func (s served) model() string {
	if s.Adapter == "" {
		return s.Endpoint
	}
	return s.Endpoint + "/" + s.Endpoint + adapterEnd
}

// hostingOfAdapters tells what serving adapters on a base takes.
func (d *tuningDriver) hostingOfAdapters(ctx context.Context, base string) (providers.Hosting, error) {
	_, on, err := d.servesAdapters(ctx, base)
	if err != nil {
		return providers.Hosting{}, err
	}
	return providers.Hosting{
		Hardware: on.Instance, NanoPerHour: d.tuning.machines[on.Instance], MaxRank: on.maxRank(), Cold: coldComponents,
		Region: d.region,
	}, nil
}

// servesAdapters describes a base on which adapters can be served, and how.
func (d *tuningDriver) servesAdapters(ctx context.Context, base string) (content, hostingConfig, error) {
	found, err := d.tuning.content(ctx, base)
	if err != nil {
		return content{}, hostingConfig{}, err
	}
	r, has := found.recipe(techniqueSFT)
	if !has || found.HostingArtifact == "" {
		return content{}, hostingConfig{}, gone(base, "has no recipe by which adapters are served: choose another base")
	}
	on, priced := r.servedOn(d.tuning.machines)
	if !priced {
		return content{}, hostingConfig{}, gone(base, "is served on machines of which none has a price: name one in "+envInstances)
	}
	return found, on, nil
}

// deployAdapter has an endpoint made, or adopts it. Its components follow with each look at it.
func (d *tuningDriver) deployAdapter(ctx context.Context, spec providers.DeploySpec, made trained) (providers.Deployment, error) {
	base, on, err := d.servesAdapters(ctx, spec.Base)
	if err != nil {
		return providers.Deployment{}, err
	}
	s := served{endpointName(spec.Name), on.Instance, made.Adapter, on.Needs.CPUs, on.Needs.Devices}
	if spec.Name == "" || len(s.Endpoint)+len(baseEnd) > maxName {
		return providers.Deployment{}, invalid("name", "a deployment needs a short name")
	}
	now, err := d.state(ctx, s)
	switch {
	case err != nil:
		return now, err
	case now.State != providers.DeploymentStopped:
		return d.step(ctx, s, now)
	}
	if err := d.tuning.inPackage(ctx, made); err != nil {
		return providers.Deployment{}, err
	}
	if err := d.tuning.sound(ctx, made); err != nil {
		return providers.Deployment{}, err
	}
	return d.make(ctx, now, []part{
		d.model(s, base, container{on.Image, on.Environment, base.HostingArtifact}),
		{"CreateEndpointConfig", map[string]any{
			"EndpointConfigName": s.Endpoint, "ExecutionRoleArn": d.tuning.role, "EnableNetworkIsolation": base.HostingIsolated,
			"ProductionVariants": []any{map[string]any{"VariantName": variant, "InstanceType": s.Instance, "InitialInstanceCount": 1}},
		}},
		{"CreateEndpoint", map[string]any{
			"EndpointName": s.Endpoint, "EndpointConfigName": s.Endpoint, "Tags": []tag{{"dreamlab", "tuned"}},
		}},
	})
}

// components are those of an endpoint, in the order in which they stand on each other
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateInferenceComponent.html).
func (s served) components() []part {
	order := func(end string, specification map[string]any) map[string]any {
		return map[string]any{
			"InferenceComponentName": s.Endpoint + end, "EndpointName": s.Endpoint, "Specification": specification,
			"Tags": []tag{{"dreamlab", "tuned"}},
		}
	}
	base := order(baseEnd, map[string]any{
		"ModelName": s.Endpoint, "ComputeResourceRequirements": map[string]int{
			// the least, as SageMaker's own SDK asks for: what the hub names is more than some machines give
			"MinMemoryRequiredInMb": 1024, "NumberOfCpuCoresRequired": s.CPUs, "NumberOfAcceleratorDevicesRequired": s.Devices,
		},
	})
	base["VariantName"], base["RuntimeConfig"] = variant, map[string]int{"CopyCount": 1}
	return []part{
		{s.Endpoint + baseEnd, base},
		{s.Endpoint + adapterEnd, order(adapterEnd, map[string]any{
			"BaseInferenceComponentName": s.Endpoint + baseEnd, "Container": map[string]string{"ArtifactUrl": s.Adapter},
		})},
	}
}

func componentOf(named string) map[string]string {
	return map[string]string{"InferenceComponentName": named}
}

// component tells where a component is; one that is not there is stopped
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeInferenceComponent.html).
func (d *tuningDriver) component(ctx context.Context, named string) (state providers.DeploymentState, why string, err error) {
	var found struct {
		Status  string `json:"InferenceComponentStatus"`
		Failure string `json:"FailureReason"`
	}
	err = d.ask(ctx, "DescribeInferenceComponent", componentOf(named), &found)
	switch {
	case absent(err):
		return providers.DeploymentStopped, "", nil
	case err != nil:
		return "", "", err
	}
	state, known := states[found.Status]
	if !known {
		state = providers.DeploymentStarting
	}
	return state, providers.Redact(found.Failure), nil
}

// step takes the next step of making an endpoint's components, each of which needs the one before in service, or
// of deleting them once that has begun. An endpoint that is not in service waits.
func (d *tuningDriver) step(ctx context.Context, s served, now providers.Deployment) (providers.Deployment, error) {
	if now.State != providers.DeploymentReady {
		return now, nil
	}
	stopping, err := d.stopping(ctx, s)
	switch {
	case err != nil:
		return providers.Deployment{}, err
	case stopping:
		return d.takeDown(ctx, s, now)
	}
	for _, c := range s.components() {
		state, why, err := d.component(ctx, c.operation)
		if err == nil && state == providers.DeploymentStopped {
			state, err = providers.DeploymentStarting, d.add(ctx, c)
		}
		if err != nil {
			return providers.Deployment{}, err
		}
		if state != providers.DeploymentReady {
			now.State, now.Message = state, why
			return now, nil
		}
	}
	return now, nil
}

// add has a component made. While the endpoint is being changed SageMaker takes none: the next look tries again.
func (d *tuningDriver) add(ctx context.Context, c part) error {
	err := d.ask(ctx, "CreateInferenceComponent", c.in, nil)
	if exists(err) || unready(err) {
		return nil
	}
	return err
}

// unready tells whether something was refused since what it is about is being changed.
func unready(err error) bool {
	return refusedAs(err, errInUse, "updating", "creating", "in-progress", "in progress")
}

// stopping tells whether an endpoint's end has begun. The model that its base was made of is deleted first and says
// so from then on: its components need it no more.
func (d *tuningDriver) stopping(ctx context.Context, s served) (bool, error) {
	err := d.ask(ctx, "DescribeModel", map[string]string{"ModelName": s.Endpoint}, nil)
	if absent(err) {
		return true, nil
	}
	return false, err
}

// unmake begins an endpoint's end, which each look at it goes on with.
func (d *tuningDriver) unmake(ctx context.Context, s served, now providers.Deployment) (providers.Deployment, error) {
	err := d.ask(ctx, "DeleteModel", map[string]string{"ModelName": s.Endpoint}, nil)
	switch {
	case err != nil && !absent(err):
		return providers.Deployment{}, err
	case now.State == providers.DeploymentStarting: // it can not be deleted yet
		return now, nil
	}
	return d.takeDown(ctx, s, now)
}

// takeDown takes the next step of an endpoint's end: it can be deleted once its components are gone, the base's once
// that of the adapter is. A component that is being made can not be deleted yet.
func (d *tuningDriver) takeDown(ctx context.Context, s served, now providers.Deployment) (providers.Deployment, error) {
	now.State, now.Message = providers.DeploymentStopping, ""
	parts := s.components()
	for i := len(parts) - 1; i >= 0; i-- {
		state, _, err := d.component(ctx, parts[i].operation)
		if err != nil {
			return providers.Deployment{}, err
		}
		switch state {
		case providers.DeploymentStopped:
			continue
		case providers.DeploymentReady, providers.DeploymentFailed:
			err = d.ask(ctx, "DeleteInferenceComponent", componentOf(parts[i].operation), nil)
		}
		if err != nil && !absent(err) && !unready(err) {
			return providers.Deployment{}, err
		}
		return now, nil
	}
	err := d.ask(ctx, "DeleteEndpoint", endpointOf(s), nil)
	if err != nil && !absent(err) && !unready(err) {
		return providers.Deployment{}, err
	}
	return now, nil
}
