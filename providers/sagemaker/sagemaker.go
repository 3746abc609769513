// Package sagemaker drives AWS SageMaker: fine-tunes of the models of JumpStart's hub as
// training jobs, endpoints that serve what was tuned, and chats with any endpoint of the
// account whose container speaks OpenAI's dialect, as those of JumpStart's language models do
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/Welcome.html). A model's name is
// that of its endpoint, or of its endpoint and of a component there, as endpoint/component.
//
// Requests are signed, and streams are unframed, by AWS's own SDK for Go; the bodies are
// written and read here, since the SDK's client would add many megabytes to the program.
package sagemaker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors, and that by which requests are signed.
const name = "sagemaker"

// The names of the settings.
const (
	envRegion    = "SAGEMAKER_REGION"
	envRole      = "SAGEMAKER_ROLE_ARN"
	envFolder    = "SAGEMAKER_S3_URI"
	envInstances = "SAGEMAKER_INSTANCES"
	envTuned     = "SAGEMAKER_TUNABLE_ENDPOINTS"
	envLicence   = "SAGEMAKER_ACCEPT_EULA"
	envSpot      = "SAGEMAKER_SPOT"
	envHours     = "SAGEMAKER_MAX_HOURS"
	envWay       = "SAGEMAKER_WAY"
	envGroup     = "SAGEMAKER_MODEL_PACKAGE_GROUP"
	envTokens    = "SAGEMAKER_TOKEN_PRICES"
	envMlflow    = "SAGEMAKER_MLFLOW_ARN"
	envControls  = "AWS_ENDPOINT_URL_SAGEMAKER"
	envRuntime   = "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"
)

var settings = []providers.Setting{
	{
		Env: envRegion,
		Help: "region whose SageMaker is asked, such as us-east-1; it makes SageMaker a vendor with an access key. " +
			"Defaults to AWS_REGION",
	},
	{Env: amazon.EnvRegion, Shared: true, Help: "region, where SAGEMAKER_REGION is not set"},
	{Env: amazon.EnvID, Shared: true, Secret: true, Help: "id of an access key that may use SageMaker, its role and the S3 folder"},
	{Env: amazon.EnvSecret, Shared: true, Secret: true, Help: "secret of the access key"},
	{Env: amazon.EnvSession, Shared: true, Secret: true, Help: "session token, for temporary access keys"},
	{Env: envRole, Help: "role that training jobs and endpoints take on; fine-tunes and deployments need it"},
	{Env: envFolder, Help: "folder in S3 for training files and tuned models, such as s3://bucket/tunes; fine-tunes need it"},
	{
		Env: envInstances,
		// on demand in us-east-1, from general knowledge of 2026-11
		Default: "ml.g5.2xlarge=1.515,ml.g5.4xlarge=2.03,ml.g5.12xlarge=7.09,ml.g5.24xlarge=10.18,ml.g5.48xlarge=20.36",
		Help: "machines that may be used, each with dollars an hour: set the prices that your region has. " +
			"Machines that are not named here are never started",
	},
	{
		Env: envTuned,
		Help: "endpoints whose models can be fine-tuned, each with the model's name in JumpStart's hub, as a=b,c=d; others are " +
			"asked for by the hub's name",
	},
	{Env: envLicence, Help: "true accepts the licences of models that have one, such as Llama's, without which these are refused"},
	{Env: envSpot, Help: "true trains on spot machines, which cost less and may be taken away: it goes on from a checkpoint"},
	{Env: envHours, Default: "24", Help: "most hours of one training, after which SageMaker stops it"},
	{
		Env: envWay, Default: "container",
		Help: "how models are trained: container takes machines of SAGEMAKER_INSTANCES, serverless is billed by tokens, learns from " +
			"preference pairs, too, and is served as an adapter on its base",
	},
	{Env: envGroup, Help: "ARN of the model package group in which serverless training registers models; serverless needs it"},
	{
		Env: envTokens,
		Help: "what a million tokens of serverless training cost, in dollars, by the models' names in the hub, as a=2.40,b=0.80. " +
			"A model without a price is not trained so",
	},
	{Env: envMlflow, Help: "ARN of an MLflow server that logs serverless training"},
	{Env: envControls, Help: "base of the control plane; defaults to the region's"},
	{Env: envRuntime, Help: "base of the runtime, which answers chats; defaults to the region's"},
	{Env: amazon.EnvS3, Shared: true, Help: "base of S3; defaults to the region's"},
	{Env: amazon.EnvCosts, Shared: true, Help: amazon.CostsHelp},
	{Env: amazon.EnvQuotas, Shared: true, Help: amazon.QuotasHelp},
}

// Vendor opens the SageMaker driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Options: options, Open: open, Sandbox: sandbox}

// options are what the containers of JumpStart's language models take beside OpenAI's.
var options = []string{"top_k", "repetition_penalty"}

// sandbox leads the driver to SageMaker's emulator.
func sandbox(address, credential string) map[string]string {
	return map[string]string{
		amazon.EnvID: "AKIASANDBOX", amazon.EnvSecret: credential, envRegion: "us-east-1",
		envControls: address, envRuntime: address, amazon.EnvS3: address + "/s3", amazon.EnvCosts: address, amazon.EnvQuotas: address,
		envRole: "arn:aws:iam::123456789012:role/sandbox", envFolder: "s3://sandbox/tunes", envLicence: "true",
		envTuned: "jumpstart-llama-3-1-8b-instruct=meta-textgeneration-llama-3-1-8b-instruct",
	}
}

// driver is one account in one region.
type driver struct {
	whole    *openai.Client // asks endpoints for whole answers
	streamed *openai.Client // asks endpoints for streams
	bills    *amazon.Bills
	*plane
}

// open builds a driver that chats, and that trains and serves where both are set up.
func open(config providers.Config) (providers.Driver, error) {
	value := func(env string) string { return strings.TrimSpace(openai.Value(config, settings, env)) }
	region := cmp.Or(value(envRegion), value(amazon.EnvRegion))
	if !amazon.IsRegion(region) {
		return nil, fmt.Errorf("%s: set it to a region, such as us-east-1", envRegion)
	}
	key := amazon.NewKey(value, region, config.Now)
	if !key.Set() {
		return nil, errors.New(amazon.EnvID + ": set it and " + amazon.EnvSecret + " to an access key")
	}
	controls, err := openai.CheckBase(envControls, cmp.Or(value(envControls), amazon.Host("api.sagemaker", region)))
	if err != nil {
		return nil, err
	}
	runtime, err := openai.CheckBase(envRuntime, cmp.Or(value(envRuntime), amazon.Host("runtime.sagemaker", region)))
	if err != nil {
		return nil, err
	}
	dialect := openai.Dialect{
		Provider: name, Base: runtime, Secrets: key.Secrets, Options: options, Words: words, Classify: classify,
		Authorize: func(r *http.Request) error {
			if component, _ := r.Context().Value(componentKey{}).(string); component != "" {
				r.Header.Set("X-Amzn-SageMaker-Inference-Component", component)
			}
			return key.Sign(r, name)
		},
		URL: invocations(runtime, "invocations"),
	}
	d := &driver{whole: openai.New(dialect, config), plane: newPlane(controls, key, config)}
	d.bills, err = amazon.NewBills(amazon.Account{
		Vendor: name, Service: "Amazon SageMaker", Base: value(amazon.EnvCosts), Secrets: key.Secrets,
	}, key, config)
	if err != nil {
		return nil, err
	}
	dialect.URL = invocations(runtime, "invocations-response-stream")
	d.streamed = openai.New(dialect, unframed(config))
	return withTuning(d, key, value, config)
}

// invocations returns what makes the address at which an endpoint is asked
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html).
func invocations(base, operation string) func(route, endpoint string) string {
	return func(_, model string) string {
		endpoint, _, _ := strings.Cut(model, "/")
		return base + "/endpoints/" + url.PathEscape(endpoint) + "/" + operation
	}
}

// componentKey finds the component of an endpoint that is asked in the context of its request.
type componentKey struct{}

// Chat asks an endpoint, or a component of it, as [providers.Driver] says. Whole answers and streams have
// operations of their own.
func (d *driver) Chat(ctx context.Context, req *providers.Request, sink providers.Sink) (*providers.Reply, error) {
	if _, component, found := strings.Cut(req.Model, "/"); found {
		ctx = context.WithValue(ctx, componentKey{}, component)
	}
	if sink == nil {
		return d.whole.Chat(ctx, req, nil)
	}
	return d.streamed.Chat(ctx, req, sink)
}

// maxPages bounds the pages of the list of endpoints, of a hundred each.
const maxPages = 20

// Models lists the account's endpoints, as [providers.Driver] says
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListEndpoints.html).
func (d *driver) Models(ctx context.Context) ([]providers.ModelInfo, error) {
	var infos []providers.ModelInfo
	asked := struct {
		Most int    `json:"MaxResults"`
		Next string `json:"NextToken,omitempty"`
	}{Most: 100}
	for range maxPages {
		var page struct {
			Endpoints []struct {
				Name    string `json:"EndpointName"`
				Status  string `json:"EndpointStatus"`
				Created epoch  `json:"CreationTime"`
			} `json:"Endpoints"`
			Next string `json:"NextToken"`
		}
		if err := d.ask(ctx, "ListEndpoints", asked, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Endpoints {
			infos = append(infos, providers.ModelInfo{
				ID: e.Name, Created: e.Created.time(), Active: states[e.Status] == providers.DeploymentReady,
			})
		}
		if asked.Next = page.Next; asked.Next == "" {
			break
		}
	}
	return infos, nil
}

// epoch is a time as the control plane writes it: seconds with a fraction.
type epoch float64

func (e epoch) time() time.Time {
	if e == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(e * 1000)).UTC()
}
