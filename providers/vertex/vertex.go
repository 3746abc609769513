// Package vertex drives Google Vertex AI (https://cloud.google.com/vertex-ai), which
// Google also calls the Gemini Enterprise Agent Platform: Gemini and open models
// behind one OpenAI-compatible endpoint, embeddings, and the lists of its
// publishers' models. It is only what Google does differently from OpenAI's
// dialect; the dialect itself is in providers/openai.
package vertex

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors.
const name = "vertex"

// The names of the settings.
const (
	envProject    = "GOOGLE_VERTEX_PROJECT"
	envLocation   = "GOOGLE_VERTEX_LOCATION"
	envLocations  = "GOOGLE_VERTEX_LOCATIONS"
	envPublishers = "GOOGLE_VERTEX_PUBLISHERS"
	envBase       = "GOOGLE_VERTEX_BASE_URL"
	envInline     = "GOOGLE_CREDENTIALS"
	envFile       = "GOOGLE_APPLICATION_CREDENTIALS"
	envMetadata   = "GCE_METADATA_HOST"
	envBatches    = "GOOGLE_VERTEX_BATCH_BUCKET"
	envBatched    = "GOOGLE_VERTEX_BATCH_MODELS"
	envStorage    = "GOOGLE_STORAGE_BASE_URL"
	envTuned      = "GOOGLE_VERTEX_TUNABLE_MODELS"
	envTuning     = "GOOGLE_VERTEX_TUNING_LOCATION"
	envMachines   = "GOOGLE_VERTEX_MACHINES"
	envQuotas     = "GOOGLE_CLOUD_QUOTAS_BASE_URL"
)

var settings = []providers.Setting{
	{Env: envProject, Required: true, Help: "id of the Google Cloud project that is billed"},
	{
		Env: envLocation, Default: global,
		Help: "region that answers, such as us-central1, or global",
	},
	{
		Env:     envLocations,
		Default: "meta/llama-4-=us-east5",
		Help:    "models that are served elsewhere: beginnings of their names with their regions, as a=b,c=d",
	},
	{
		Env: envPublishers, Default: "google,meta,openai",
		Help: "whose models are listed, by Google's names of the publishers",
	},
	{Env: envBase, Help: "base of the API in place of Google's own, which goes by the region"},
	{
		Env: envInline, Secret: true, Shared: true,
		Help: "the text of a file of credentials, in place of the file",
	},
	{
		Env: envFile, Shared: true,
		Help: "a file of credentials; without it those of gcloud are used, or of the machine",
	},
	{
		Env: envMetadata, Shared: true, Default: "169.254.169.254",
		Help: "host of the metadata server that gives the machine's tokens",
	},
	{
		Env: envBatches,
		Help: "where the files of batches and fine-tunes stand, as gs://bucket/prefix; without it there are neither, and no " +
			"deployments",
	},
	{
		Env: envBatched, Default: "meta/llama-4-,meta/llama-3.3-",
		Help: "models that take batches, by the beginnings of their names: Google's own pages differ on them",
	},
	{
		Env: envStorage, Default: "https://storage.googleapis.com",
		Help: "base of Cloud Storage, for those files",
	},
	{
		Env: envTuned,
		Default: "meta/llama-4-scout-17b-16e-instruct-maas=meta/llama4@llama-4-scout-17b-16e-instruct," +
			"meta/llama-3.3-70b-instruct-maas=meta/llama3-3@llama-3.3-70b-instruct",
		Help: "models that can be fine-tuned, each with the name of its weights, as a=b,c=d",
	},
	{
		Env: envTuning, Default: "us-central1",
		Help: "region that fine-tunes and serves what was tuned: not global",
	},
	{
		Env: envMachines, Default: defaultMachines,
		Help: "machines that serve tuned models, by the beginnings of their bases' names, each with its accelerator, how many " +
			"of it, and dollars an hour: set the price that your region has",
	},
	{
		Env: envQuotas, Default: "https://cloudquotas.googleapis.com",
		Help: "base of the Cloud Quotas API, which tells a plan whether the project has room: enable it in the project, and give " +
			"the account the role Cloud Quotas Viewer",
	},
}

// defaultMachines serve the bases that can be tuned by default, at list prices that were not read from a bill: the plan
// says so.
const defaultMachines = "meta/llama-4-scout=a3-highgpu-8g/NVIDIA_H100_80GB/8/101.01," +
	"meta/llama-3.3-70b=a3-highgpu-4g/NVIDIA_H100_80GB/4/50.51"

// listPrice is the doubt about their prices.
const listPrice = "the machine is a default, at a list price that may not be your region's: set yours in " + envMachines

// Vendor opens the Vertex AI driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Options: options, Open: open, Sandbox: sandbox}

// sandboxProject is the one project that the emulator knows.
const sandboxProject = "dreamlab-sandbox"

// sandbox leads the driver to the emulator as a user who has logged in: the
// credential is the user's refresh token.
func sandbox(address, credential string) map[string]string {
	return map[string]string{
		envProject: sandboxProject, envBase: address,
		envQuotas: address, envStorage: address, envBatches: "gs://dreamlab-batches/vertex",
		envInline: `{"type":"authorized_user","client_id":"dreamlab","client_secret":"dreamlab",` +
			`"refresh_token":"` + credential + `","token_uri":"` + address + `/token"}`,
	}
}

// driver is the OpenAI-compatible endpoint with Google's own lists and vectors.
type driver struct {
	*openai.Client
	place      place
	publishers []string
}

func open(config providers.Config) (providers.Driver, error) {
	value := func(env string) string { return openai.Value(config, settings, env) }
	where, err := newPlace(value)
	if err != nil {
		return nil, err
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.HTTP == nil {
		config.HTTP = openai.NewHTTP()
	}
	credential, err := newCredential(value, config.HTTP)
	if err != nil {
		return nil, err
	}
	tokens := newTokens(credential, config.Now)
	still := *config.HTTP
	still.Transport = &renewing{base: carrier(config.HTTP), tokens: tokens}
	config.HTTP = &still
	dialect := openai.Dialect{
		Provider: name, Base: where.chats(""), URL: where.url,
		Authorize: tokens.authorize, Secrets: tokens.secrets, Options: options, Members: members,
		Encode: encode, Classify: classify, Words: words,
	}
	d := &driver{
		Client: openai.New(dialect, config), place: where,
		publishers: strings.Split(value(envPublishers), ","),
	}
	if value(envBatches) == "" {
		return d, nil
	}
	return withBucket(d, value)
}

// bucketDriver is a driver whose project has a bucket for files: it takes batches, fine-tunes
// open models and serves them.
type bucketDriver struct {
	*driver
	batches *batcher
	tuning  tuner
	serving hosted
}

var (
	_ providers.Batches = bucketDriver{}
	_ providers.Trains  = bucketDriver{}
	_ providers.Host    = bucketDriver{}
)

func withBucket(d *driver, value func(env string) string) (providers.Driver, error) {
	where, err := newBucket(value)
	if err != nil {
		return nil, err
	}
	files := stored{d, where}
	models := strings.FieldsFunc(value(envBatched), func(r rune) bool { return r == ',' || r == ' ' })
	made := bucketDriver{driver: d, batches: &batcher{stored: files, models: models}, tuning: tuner{stored: files}}
	if made.tuning.weights, err = parseWeights(value(envTuned)); err != nil {
		return nil, err
	}
	quotas, err := newQuotas(d, value(envQuotas))
	if err != nil {
		return nil, err
	}
	made.tuning.quotas, made.serving = quotas, hosted{driver: d, bucket: where, quotas: quotas}
	made.serving.machines, err = parseMachines(value(envMachines))
	if value(envMachines) == defaultMachines {
		made.serving.doubt = listPrice
	}
	return made, err
}

// Batcher answers many requests of an open model later.
func (d bucketDriver) Batcher() providers.Batcher { return d.batches }

// Trainer returns Google's fine-tuning of open models.
func (d bucketDriver) Trainer() providers.Trainer { return d.tuning }

// Hosting tells what serving takes, as [providers.Host] says.
func (d bucketDriver) Hosting(ctx context.Context, base string) (providers.Hosting, error) {
	return d.serving.hosting(ctx, base)
}

// Deploy serves what a training made, as [providers.Host] says.
func (d bucketDriver) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	return d.serving.deploy(ctx, spec)
}

// Deployment polls, as [providers.Host] says.
func (d bucketDriver) Deployment(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	return d.serving.deployment(ctx, handle)
}

// Stop ends the cost, as [providers.Host] says.
func (d bucketDriver) Stop(ctx context.Context, handle providers.Handle) (providers.Deployment, error) {
	return d.serving.stop(ctx, handle)
}

// carrier is what a client sends its requests with.
func carrier(client *http.Client) http.RoundTripper {
	if client.Transport != nil {
		return client.Transport
	}
	return http.DefaultTransport
}

// authorize puts a token into a request.
func (t *tokens) authorize(request *http.Request) error {
	token, err := t.get(request.Context())
	if err != nil {
		return t.failed(request.Context(), err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if t.credential.quota != "" {
		request.Header.Set("X-Goog-User-Project", t.credential.quota)
	}
	return nil
}

// failed is the error of a call for which no token was to be had, which costs
// nothing.
func (t *tokens) failed(ctx context.Context, err error) error {
	kind, ended := providers.ContextKind(ctx)
	if ended {
		return &providers.Error{Kind: kind, Charge: providers.ChargeNone, Err: context.Cause(ctx)}
	}
	var refused *tokenError
	if !errors.As(err, &refused) {
		refused = &tokenError{kind: providers.KindServer, words: "no answer came"}
	}
	return &providers.Error{
		Kind: refused.kind, Charge: providers.ChargeNone, Status: refused.status, Code: refused.code,
		Message: "get an access token: " + providers.Redact(refused.words, t.secrets()...), RetryAfter: refused.wait,
	}
}
