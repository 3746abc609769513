// Package databricks drives a workspace of Databricks (https://docs.databricks.com): chats
// and vectors of its serving endpoints, fine-tunes as runs of its Jobs API on serverless GPUs,
// with their files in a volume of Unity Catalog and what they make as models there, and
// endpoints that serve those models.
//
// What Databricks bills it counts in its own units (DBU), which a setting prices.
package databricks

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors.
const name = "databricks"

// The names of the settings.
const (
	envHost     = "DATABRICKS_HOST"
	envToken    = "DATABRICKS_TOKEN" // #nosec G101 -- the name of a setting
	envClient   = "DATABRICKS_CLIENT_ID"
	envSecret   = "DATABRICKS_CLIENT_SECRET" // #nosec G101 -- the name of a setting
	envVolume   = "DATABRICKS_VOLUME"
	envFolder   = "DATABRICKS_FOLDER"
	envTuned    = "DATABRICKS_TUNED"
	envMachines = "DATABRICKS_TRAINING"
	envServing  = "DATABRICKS_SERVING"
	envUnit     = "DATABRICKS_DBU_USD"
)

var settings = []providers.Setting{
	{Env: envHost, Required: true, Help: "address of the workspace: https://NAME.cloud.databricks.com"},
	{
		Env: envToken, Secret: true,
		Help: "personal access token, from the workspace's page Developer; without it a service principal asks for tokens",
	},
	{Env: envClient, Help: "id of a service principal that has access, for OAuth"},
	{Env: envSecret, Secret: true, Help: "secret of that service principal"},
	{
		Env: envVolume,
		Help: "volume of Unity Catalog for what fine-tunes read and leave, as /Volumes/CATALOG/SCHEMA/NAME: tuned models are " +
			"registered in its schema; without it there are no fine-tunes",
	},
	{
		Env: envFolder, Default: "/Workspace/Shared/dreamlab",
		Help: "folder of the workspace for the commands and experiments of fine-tunes",
	},
	{
		Env: envTuned, Default: "databricks-meta-llama-3-1-8b-instruct=system.ai.meta_llama_v3_1_8b_instruct," +
			"databricks-meta-llama-3-3-70b-instruct=system.ai.meta_llama_v3_3_70b_instruct",
		Help: "models that can be fine-tuned, each with the model of Unity Catalog that has its weights, as a=b,c=d",
	},
	{
		Env: envMachines, Default: "databricks-meta-llama-3-1-8b=GPU_1xH100/100,databricks-meta-llama-3-3-70b=GPU_8xH100/800",
		Help: "accelerators that fine-tune, by the beginnings of their bases' names, each with DBU an hour: set those of your " +
			"price list, the defaults are assumed",
	},
	{
		Env: envServing, Default: "databricks-meta-llama-3-1-8b=53.571,databricks-meta-llama-3-3-70b=85.714",
		Help: "DBU an hour of an endpoint that serves a tuned model at the least throughput, by the beginnings of their bases' " +
			"names: set those of your price list",
	},
	{Env: envUnit, Default: "0.07", Help: "dollars for a DBU, as your price list has it"},
}

// Vendor opens the Databricks driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Options: options, Open: open, Sandbox: sandbox}

// sandbox leads the driver to Databricks' emulator.
func sandbox(address, credential string) map[string]string {
	return map[string]string{envHost: address, envToken: credential, envVolume: "/Volumes/dreamlab/tuning/files"}
}

// driver asks the endpoints of a workspace.
type driver struct {
	*openai.Client
	host string
}

var _ providers.Embedder = (*driver)(nil)

// trainingDriver is a driver that has a volume for fine-tunes.
type trainingDriver struct {
	*driver
	place
}

var _ providers.Trains = (*trainingDriver)(nil)

func open(config providers.Config) (providers.Driver, error) {
	value := func(env string) string { return openai.Value(config, settings, env) }
	host, err := openai.CheckBase(envHost, value(envHost))
	if err != nil {
		return nil, err
	}
	d := &driver{host: host}
	dialect := openai.Dialect{
		Provider: name, Base: host + "/serving-endpoints", Key: value(envToken), URL: d.url, Options: options, Words: words,
		Encode: encode, Classify: classify, Tiers: map[string]bool{},
	}
	if dialect.Key == "" {
		if err := principal(&dialect, host, value, config); err != nil {
			return nil, err
		}
	}
	d.Client = openai.New(dialect, config)
	if value(envVolume) == "" {
		return d, nil
	}
	at, err := newPlace(value)
	if err != nil {
		return nil, err
	}
	return &trainingDriver{d, at}, nil
}

// url returns where an endpoint takes chats, and where all take vectors by the name in the
// body.
func (d *driver) url(route, model string) string {
	if route == openai.RouteChat {
		return d.host + "/serving-endpoints/" + url.PathEscape(model) + "/invocations"
	}
	return d.host + "/serving-endpoints" + route
}

// place is where fine-tunes happen and what they cost.
type place struct {
	volume  string            // "/Volumes/catalog/schema/name"
	schema  string            // "catalog.schema"
	folder  string            // "/Workspace/…"
	weights map[string]string // models of Unity Catalog, by the names of the endpoints of their bases
	compute rates             // for trainings
	serving rates             // for endpoints
}

// goodVolume is the form of a volume, goodFolder that of a folder.
var (
	goodVolume = regexp.MustCompile(`^/Volumes/([a-z0-9_]+)/([a-z0-9_]+)/[a-z0-9_]+(/[A-Za-z0-9._-]+)*$`)
	goodFolder = regexp.MustCompile(`^/Workspace(/[A-Za-z0-9@._ -]+)+$`)
)

func newPlace(value func(env string) string) (at place, err error) {
	at.volume, at.folder = strings.TrimRight(value(envVolume), "/"), strings.TrimRight(value(envFolder), "/")
	parts := goodVolume.FindStringSubmatch(at.volume)
	if parts == nil {
		return at, errors.New(envVolume + ": write it as /Volumes/CATALOG/SCHEMA/NAME")
	}
	if !goodFolder.MatchString(at.folder) {
		return at, errors.New(envFolder + ": write it as /Workspace/Shared/NAME")
	}
	at.schema = parts[1] + "." + parts[2]
	if at.weights, err = parsePairs(envTuned, value(envTuned)); err != nil {
		return at, err
	}
	if at.compute, err = parseRates(envMachines, value(envMachines), value(envUnit)); err != nil {
		return at, err
	}
	at.serving, err = parseRates(envServing, value(envServing), value(envUnit))
	return at, err
}

// parsePairs reads a=b,c=d.
func parsePairs(setting, text string) (map[string]string, error) {
	pairs := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		key, value, found := strings.Cut(part, "=")
		if !found || key == "" || value == "" {
			return nil, fmt.Errorf("%s: %q is no pair: write it as a=b,c=d", setting, part)
		}
		pairs[key] = value
	}
	return pairs, nil
}
