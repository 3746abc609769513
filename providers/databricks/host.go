package databricks

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// coldStart is how long an endpoint takes to be made, as a rule.
const coldStart = 15 * time.Minute

// throughput is the hardware of endpoints that are billed by their throughput.
const throughput = "provisioned throughput"

// endpointPrefix begins the names of the endpoints that this package makes, which have at
// most maxName characters.
const (
	endpointPrefix = "dreamlab-"
	maxName        = 63
)

var _ providers.Host = (*trainingDriver)(nil)

// Hosting tells what serves a tuned model: an endpoint of its own, at the least throughput.
func (d *trainingDriver) Hosting(_ context.Context, base string) (providers.Hosting, error) {
	r, ok := d.serving.of(base)
	if !ok {
		return providers.Hosting{}, gone(base, "can not be served when it is tuned: choose another base, or name its DBU an hour in "+
			envServing)
	}
	return providers.Hosting{Hardware: throughput, NanoPerHour: r.nano, Cold: coldStart}, nil
}

// unnameable are the characters that an endpoint's name can not have.
var unnameable = regexp.MustCompile(`[^a-zA-Z0-9_-]+`)

func (d *driver) endpoints(rest string) string { return d.host + "/api/2.0/serving-endpoints" + rest }

func (d *driver) endpointURL(s served) string { return d.endpoints("/" + url.PathEscape(s.Endpoint)) }

// Deploy serves a registered model by an endpoint, or adopts the endpoint of its name. One
// that failed is returned as it is: Stop clears it away.
func (d *trainingDriver) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	made, err := readTrained(spec.Trained)
	if err != nil {
		return providers.Deployment{}, err
	}
	hosting, err := d.Hosting(ctx, spec.Base)
	if err != nil {
		return providers.Deployment{}, err
	}
	s := served{Endpoint: endpointPrefix + unnameable.ReplaceAllString(spec.Name, "-"), Nano: hosting.NanoPerHour}
	if spec.Name == "" || len(s.Endpoint) > maxName {
		return providers.Deployment{}, invalid("name", "a deployment needs a name of at most 54 characters")
	}
	found, err := d.find(ctx, s)
	if err == nil {
		return s.deployment(found), nil
	}
	if !missing(err) {
		return providers.Deployment{}, err
	}
	return d.serve(ctx, s, made.Model)
}

func (d *driver) find(ctx context.Context, s served) (found endpoint, err error) {
	_, err = d.Do(ctx, openai.Call{Method: http.MethodGet, URL: d.endpointURL(s), Out: &found})
	return found, err
}

// serve makes an endpoint of the newest version of a model.
func (d *trainingDriver) serve(ctx context.Context, s served, model string) (providers.Deployment, error) {
	version, err := d.version(ctx, model)
	if err != nil {
		return providers.Deployment{}, err
	}
	tokens, err := d.chunk(ctx, model, version)
	if err != nil {
		return providers.Deployment{}, err
	}
	var made endpoint
	order := openai.Call{Method: http.MethodPost, URL: d.endpoints(""), In: s.order(model, version, tokens), Out: &made}
	_, err = d.Do(ctx, order)
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusConflict { // another has asked meanwhile
		made, err = d.find(ctx, s)
	}
	if err != nil {
		return providers.Deployment{}, err
	}
	return s.deployment(made), nil
}

// version finds the newest version of a model that is ready
// (https://docs.databricks.com/api/workspace/modelversions/list).
func (d *driver) version(ctx context.Context, model string) (newest int64, err error) {
	var out struct {
		Versions []struct {
			Version int64  `json:"version"`
			Status  string `json:"status"`
		} `json:"model_versions"`
	}
	address := d.host + "/api/2.1/unity-catalog/models/" + url.PathEscape(model) + "/versions"
	_, err = d.Do(ctx, openai.Call{Method: http.MethodGet, URL: address, Out: &out})
	if err != nil && !missing(err) {
		return 0, err
	}
	for _, v := range out.Versions {
		if v.Status == ready {
			newest = max(newest, v.Version)
		}
	}
	if newest == 0 {
		return 0, gone(model, "has no version that is ready: has its training succeeded?")
	}
	return newest, nil
}

// chunk is the least throughput of a model, in tokens a second: more goes by its multiples
// (https://docs.databricks.com/machine-learning/foundation-model-apis/deploy-prov-throughput-foundation-model-apis).
func (d *driver) chunk(ctx context.Context, model string, version int64) (int64, error) {
	var out struct {
		Optimizable bool  `json:"optimizable"`
		Chunk       int64 `json:"throughput_chunk_size"`
	}
	address := d.endpoints("/get-model-optimization-info/" + url.PathEscape(model) + "/" + strconv.FormatInt(version, 10))
	if _, err := d.Do(ctx, openai.Call{Method: http.MethodGet, URL: address, Out: &out}); err != nil {
		return 0, err
	}
	if !out.Optimizable || out.Chunk <= 0 {
		return 0, gone(model, "can not be served by throughput: choose a base of another architecture")
	}
	return out.Chunk, nil
}

// order is what an endpoint is made with
// (https://docs.databricks.com/api/workspace/servingendpoints/create). All of its traffic goes
// to the one model: the percentages of an endpoint have to come to 100.
func (s served) order(model string, version, tokens int64) map[string]any {
	entity := model[strings.LastIndexByte(model, '.')+1:] + "-" + strconv.FormatInt(version, 10)
	return map[string]any{
		"name": s.Endpoint,
		"config": map[string]any{
			"served_entities": []any{map[string]any{
				"name": entity, "entity_name": model, "entity_version": strconv.FormatInt(version, 10),
				"min_provisioned_throughput": tokens, "max_provisioned_throughput": tokens, "scale_to_zero_enabled": false,
			}},
			"traffic_config": map[string]any{
				"routes": []any{map[string]any{"served_model_name": entity, "traffic_percentage": 100}},
			},
		},
		"tags": []any{map[string]any{"key": "dreamlab", "value": "tuned"}},
	}
}

func readServed(handle providers.Handle) (s served, err error) {
	if json.Unmarshal(handle, &s) != nil || !strings.HasPrefix(s.Endpoint, endpointPrefix) {
		return s, invalid("handle", "the handle is none that Deploy returned")
	}
	return s, nil
}

// Deployment polls. What was deleted is stopped.
func (d *trainingDriver) Deployment(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	s, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	found, err := d.find(ctx, s)
	if missing(err) {
		return s.stopped(), nil
	}
	if err != nil {
		return providers.Deployment{}, err
	}
	return s.deployment(found), nil
}

// Stop deletes the endpoint; the model stays in Unity Catalog.
func (d *trainingDriver) Stop(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	s, err := readServed(handle)
	if err != nil {
		return providers.Deployment{}, err
	}
	if err := d.Remove(ctx, d.endpointURL(s)); err != nil {
		return providers.Deployment{}, err
	}
	return s.stopped(), nil
}
