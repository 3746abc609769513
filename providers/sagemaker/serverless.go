package sagemaker

import (
	"context"
	"maps"
	"strings"

	"dreamlab/providers"
)

// serverless fine-tunes the models of the hub by serverless customization: jobs without machines of the account's,
// billed by tokens, which leave an adapter and register it as a version of a model package
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ServerlessJobConfig.html). All else of its jobs is
// as that of jobs with machines.
type serverless struct {
	*tuner
	group  string // ARN of the model package group
	mlflow string // ARN of what logs the trainings, "" for nothing
}

// serverlessJob is what a job without machines is ordered with.
type serverlessJob struct {
	Base      string `json:"BaseModelArn"`
	Kind      string `json:"JobType"`
	Accept    bool   `json:"AcceptEula,omitempty"`
	Technique string `json:"CustomizationTechnique"`
	Peft      string `json:"Peft"`
	Sequence  string `json:"SequenceLength,omitempty"`
}

type packageGroup struct {
	ARN string `json:"ModelPackageGroupArn"`
}

type mlflow struct {
	ARN string `json:"MlflowResourceArn"`
	Run string `json:"MlflowRunName"`
}

// The channels of jobs without machines.
const (
	channelTrain = "train"
	kindFineTune = "FineTuning"
)

// doubtful is what is to know of a price by tokens.
const doubtful = "what a token of serverless training costs is set in " + envTokens + ", not told by AWS"

// way is how one base is trained by one technique.
type way struct {
	base   content
	recipe recipe
	params parameters
}

// way finds how a base is trained by a technique.
func (s serverless) way(ctx context.Context, base, technique string) (way, error) {
	found, err := s.content(ctx, base)
	if err != nil {
		return way{}, err
	}
	r, has := found.recipe(technique)
	switch {
	case !has:
		return way{}, gone(base, "has no recipe of serverless "+technique+" that is billed by tokens: choose another base")
	case s.rate(base) == 0:
		return way{}, gone(base, "has no price of serverless training: name what a million tokens cost in "+envTokens)
	}
	params, err := s.fetch(ctx, r)
	return way{found, r, params}, err
}

// Tunable asks the hub for the recipes of a model, as [providers.Trainer] says.
func (s serverless) Tunable(ctx context.Context, base string) (providers.TuneLimits, error) {
	w, err := s.way(ctx, base, techniqueSFT)
	if err != nil {
		return providers.TuneLimits{}, err
	}
	limits := providers.TuneLimits{
		MaxEpochs: int(w.params.most(paramEpochs)), MaxRank: int(w.params.most(paramRank)), MaxSequence: w.recipe.sequence(w.params),
		MinBatch: 1, MaxBatch: int(w.params.most(paramBatch)), NanoPerMillion: s.rate(base), Doubt: doubtful,
	}
	r, has := w.base.recipe(techniqueDPO)
	if !has {
		return limits, nil
	}
	params, err := s.fetch(ctx, r)
	if beta := params[paramBeta]; err == nil && beta.Least != nil && beta.Most != nil {
		limits.Pairs = &providers.PairLimits{MinBeta: *beta.Least, MaxBeta: *beta.Most}
	}
	return limits, err
}

// technique is how a training learns, which the form of its rows has to fit.
func (s serverless) technique(spec providers.TrainSpec) (string, error) {
	if err := checkSpec(spec); err != nil {
		return "", err
	}
	switch pairs := s.holdsPairs(spec.File); {
	case spec.Beta < 0:
		return "", invalid("beta", "beta is above 0")
	case spec.Beta > 0 && !pairs:
		return "", invalid("file", "the file has no preference pairs: take the method sft")
	case spec.Beta > 0:
		return techniqueDPO, nil
	case pairs:
		return "", invalid("file", "the file has preference pairs: take the method dpo")
	}
	return techniqueSFT, nil
}

// Estimate tells what a training costs at most: its rows by their bytes, of pairs the prompt with each answer.
func (s serverless) Estimate(ctx context.Context, spec providers.TrainSpec) (providers.Estimate, error) {
	technique, err := s.technique(spec)
	if err != nil {
		return providers.Estimate{}, err
	}
	if _, err := s.way(ctx, spec.Base, technique); err != nil {
		return providers.Estimate{}, err
	}
	_, tokens, err := s.runtime(ctx, spec)
	if err != nil {
		return providers.Estimate{}, err
	}
	if technique == techniqueDPO {
		tokens *= 2
	}
	return providers.Estimate{Available: true, Allowed: true, Nano: tokenCost(tokens, s.rate(spec.Base)), TrainTokens: tokens}, nil
}

// Start orders a training by its name, as that with machines does.
func (s serverless) Start(ctx context.Context, spec providers.TrainSpec) (providers.Training, error) {
	technique, err := s.technique(spec)
	if err != nil {
		return providers.Training{}, err
	}
	w, err := s.way(ctx, spec.Base, technique)
	if err != nil {
		return providers.Training{}, err
	}
	if w.base.Gated && !s.licence {
		return providers.Training{}, unlicensed(spec.Base)
	}
	hyper, err := w.params.fill(spec)
	if err != nil {
		return providers.Training{}, err
	}
	return s.create(ctx, s.serverlessOrder(spec, w, hyper), spec)
}

// serverlessOrder is what a training is ordered with.
func (s serverless) serverlessOrder(spec providers.TrainSpec, w way, hyper map[string]string) jobOrder {
	named := jobPrefix + spec.Suffix
	o := jobOrder{
		Name: named, Role: s.role, Parameters: hyper, Input: []channel{folderOf(channelTrain, spec.File)},
		Output: output{s.bucket.URI("models"), "NONE"}, Stopping: stopping{Runtime: s.hours * 3600},
		Serverless: &serverlessJob{w.base.ARN, kindFineTune, w.base.Gated, w.recipe.Technique, lora, w.recipe.Sequence},
		Package:    &packageGroup{s.group}, Tags: []tag{{"dreamlab", spec.Suffix}},
	}
	if spec.Validation != "" {
		o.Input = append(o.Input, folderOf(channelValidation, spec.Validation))
	}
	if s.mlflow != "" {
		o.Mlflow = &mlflow{s.mlflow, named}
	}
	return o
}

// rate is what a million tokens of serverless training cost, nano-dollars; 0 where that is not known.
func (t *tuner) rate(base string) int64 { return t.tokens[t.hubName(base)] }

// tokenCost is what some tokens cost at a rate per million, nano-dollars, rounded up.
func tokenCost(tokens, rate int64) int64 {
	return providers.Rates{In: rate}.Cost(providers.Usage{Input: tokens})
}

// billed tells what a job without machines cost, by the tokens that are billed. Until SageMaker tells them, and
// where their price is not known any more, that is not known.
func (t *tuner) billed(made *providers.Training, j job) {
	rate := t.rate(made.Base)
	if j.Tokens == nil || rate == 0 {
		if made.State.Ended() {
			made.Charge = providers.ChargeUnknown
		}
		return
	}
	made.Tokens, made.Nano = *j.Tokens, tokenCost(*j.Tokens, rate)
}

// The folders that a training without machines leaves below its model: its adapter, and whole weights.
const (
	adapterFolder = "checkpoints/hf/"
	mergedFolder  = "checkpoints/hf_merged/"
)

// adapterFiles are those of an adapter's folder that it can not be served without.
var adapterFiles = [...]string{"adapter_config.json", "adapter_model.safetensors"}

// left tells the tags of the files of an adapter in our folder of S3, nil where one is not there. S3 gives a
// file another tag with each other content.
func (t *tuner) left(ctx context.Context, adapter string) (map[string]string, error) {
	folder, tags := strings.TrimPrefix(adapter, t.bucket.URI("")), map[string]string{}
	for _, file := range adapterFiles {
		tagged, found, err := t.bucket.Tag(ctx, folder+file)
		if err != nil || !found {
			return nil, err
		}
		tags[file] = tagged
	}
	return tags, nil
}

// ours tells whether an adapter stands in our folder of S3.
func (t *tuner) ours(adapter string) bool { return strings.HasPrefix(adapter, t.bucket.URI("")) }

// sound fails where the files of an adapter in our folder are not those that its training left.
func (t *tuner) sound(ctx context.Context, known trained) error {
	if !t.ours(known.Adapter) {
		return nil
	}
	tags, err := t.left(ctx, known.Adapter)
	switch {
	case err != nil:
		return err
	case tags == nil || known.Tags == nil:
		return invalid("trained", "the training has left no whole adapter in "+known.Adapter)
	case !maps.Equal(tags, known.Tags):
		return invalid("trained", "the adapter in "+known.Adapter+" is not the one that the training left: train it again")
	}
	return nil
}

// inPackage fails where the version of the model package, as which a training was registered, is not complete
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModelPackage.html).
func (t *tuner) inPackage(ctx context.Context, known trained) error {
	var found struct {
		Status string `json:"ModelPackageStatus"`
	}
	err := t.ask(ctx, "DescribeModelPackage", map[string]string{"ModelPackageName": known.Package}, &found)
	switch {
	case absent(err):
		return invalid("trained", "the model package "+known.Package+" is not there any more")
	case err != nil:
		return err
	case found.Status != "Completed":
		return invalid("trained", "the model package "+known.Package+" is "+found.Status)
	}
	return nil
}
