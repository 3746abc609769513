package sagemaker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dreamlab/providers"
)

// The techniques of serverless customization that are driven.
const (
	techniqueSFT = "SFT"
	techniqueDPO = "DPO"
)

// lora is what recipes call training by an adapter.
const lora = "LORA"

// recipe says how a model of the hub is trained without machines of one's own, by one technique, and how what
// comes of it is served. SageMaker's own SDK for Python reads the same
// (https://docs.aws.amazon.com/sagemaker/latest/dg/customize-model.html).
type recipe struct {
	Technique    string          `json:"CustomizationTechnique"`
	Peft         any             `json:"Peft"` // "LORA", nothing, or a mere true
	Metering     string          `json:"ServerlessMeteringType"`
	Sequence     string          `json:"SequenceLength"` // as "4K"
	Parameters   string          `json:"SmtjOverrideParamsS3Uri"`
	Subscription bool            `json:"IsSubscriptionModel"`
	Hosting      []hostingConfig `json:"HostingConfigs"`
}

// hostingConfig is one way to serve what a recipe makes: a container that holds the base and its adapters.
type hostingConfig struct {
	Profile     string            `json:"Profile"`
	Instance    string            `json:"InstanceType"`
	Image       string            `json:"EcrAddress"`
	Environment map[string]string `json:"Environment"`
	Needs       struct {
		CPUs    int `json:"NumberOfCpuCoresRequired"`
		Devices int `json:"NumberOfAcceleratorDevicesRequired"`
	} `json:"ComputeResourceRequirements"`
}

// byTokens tells whether a recipe trains an adapter and is billed by tokens, which is what the hub leaves out as a rule.
func (r recipe) byTokens() bool {
	return strings.EqualFold(fmt.Sprint(r.Peft), lora) && !r.Subscription && r.Parameters != "" &&
		(r.Metering == "" || r.Metering == "Token-based")
}

// recipe finds how a model is trained by a technique.
func (c content) recipe(technique string) (recipe, bool) {
	at := slices.IndexFunc(c.Recipes, func(r recipe) bool { return r.Technique == technique && r.byTokens() })
	if at < 0 {
		return recipe{}, false
	}
	return c.Recipes[at], true
}

// servedOn chooses the machine: the one that the hub takes by default where it has a price, else the first that has.
func (r recipe) servedOn(machines instances) (hostingConfig, bool) {
	var found hostingConfig
	for _, c := range r.Hosting {
		if machines[c.Instance] > 0 && (found.Instance == "" || c.Profile == "Default") {
			found = c
		}
	}
	return found, found.Instance != ""
}

// maxRank is the largest rank of the adapters that the container loads, 0 where it does not say.
func (h hostingConfig) maxRank() int {
	rank, err := strconv.Atoi(h.Environment["OPTION_MAX_LORA_RANK"])
	if err != nil {
		return 0
	}
	return rank
}

// parameter is what a recipe says of one hyper-parameter.
type parameter struct {
	Default any      `json:"default"`
	Least   *float64 `json:"min"`
	Most    *float64 `json:"max"`
	Enum    []any    `json:"enum"`
}

// parameters are a recipe's hyper-parameters, by their names.
type parameters map[string]parameter

// The names of hyper-parameters in recipes. What DPO calls beta is adam_beta there: it is handed on as beta.
const (
	paramEpochs   = "max_epochs"
	paramRate     = "learning_rate"
	paramRank     = "lora_rank"
	paramAlpha    = "lora_alpha"
	paramBatch    = "global_batch_size"
	paramSeed     = "seed"
	paramBeta     = "adam_beta"
	paramMerge    = "merge_weights"
	paramSequence = "dataset_max_len"
)

// fetch reads a recipe's hyper-parameters, which stand in a bucket of AWS's.
func (t *tuner) fetch(ctx context.Context, r recipe) (found parameters, err error) {
	bucket, key, err := t.foreign(r.Parameters)
	if err != nil {
		return nil, t.client.Refused("", err)
	}
	err = bucket.Read(ctx, key, &found)
	return found, err
}

// most is the largest value that one takes, 0 where nothing bounds it.
func (ps parameters) most(named string) (most float64) {
	p := ps[named]
	if p.Most != nil {
		most = *p.Most
	}
	for _, value := range p.Enum {
		if number, is := value.(float64); is {
			most = max(most, number)
		}
	}
	return most
}

// takes says what is wrong with a value, "" where nothing is.
func (ps parameters) takes(named string, value float64) string {
	p := ps[named]
	among := slices.ContainsFunc(p.Enum, func(v any) bool { return v == any(value) })
	switch {
	case p.Least != nil && value < *p.Least, p.Most != nil && value > *p.Most:
		return fmt.Sprintf("%s is from %s to %s there", named, text(deref(p.Least)), text(deref(p.Most)))
	case len(p.Enum) > 0 && !among:
		return fmt.Sprintf("%s is one of %v there", named, p.Enum)
	}
	return ""
}

// deref is a bound, or nil where there is none.
func deref(bound *float64) any {
	if bound == nil {
		return nil
	}
	return *bound
}

// fill makes all hyper-parameters of a training, of which the spec's outrank the recipe's: nothing is left to a
// default of the service. Their values are texts.
func (ps parameters) fill(spec providers.TrainSpec) (map[string]string, error) {
	asked := map[string]float64{
		paramEpochs: float64(spec.Epochs), paramRate: spec.LearningRate, paramRank: float64(spec.Rank),
		paramAlpha: float64(spec.Alpha), paramSeed: float64(spec.Seed),
	}
	if spec.BatchSize > 0 {
		asked[paramBatch] = float64(spec.BatchSize)
	}
	if spec.Beta > 0 {
		asked[paramBeta] = spec.Beta
	}
	all := map[string]string{}
	for named, p := range ps {
		if value := worded(p.Default); value != "" {
			all[named] = value
		}
	}
	for _, named := range slices.Sorted(maps.Keys(asked)) {
		if _, known := ps[named]; !known && named != paramSeed {
			return nil, invalid(named, "the recipe of the base has no "+named+": choose another base")
		}
		if wrong := ps.takes(named, asked[named]); wrong != "" {
			return nil, invalid(named, wrong)
		}
		all[named] = text(asked[named])
	}
	if _, known := ps[paramMerge]; known {
		all[paramMerge] = "True"
	}
	return all, nil
}

// worded is a default as the service takes it from its own SDK, whose truths begin with a capital.
func worded(value any) string {
	switch value {
	case true:
		return "True"
	case false:
		return "False"
	}
	return text(value)
}

// sequence is how many tokens a row may have: what rows are cut at by default, else what the recipe is made for.
func (r recipe) sequence(ps parameters) int {
	if most, is := ps[paramSequence].Default.(float64); is && most > 0 {
		return int(most)
	}
	thousands, err := strconv.Atoi(strings.TrimSuffix(r.Sequence, "K"))
	if err != nil {
		return 0
	}
	return thousands << 10
}
