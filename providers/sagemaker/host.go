package sagemaker

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// tuningDriver is a driver whose account is set up for trainings, and serves what they make.
type tuningDriver struct {
	*driver
	tuning     *tuner
	trainer    providers.Trainer // tuning, or what trains without machines
	serverless bool
	region     string
}

var (
	_ providers.Trains = (*tuningDriver)(nil)
	_ providers.Host   = (*tuningDriver)(nil)
)

// Trainer returns SageMaker's training jobs.
func (d *tuningDriver) Trainer() providers.Trainer { return d.trainer }

// coldStart is how long a machine and large weights take, as a rule.
const coldStart = 10 * time.Minute

// Hosting tells what serving takes, as [providers.Host] says, and whether the account may have the machine.
func (d *tuningDriver) Hosting(ctx context.Context, base string) (h providers.Hosting, err error) {
	if d.serverless {
		h, err = d.hostingOfAdapters(ctx, base)
	} else {
		h, err = d.hostingOfWeights(ctx, base)
	}
	if err == nil {
		h.Full, h.Doubt = d.tuning.rooms.forEndpoint(ctx, h.Hardware)
	}
	return h, err
}

// hostingOfWeights tells what serving whole weights takes.
func (d *tuningDriver) hostingOfWeights(ctx context.Context, base string) (providers.Hosting, error) {
	found, err := d.servable(ctx, base)
	if err != nil {
		return providers.Hosting{}, err
	}
	kind := found.HostingInstance
	return providers.Hosting{
		Hardware: kind, NanoPerHour: d.tuning.machines[kind], Cold: coldStart, Region: d.region,
		Weights: d.tuning.named[base],
	}, nil
}

// servable describes a base whose tuned models can be served.
func (d *tuningDriver) servable(ctx context.Context, base string) (content, error) {
	found, err := d.tuning.content(ctx, base)
	switch {
	case err != nil:
		return content{}, err
	case found.HostingImage == "":
		return content{}, gone(base, "can not be served: choose another base")
	case d.tuning.machines[found.HostingInstance] == 0:
		return content{}, gone(base, "is served on "+found.HostingInstance+", which has no price: name it in "+envInstances)
	}
	return found, nil
}

// states maps SageMaker's words: an endpoint that is being changed answers. What is missing here
// is starting.
var states = map[string]providers.DeploymentState{
	"InService":            providers.DeploymentReady,
	"Updating":             providers.DeploymentReady,
	"SystemUpdating":       providers.DeploymentReady,
	"RollingBack":          providers.DeploymentReady,
	"Deleting":             providers.DeploymentStopping,
	"Failed":               providers.DeploymentFailed,
	"OutOfService":         providers.DeploymentFailed,
	"UpdateRollbackFailed": providers.DeploymentFailed,
}

// served is what finds a deployment again: model, configuration and endpoint have one name.
type served struct {
	Endpoint string `json:"endpoint"`
	Instance string `json:"instance"`
	// Of an endpoint with components: where the adapter stands, and what the base takes of the machine.
	Adapter string `json:"adapter,omitempty"`
	CPUs    int    `json:"cpus,omitempty"`
	Devices int    `json:"devices,omitempty"`
}

func readServed(handle providers.Handle) (s served, err error) {
	if json.Unmarshal(handle, &s) != nil || !strings.HasPrefix(s.Endpoint, jobPrefix) {
		return s, invalid("handle", "the handle is none that Deploy returned")
	}
	return s, nil
}

// maxName is the length of an endpoint's name.
const maxName = 63

// unnameable are the characters that an endpoint's name can not have.
var unnameable = regexp.MustCompile(`[^a-z0-9]+`)

func endpointName(spec string) string {
	return jobPrefix + strings.Trim(unnameable.ReplaceAllString(strings.ToLower(spec), "-"), "-")
}

// state asks where an endpoint is; one that is not there is stopped
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html).
func (d *tuningDriver) state(ctx context.Context, s served) (providers.Deployment, error) {
	now := providers.Deployment{
		Handle: plainjson.Of(s), State: providers.DeploymentStopped, Direct: s.model(), Routed: s.model(),
		NanoPerHour: d.tuning.machines[s.Instance],
	}
	var found struct {
		Status  string `json:"EndpointStatus"`
		Failure string `json:"FailureReason"`
	}
	err := d.ask(ctx, "DescribeEndpoint", endpointOf(s), &found)
	if absent(err) {
		now.Message = "there is no endpoint"
		return now, nil
	}
	if err != nil {
		return providers.Deployment{}, err
	}
	state, known := states[found.Status]
	if !known {
		state = providers.DeploymentStarting
	}
	now.State, now.Message = state, providers.Redact(found.Failure)
	return now, nil
}

func endpointOf(s served) map[string]string { return map[string]string{"EndpointName": s.Endpoint} }

// Deployment polls, as [providers.Host] says.
func (d *tuningDriver) Deployment(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	s, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	now, err := d.state(ctx, s)
	if err != nil || s.Adapter == "" {
		return now, err
	}
	return d.step(ctx, s, now)
}

// Deploy serves what a training made, or adopts what has its name: the endpoint, or such parts of
// it as an earlier call has made. One that failed is cleared away by Stop.
func (d *tuningDriver) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	made, err := readTrained(spec.Trained)
	if err != nil {
		return providers.Deployment{}, err
	}
	if made.Adapter != "" {
		return d.deployAdapter(ctx, spec, made)
	}
	base, err := d.servable(ctx, spec.Base)
	if err != nil {
		return providers.Deployment{}, err
	}
	s := served{Endpoint: endpointName(spec.Name), Instance: base.HostingInstance}
	if spec.Name == "" || made.Output == "" || len(s.Endpoint) > maxName {
		return providers.Deployment{}, invalid("name", "a deployment needs a short name, and a training that has succeeded")
	}
	now, err := d.state(ctx, s)
	if err != nil || now.State != providers.DeploymentStopped {
		return now, err
	}
	return d.make(ctx, now, d.parts(s, base, made.Output))
}

// make makes the parts of an endpoint, of which some may be there.
func (d *tuningDriver) make(ctx context.Context, now providers.Deployment, parts []part) (providers.Deployment, error) {
	for _, part := range parts {
		if err := d.ask(ctx, part.operation, part.in, nil); err != nil && !exists(err) {
			return providers.Deployment{}, err
		}
	}
	now.State, now.Message = providers.DeploymentStarting, ""
	return now, nil
}

// part is a thing that an endpoint is made of.
type part struct {
	operation string
	in        any
}

// parts are the model, the configuration and the endpoint
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html).
func (d *tuningDriver) parts(s served, base content, weights string) []part {
	return []part{
		d.model(s, base, container{base.HostingImage, base.environment(), weights}),
		{"CreateEndpointConfig", map[string]any{
			"EndpointConfigName": s.Endpoint, "ProductionVariants": []any{map[string]any{
				"VariantName": "AllTraffic", "ModelName": s.Endpoint, "InstanceType": s.Instance, "InitialInstanceCount": 1,
			}},
		}},
		{"CreateEndpoint", map[string]any{
			"EndpointName": s.Endpoint, "EndpointConfigName": s.Endpoint, "Tags": []tag{{"dreamlab", "tuned"}},
		}},
	}
}

// Stop deletes the endpoint, which ends the cost. Once it is gone, the next call deletes its
// configuration and its model, which cost nothing.
func (d *tuningDriver) Stop(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	s, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	now, err := d.state(ctx, s)
	switch {
	case err != nil || now.State == providers.DeploymentStopping:
		return now, err
	case now.State == providers.DeploymentStopped:
		return now, d.clear(ctx, s)
	case s.Adapter != "":
		return d.unmake(ctx, s, now)
	}
	err = d.ask(ctx, "DeleteEndpoint", endpointOf(s), nil)
	switch {
	case refusedAs(err, errInvalid) && now.State == providers.DeploymentStarting: // it can not be deleted yet
		return now, nil
	case err != nil && !absent(err):
		return providers.Deployment{}, err
	}
	now.State = providers.DeploymentStopping
	return now, nil
}

// container is what serves weights.
type container struct {
	image       string
	environment map[string]string
	weights     string
}

// model is the part that serves weights.
func (d *tuningDriver) model(s served, base content, of container) part {
	data := s3Source{Kind: "S3Prefix", URI: of.weights, Packed: "None"}
	if base.Gated && d.tuning.licence {
		data.Access = &modelLicence{true}
	}
	return part{"CreateModel", map[string]any{
		"ModelName": s.Endpoint, "ExecutionRoleArn": d.tuning.role, "EnableNetworkIsolation": base.HostingIsolated,
		"PrimaryContainer": map[string]any{
			"Image": of.image, "Environment": of.environment, "ModelDataSource": source{data},
		},
	}}
}

// clear deletes what an endpoint was made of. What is not there was deleted before.
func (d *tuningDriver) clear(ctx context.Context, s served) error {
	for _, part := range []part{
		{"DeleteEndpointConfig", map[string]string{"EndpointConfigName": s.Endpoint}},
		{"DeleteModel", map[string]string{"ModelName": s.Endpoint}},
	} {
		if err := d.ask(ctx, part.operation, part.in, nil); err != nil && !absent(err) {
			return err
		}
	}
	return nil
}
