package sagemaker

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// The bounds of a training with an adapter. The hub tells ranges for none of its containers'
// hyper-parameters: these are what its largest models are known to take.
const (
	maxRank     = 256
	maxEpochs   = 50
	maxSequence = 8192 // tokens of one row
)

// The channels that JumpStart's containers read.
const (
	channelTraining   = "training"
	channelValidation = "validation"
	channelModel      = "model"
	channelCode       = "code"
)

// tuner fine-tunes the models of the hub by training jobs, which leave their models in S3.
type tuner struct {
	*files
	rooms    rooms
	role     string
	machines instances
	named    map[string]string // models of the hub, by the endpoints that serve them
	tokens   instances         // nano-dollars for a million tokens trained without machines, by the hub's names
	licence  bool              // the operator accepts those of models
	spot     bool
	hours    int64 // most of one training
}

var (
	_ providers.Trainer   = (*tuner)(nil)
	_ providers.Filer     = (*tuner)(nil)
	_ providers.Estimator = (*tuner)(nil)
	_ providers.Logger    = (*tuner)(nil)
	_ providers.Merger    = (*tuner)(nil)
)

// Tunable asks the hub for a model, as [providers.Trainer] says.
func (t *tuner) Tunable(ctx context.Context, base string) (providers.TuneLimits, error) {
	found, err := t.base(ctx, base)
	if err != nil {
		return providers.TuneLimits{}, err
	}
	limits := providers.TuneLimits{MaxEpochs: maxEpochs, MaxRank: maxRank, MaxSequence: maxSequence, MinBatch: 1}
	limits.Full, limits.Doubt = t.rooms.forTraining(ctx, found.TrainingInstance, t.spot)
	return limits, nil
}

// hubName is the hub's name of a base, which may have that of an endpoint that serves it.
func (t *tuner) hubName(base string) string { return cmp.Or(t.named[base], base) }

// content describes a base.
func (t *tuner) content(ctx context.Context, base string) (content, error) {
	return t.find(ctx, t.hubName(base))
}

// base describes a model that can be fine-tuned.
func (t *tuner) base(ctx context.Context, base string) (content, error) {
	found, err := t.content(ctx, base)
	if err != nil {
		return content{}, err
	}
	return found, found.tunable(base, t.machines)
}

// The time that a training may take: to begin with, and for its tokens.
const (
	startSeconds    = 3 * 3600
	tokensPerSecond = 500
	bytesPerToken   = 2 // at least, with the JSON around it
)

// runtime bounds the seconds of a training by the tokens of its rows: SageMaker stops it then.
func (t *tuner) runtime(ctx context.Context, spec providers.TrainSpec) (seconds, tokens int64, err error) {
	rows, err := t.File(ctx, spec.File)
	if err != nil {
		return 0, 0, err
	}
	if rows.Invalid != "" {
		return 0, 0, invalid("file", rows.Invalid)
	}
	tokens = max(rows.Bytes/bytesPerToken, 1) * int64(spec.Epochs)
	return min(startSeconds+tokens/tokensPerSecond, t.hours*3600), tokens, nil
}

// Estimate tells what a training costs at most: by then SageMaker stops it.
func (t *tuner) Estimate(ctx context.Context, spec providers.TrainSpec) (providers.Estimate, error) {
	if err := checkOnMachines(spec); err != nil {
		return providers.Estimate{}, err
	}
	base, err := t.base(ctx, spec.Base)
	if err != nil {
		return providers.Estimate{}, err
	}
	seconds, tokens, err := t.runtime(ctx, spec)
	if err != nil {
		return providers.Estimate{}, err
	}
	nano := t.machines.cost(base.TrainingInstance, seconds)
	return providers.Estimate{Available: true, Allowed: true, Nano: nano, TrainTokens: tokens}, nil
}

// jobPrefix begins the names of the jobs that this package makes.
const jobPrefix = "dreamlab-"

// goodSuffix is what may stand behind the prefix: a name has 63 characters.
var goodSuffix = regexp.MustCompile(`^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,52}$`)

func suffixOf(job string) string { return strings.TrimPrefix(job, jobPrefix) }

func checkSpec(spec providers.TrainSpec) error {
	switch {
	case !goodSuffix.MatchString(spec.Suffix):
		return invalid("suffix", "give the training a suffix of 1 to 53 letters, digits and - within")
	case spec.Epochs < 1 || spec.Rank < 1 || spec.Alpha < 1 || spec.LearningRate <= 0:
		return invalid("epochs", "state epochs, rank, alpha and learning rate")
	}
	return nil
}

// checkOnMachines is checkSpec of a training with machines, whose containers learn from no pairs.
func checkOnMachines(spec providers.TrainSpec) error {
	if err := checkSpec(spec); err != nil {
		return err
	}
	return spec.WithoutPairs(name)
}

// unlicensed says that nobody has accepted the licence of a base.
func unlicensed(base string) error {
	return invalid("base", base+" has a licence: read it, and set "+envLicence+" to accept it")
}

// Start orders a training by its name, which is unique: where it was ordered before, the job
// that there is is adopted.
func (t *tuner) Start(ctx context.Context, spec providers.TrainSpec) (providers.Training, error) {
	if err := checkOnMachines(spec); err != nil {
		return providers.Training{}, err
	}
	base, err := t.base(ctx, spec.Base)
	if err != nil {
		return providers.Training{}, err
	}
	if base.Gated && !t.licence {
		return providers.Training{}, unlicensed(spec.Base)
	}
	seconds, _, err := t.runtime(ctx, spec)
	if err != nil {
		return providers.Training{}, err
	}
	return t.create(ctx, t.order(spec, base, seconds), spec)
}

// create orders a training, or adopts the one that has its name.
func (t *tuner) create(ctx context.Context, order jobOrder, spec providers.TrainSpec) (providers.Training, error) {
	err := t.ask(ctx, "CreateTrainingJob", order, nil)
	if exists(err) {
		found, err := t.describe(ctx, order.Name)
		if err != nil {
			return providers.Training{}, err
		}
		return t.training(found, spec.Base), nil
	}
	if err != nil {
		return providers.Training{}, err
	}
	return providers.Training{
		ID: order.Name, Handle: plainjson.Of(trained{Job: order.Name, Base: spec.Base}), State: providers.TrainingQueued,
		Status: "Starting", Base: spec.Base, Suffix: spec.Suffix, File: spec.File,
	}, nil
}

// order is what a training is ordered with. Its model, and its checkpoints where its machines
// may be taken away, have folders of their own.
func (t *tuner) order(spec providers.TrainSpec, base content, seconds int64) jobOrder {
	named := jobPrefix + spec.Suffix
	o := jobOrder{
		Name: named, Role: t.role, Algorithm: &algorithm{base.TrainingImage, "File"},
		Parameters: base.hyperparameters(spec), Input: t.channels(spec, base),
		Output:    output{t.bucket.URI("models"), "NONE"},
		Resources: &resources{base.TrainingInstance, 1, max(base.TrainingVolume, 1)},
		Stopping:  stopping{Runtime: seconds}, Isolated: base.TrainingIsolated,
		Tags: []tag{{"dreamlab", spec.Suffix}},
	}
	if t.spot {
		o.Spot, o.Stopping.Wait = true, 2*seconds
		o.Checkpoints = &checkpoints{t.bucket.URI("checkpoints/" + named)}
	}
	return o
}

// channels are the rows, the weights and the program of a training.
func (t *tuner) channels(spec providers.TrainSpec, base content) []channel {
	all := []channel{folderOf(channelTraining, spec.File)}
	if spec.Validation != "" {
		all = append(all, folderOf(channelValidation, spec.Validation))
	}
	weights := folderOf(channelModel, base.TrainingArtifact)
	if base.Gated {
		weights.Source.S3.Access = &modelLicence{true}
	}
	all = append(all, weights)
	if base.TrainingIsolated {
		all = append(all, folderOf(channelCode, base.TrainingScript))
	}
	return all
}

// folderOf is the channel that reads a folder.
func folderOf(named, uri string) channel {
	return channel{named, source{s3Source{Kind: "S3Prefix", URI: uri, Spread: "FullyReplicated"}}}
}

func (t *tuner) describe(ctx context.Context, named string) (job, error) {
	var found job
	if err := t.ask(ctx, "DescribeTrainingJob", map[string]string{"TrainingJobName": named}, &found); err != nil {
		return job{}, err
	}
	if found.Name == "" {
		return job{}, t.client.Garbled("the answer names no training: look for it before another try")
	}
	return found, nil
}

// clockSkew is how far SageMaker's clock may be behind ours.
const clockSkew = 5 * time.Minute

// Find looks for the job of the spec's name, which no other training has.
func (t *tuner) Find(ctx context.Context, spec providers.TrainSpec, notBefore time.Time) (providers.Training, bool, error) {
	if err := checkSpec(spec); err != nil {
		return providers.Training{}, false, err
	}
	found, err := t.describe(ctx, jobPrefix+spec.Suffix)
	if absent(err) {
		return providers.Training{}, false, nil
	}
	if err != nil {
		return providers.Training{}, false, err
	}
	if found.file() != spec.File || found.Created.time().Before(notBefore.Add(-clockSkew)) {
		return providers.Training{}, false, nil
	}
	return t.training(found, spec.Base), true, nil
}

// trained is what finds a training again, and what it makes.
type trained struct {
	Job    string `json:"job"`
	Base   string `json:"base"`
	Output string `json:"output,omitempty"` // where its model stands
	// Of a training without machines: the version of the model package, the folder of the adapter and the tags of its
	// files in S3, as they were left.
	Package string            `json:"package,omitempty"`
	Adapter string            `json:"adapter,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
}

func readTrained(handle providers.Handle) (known trained, err error) {
	if json.Unmarshal(handle, &known) != nil || !strings.HasPrefix(known.Job, jobPrefix) {
		return known, invalid("handle", "the handle is none that Start returned")
	}
	return known, nil
}

// Merged tells the folder of a training's model, where its container leaves whole weights.
func (t *tuner) Merged(ctx context.Context, handle providers.Handle) (string, error) {
	known, err := readTrained(handle)
	switch {
	case err != nil:
		return "", err
	case known.Output == "":
		return "", invalid("handle", "the training has made no model")
	case known.Adapter != "":
		return strings.TrimSuffix(known.Adapter, adapterFolder) + mergedFolder, nil
	}
	base, err := t.content(ctx, known.Base)
	switch {
	case err != nil:
		return "", err
	case !base.merges():
		return "", gone(known.Base, "is trained to an adapter, not to whole weights")
	}
	return known.Output, nil
}

// Poll tells how far a training is.
func (t *tuner) Poll(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	known, err := readTrained(handle)
	if err != nil {
		return providers.Training{}, err
	}
	found, err := t.describe(ctx, known.Job)
	if err != nil {
		return providers.Training{}, err
	}
	made := t.training(found, known.Base)
	return made, t.seal(ctx, &made)
}

// seal notes what an adapter is that a training has left, so that another is not taken for it later.
func (t *tuner) seal(ctx context.Context, made *providers.Training) error {
	known, err := readTrained(made.Handle)
	if err != nil || known.Adapter == "" || !t.ours(known.Adapter) {
		return err
	}
	if known.Tags, err = t.left(ctx, known.Adapter); err != nil {
		return err
	}
	made.Handle = plainjson.Of(known)
	return nil
}

// Cancel asks for the end; the training may complete all the same. One that has ended is told of.
func (t *tuner) Cancel(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	known, err := readTrained(handle)
	if err != nil {
		return providers.Training{}, err
	}
	err = t.ask(ctx, "StopTrainingJob", map[string]string{"TrainingJobName": known.Job}, nil)
	if err != nil && !refusedAs(err, errInvalid) {
		return providers.Training{}, err
	}
	return t.Poll(ctx, handle)
}

// Events lists what happened, as [providers.Logger] says. The lines of the container's log are
// in CloudWatch.
func (t *tuner) Events(ctx context.Context, handle providers.Handle) ([]providers.TrainingEvent, error) {
	known, err := readTrained(handle)
	if err != nil {
		return nil, err
	}
	found, err := t.describe(ctx, known.Job)
	if err != nil {
		return nil, err
	}
	return found.events(), nil
}

// Checkpoints names the model of a training that has ended well: SageMaker lists no others.
func (t *tuner) Checkpoints(ctx context.Context, handle providers.Handle) ([]providers.Checkpoint, error) {
	now, err := t.Poll(ctx, handle)
	if err != nil || now.Output == "" {
		return nil, err
	}
	return []providers.Checkpoint{{ID: now.Output, Step: now.Total, Final: true, Created: now.Finished}}, nil
}

// word puts a word of SageMaker's into the form of events: "launching_mlinstances".
func word(status string) string {
	var out strings.Builder
	for i, r := range status {
		if unicode.IsUpper(r) && i > 0 && unicode.IsLower(rune(status[i-1])) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
