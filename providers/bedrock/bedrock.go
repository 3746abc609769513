// Package bedrock drives AWS Bedrock: its Converse API
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html),
// its embeddings by InvokeModel, its lists of models, and models that were imported. Requests are signed, and
// streams are decoded, by AWS's own SDK for Go; the bodies are written and read here,
// since the SDK's client would add 2.2 MB to the program and sorts the members of the
// JSON schemas that it is given.
//
// The checks that all answers pass are in providers/openai: this package translates
// into that form.
package bedrock

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors.
const name = "bedrock"

// The names of the settings.
const (
	envBearer   = "AWS_BEARER_TOKEN_BEDROCK"
	envRegion   = "BEDROCK_REGION"
	envTier     = "BEDROCK_SERVICE_TIER"
	envRuntime  = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
	envControls = "AWS_ENDPOINT_URL_BEDROCK"
	envRole     = "BEDROCK_BATCH_ROLE_ARN"
	envFolder   = "BEDROCK_BATCH_S3_URI"
)

var settings = append([]providers.Setting{
	{
		Env: envBearer, Secret: true,
		Help: "Bedrock API key, from the Bedrock console; it outranks an access key",
	},
	{
		Env: envRegion,
		Help: "region whose Bedrock is asked, such as us-east-1; it makes Bedrock a vendor with an access key. " +
			"Defaults to AWS_REGION",
	},
	{Env: amazon.EnvRegion, Shared: true, Help: "region, where BEDROCK_REGION is not set"},
	{Env: amazon.EnvID, Shared: true, Secret: true, Help: "id of an access key that may invoke models"},
	{Env: amazon.EnvSecret, Shared: true, Secret: true, Help: "secret of the access key"},
	{Env: amazon.EnvSession, Shared: true, Secret: true, Help: "session token, for temporary access keys"},
	{Env: envTier, Help: "service tier of all chats: priority, default, flex or reserved; none is sent without it"},
	{Env: envRuntime, Help: "base of the runtime API; defaults to the region's"},
	{Env: envControls, Help: "base of the control plane, which lists the models; defaults to the region's"},
	{Env: envRole, Help: "role that Bedrock takes on to read and write the files of batches; batches need it"},
	{Env: envFolder, Help: "folder in S3 for the files of batches, such as s3://bucket/batches; batches need it"},
	{Env: amazon.EnvS3, Shared: true, Help: "base of S3; defaults to the region's"},
	{Env: amazon.EnvCosts, Shared: true, Help: amazon.CostsHelp},
	{Env: amazon.EnvQuotas, Shared: true, Help: amazon.QuotasHelp},
}, importSettings...)

// Vendor opens the Bedrock driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Open: open, Sandbox: sandbox}

// sandbox leads the driver to Bedrock's emulator.
func sandbox(address, credential string) map[string]string {
	return map[string]string{
		amazon.EnvID: "AKIASANDBOX", amazon.EnvSecret: credential, envRegion: "us-east-1",
		envRuntime: address, envControls: address, amazon.EnvS3: address + "/s3", amazon.EnvCosts: address,
		amazon.EnvQuotas: address,
		envRole:          "arn:aws:iam::123456789012:role/sandbox", envFolder: "s3://sandbox/batches",
		envImportRole: "arn:aws:iam::123456789012:role/imports",
	}
}

// driver is one account in one region.
type driver struct {
	*openai.Client                // asks the runtime
	control        *openai.Client // lists the models
	bills          *amazon.Bills
	runtimeBase    string
	controlBase    string
}

func open(config providers.Config) (providers.Driver, error) {
	value := func(env string) string { return strings.TrimSpace(config.Values[env]) }
	region := cmp.Or(value(envRegion), value(amazon.EnvRegion))
	if !amazon.IsRegion(region) {
		return nil, fmt.Errorf("%s: set it to a region, such as us-east-1", envRegion)
	}
	tier := value(envTier)
	if tier != "" && !isTier(tier) {
		return nil, fmt.Errorf("%s: use one of %s", envTier, strings.Join(slices.Sorted(maps.Keys(tiers)), ", "))
	}
	keys, err := newCredential(value, region, config.Now)
	if err != nil {
		return nil, err
	}
	d := &driver{}
	for _, base := range []struct {
		env, host string
		to        *string
	}{{envRuntime, "bedrock-runtime", &d.runtimeBase}, {envControls, "bedrock", &d.controlBase}} {
		*base.to, err = openai.CheckBase(base.env, cmp.Or(value(base.env), amazon.Host(base.host, region)))
		if err != nil {
			return nil, err
		}
	}
	dialect := openai.Dialect{
		Provider: name, Base: d.runtimeBase, Key: keys.bearer, Secrets: keys.secrets,
		Authorize: keys.authorize, Wire: newWire(tier), Tiers: tiers, Words: words, Classify: classify,
	}
	d.Client = openai.New(dialect, config)
	dialect.Base = d.controlBase
	d.control = openai.New(dialect, config)
	if d.bills, err = newBills(keys, value, config); err != nil {
		return nil, err
	}
	opened, err := d.withBatches(config, keys)
	if err != nil || value(envImportRole) == "" {
		return opened, err
	}
	own, err := newImports(d, value)
	if err == nil {
		own.quotas, err = newQuotas(keys, value, config)
	}
	if err != nil {
		return nil, err
	}
	if b, batches := opened.(batching); batches {
		return batchingImports{own, b.batcher}, nil
	}
	return own, nil
}

// batchingImports is a driver whose account is set up for imported models and for batches.
type batchingImports struct {
	*imports
	batcher *batcher
}

// Batcher returns the account's batches.
func (b batchingImports) Batcher() providers.Batcher { return b.batcher }

var (
	_ providers.Host            = (*imports)(nil)
	_ providers.WeightsImporter = (*imports)(nil)
	_ providers.Batches         = batchingImports{}
)

// withBatches returns the driver with batches where they are set up.
func (d *driver) withBatches(config providers.Config, keys *credential) (providers.Driver, error) {
	role, folder := config.Values[envRole], config.Values[envFolder]
	switch {
	case role == "" && folder == "":
		return d, nil
	case role == "":
		return nil, fmt.Errorf("%s: set it to the role of batches, since %s is set", envRole, envFolder)
	case folder == "":
		return nil, fmt.Errorf("%s: set it to a folder, such as s3://bucket/batches, since %s is set", envFolder, envRole)
	case !keys.key.Set():
		return nil, fmt.Errorf("%s: set it and %s, since batches go through S3", amazon.EnvID, amazon.EnvSecret)
	}
	files, err := amazon.NewBucket(amazon.Folder{
		Vendor: name, Env: envFolder, URI: folder, Base: config.Values[amazon.EnvS3], Secrets: keys.secrets,
	}, keys.key, config)
	if err != nil {
		return nil, err
	}
	return batching{d, &batcher{driver: d, files: files, role: role}}, nil
}

// tiers are the ways in which a request may be served. Flex is for work that can wait, and
// is turned away first where there is no capacity
// (https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html).
var tiers = map[string]bool{"priority": false, "default": false, "flex": true, "reserved": false}

// isTier tells whether Bedrock has a tier of service.
func isTier(name string) bool {
	_, is := tiers[name]
	return is
}

// newCredential takes the API key or, without one, the access key.
func newCredential(value func(string) string, region string, now func() time.Time) (*credential, error) {
	c := &credential{bearer: value(envBearer), key: amazon.NewKey(value, region, now)}
	if c.bearer == "" && !c.key.Set() {
		return nil, errors.New(envBearer + ": set it to a key of Bedrock, or set " + amazon.EnvID + " and " + amazon.EnvSecret)
	}
	return c, nil
}
