package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
)

// endpointPrefix begins the names of the endpoints that this package makes.
const endpointPrefix = "dreamlab-"

// maxEndpoint is the length of an endpoint's name.
const maxEndpoint = 59

// coldStart is how long large weights take to be loaded, as a rule.
const coldStart = 20 * time.Minute

// weightsBelow is where a training leaves its weights, in Hugging Face's form.
const weightsBelow = "/postprocess/node-0/checkpoints/final"

// hosted serves what was tuned on machines of the project's own.
type hosted struct {
	*driver
	bucket   bucket
	quotas   *quotas
	machines []machine
	doubt    string // what is not certain of their prices
}

// machine serves the models whose bases' names begin alike.
type machine struct {
	prefix, kind, accelerator string
	count                     int
	nano                      int64 // nano-dollars an hour
}

// parseMachines reads machines, written as prefix=machine/accelerator/count/dollars.
func parseMachines(setting string) ([]machine, error) {
	var known []machine
	for part := range strings.SplitSeq(setting, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		prefix, rest, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields := strings.Split(rest, "/")
		if prefix == "" || len(fields) != 4 {
			return nil, errMachines
		}
		count, err := strconv.Atoi(fields[2])
		nano, fault := money.ParsePrice(fields[3], money.Dollar)
		if err != nil || fault != nil || count < 1 || nano <= 0 {
			return nil, errMachines
		}
		known = append(known, machine{prefix, fields[0], fields[1], count, nano})
	}
	return known, nil
}

var errMachines = errors.New(envMachines + ": write each as meta/llama-4-scout=a3-highgpu-8g/NVIDIA_H100_80GB/8/101.01, " +
	"the last being dollars an hour")

// machineOf is the machine of the longest beginning of a base's name.
func (h hosted) machineOf(base string) (found machine, ok bool) {
	for _, m := range h.machines {
		if strings.HasPrefix(base, m.prefix) && len(m.prefix) > len(found.prefix) {
			found, ok = m, true
		}
	}
	return found, ok
}

func (h hosted) hosting(ctx context.Context, base string) (providers.Hosting, error) {
	m, ok := h.machineOf(base)
	if !ok {
		return providers.Hosting{}, gone(base, "has no machine to be served by: name one with its price in "+envMachines)
	}
	full, doubt := h.quotas.forMachine(ctx, m)
	if h.doubt != "" && doubt != "" {
		doubt = "; " + doubt
	}
	return providers.Hosting{
		Hardware: m.kind, NanoPerHour: m.nano, Cold: coldStart, Region: h.driver.place.tuning, Full: full, Doubt: h.doubt + doubt,
	}, nil
}

// served is what finds a deployment again.
type served struct {
	Endpoint string `json:"endpoint"`
	Base     string `json:"base"`
}

func readServed(handle providers.Handle) (s served, err error) {
	if json.Unmarshal(handle, &s) != nil || !strings.HasPrefix(s.Endpoint, endpointPrefix) || !deployed.MatchString(s.Endpoint) {
		return s, invalid("handle", "the handle is none that Deploy returned")
	}
	return s, nil
}

// unnameable are the characters that an endpoint's name can not have.
var unnameable = regexp.MustCompile(`[^a-z0-9-]+`)

func endpointName(spec string) string {
	return endpointPrefix + strings.Trim(unnameable.ReplaceAllString(strings.ToLower(spec), "-"), "-")
}

// endpoint is one with what is deployed at it.
type endpoint struct {
	Name     string `json:"name"`
	Deployed []struct {
		ID string `json:"id"`
	} `json:"deployedModels"`
}

// operation is work that Google has taken on
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.operations).
type operation struct {
	Name     string `json:"name"`
	Done     bool   `json:"done"`
	Metadata struct {
		Model   string `json:"modelId"`
		Generic struct {
			Created time.Time `json:"createTime"`
		} `json:"genericMetadata"`
	} `json:"metadata"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func (h hosted) get(ctx context.Context, rest string, out any) error {
	_, err := h.Do(ctx, openai.Call{Method: http.MethodGet, URL: h.driver.place.beta() + rest, Out: out})
	return err
}

func missing(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// work finds the newest operation that deploys a model, nil where there is none.
func (h hosted) work(ctx context.Context, model string) (*operation, error) {
	var page struct {
		Operations []operation `json:"operations"`
	}
	if err := h.get(ctx, "/operations?pageSize=100", &page); err != nil {
		return nil, err
	}
	ours := slices.DeleteFunc(page.Operations, func(o operation) bool { return o.Metadata.Model != model })
	if len(ours) == 0 {
		return nil, nil
	}
	newest := slices.MaxFunc(ours, func(x, y operation) int {
		return x.Metadata.Generic.Created.Compare(y.Metadata.Generic.Created)
	})
	return &newest, nil
}

// state tells where a deployment is, with what is deployed at its endpoint. It is ready where
// a model is deployed, starts while Google works on it, and is stopped otherwise.
func (h hosted) state(ctx context.Context, s served) (providers.Deployment, endpoint, error) {
	var found endpoint
	now := providers.Deployment{
		Handle: plainjson.Of(s), State: providers.DeploymentReady, Direct: s.Endpoint, Routed: s.Endpoint,
	}
	if m, ok := h.machineOf(s.Base); ok {
		now.NanoPerHour = m.nano
	}
	err := h.get(ctx, "/endpoints/"+s.Endpoint, &found)
	if err != nil && !missing(err) {
		return providers.Deployment{}, found, err
	}
	if len(found.Deployed) > 0 {
		return now, found, nil
	}
	working, err := h.work(ctx, s.Endpoint)
	switch {
	case err != nil:
		return providers.Deployment{}, found, err
	case working == nil || working.Done && working.Error == nil:
		now.State, now.Message = providers.DeploymentStopped, "nothing is deployed"
	case working.Error != nil:
		now.State, now.Message = providers.DeploymentFailed, providers.Redact(working.Error.Message)
	default:
		now.State = providers.DeploymentStarting
	}
	return now, found, nil
}

func (h hosted) deployment(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	s, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	now, _, err := h.state(ctx, s)
	return now, err
}

// deploy serves the weights that a training left, or adopts the deployment of its name. One
// that was stopped, or failed, is cleared away and made again.
func (h hosted) deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	var made trained
	if json.Unmarshal(spec.Trained, &made) != nil || !strings.HasPrefix(made.Output, "gs://") || spec.Name == "" {
		return providers.Deployment{}, invalid("name", "a deployment needs a name, and a training that has succeeded")
	}
	m, ok := h.machineOf(spec.Base)
	s := served{Endpoint: endpointName(spec.Name), Base: spec.Base}
	if !ok {
		_, err := h.hosting(ctx, spec.Base)
		return providers.Deployment{}, err
	}
	if len(s.Endpoint) > maxEndpoint {
		return providers.Deployment{}, invalid("name", "shorten the name of the deployment")
	}
	now, found, err := h.state(ctx, s)
	if err != nil || now.State == providers.DeploymentReady || now.State == providers.DeploymentStarting {
		return now, err
	}
	if err := h.remove(ctx, s, found); err != nil {
		return providers.Deployment{}, err
	}
	now.State, now.Message = providers.DeploymentStarting, ""
	_, err = h.Do(ctx, openai.Call{
		Method: http.MethodPost, URL: h.driver.place.beta() + ":deploy", In: m.order(s.Endpoint, made.Output),
	})
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusConflict { // another has asked meanwhile
		return now, nil
	}
	return now, err
}

// order is what a deployment is asked with
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations/deploy). The
// ids that it names make it safe to repeat.
func (m machine) order(id, output string) map[string]any {
	return map[string]any{
		"customModel": map[string]any{"gcsUri": output + weightsBelow},
		"modelConfig": map[string]any{"acceptEula": true, "modelDisplayName": id, "modelUserId": id},
		"endpointConfig": map[string]any{
			"endpointDisplayName": id, "endpointUserId": id, "dedicatedEndpointDisabled": true,
			"labels": map[string]string{"dreamlab": "tuned"},
		},
		"deployConfig": map[string]any{"dedicatedResources": map[string]any{
			"machineSpec":     map[string]any{"machineType": m.kind, "acceleratorType": m.accelerator, "acceleratorCount": m.count},
			"minReplicaCount": 1, "maxReplicaCount": 1,
		}},
	}
}

// stop takes the model off its machine. Once it is off, the next call deletes the endpoint and
// the model, which cost nothing by then. What is still being deployed has to be waited for.
func (h hosted) stop(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	s, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	now, found, err := h.state(ctx, s)
	switch {
	case err != nil:
		return providers.Deployment{}, err
	case now.State == providers.DeploymentStarting:
		return now, nil
	case now.State != providers.DeploymentReady:
		now.State = providers.DeploymentStopped
		return now, h.remove(ctx, s, found)
	}
	for _, one := range found.Deployed {
		_, err := h.Do(ctx, openai.Call{
			Method: http.MethodPost, In: map[string]any{"deployedModelId": one.ID},
			URL: h.driver.place.beta() + "/endpoints/" + s.Endpoint + ":undeployModel",
		})
		if err != nil && !missing(err) {
			return providers.Deployment{}, err
		}
	}
	now.State = providers.DeploymentStopping
	return now, nil
}

// remove deletes an endpoint without models, and the model. What is not there was deleted
// before.
func (h hosted) remove(ctx context.Context, s served, found endpoint) error {
	if found.Name == "" {
		return nil
	}
	for _, rest := range []string{"/endpoints/", "/models/"} {
		_, err := h.Do(ctx, openai.Call{Method: http.MethodDelete, URL: h.driver.place.beta() + rest + s.Endpoint})
		if err != nil && !missing(err) {
			return err
		}
	}
	return nil
}
