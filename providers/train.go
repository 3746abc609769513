package providers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// Handle is a vendor's own state, as it goes into our rows: plain JSON that only the
// vendor's driver reads. Keep the newest one that it gave.
type Handle = json.RawMessage

// Trains is a driver whose vendor fine-tunes.
type Trains interface{ Trainer() Trainer }

// Trainer fine-tunes. Long work is two calls: the one that starts it returns a
// plain handle, the others take it. As with [Driver], each method is one attempt,
// fails with an [*Error] and is safe for concurrent use.
//
// A trainer may be a [Filer], an [Estimator], a [Logger] or a [Pauser] beside it.
type Trainer interface {
	// Tunable fails with KindModelGone when base can not be fine-tuned.
	Tunable(ctx context.Context, base string) (TuneLimits, error)
	// Start starts a training. It is never called twice for one spec without a
	// Find between: a vendor may have no idempotency key.
	Start(ctx context.Context, spec TrainSpec) (Training, error)
	// Find lists the vendor's trainings and returns the one that has the
	// spec's suffix, file and base, created at notBefore or later.
	Find(ctx context.Context, spec TrainSpec, notBefore time.Time) (training Training, found bool, err error)
	// Poll tells how far a training is.
	Poll(ctx context.Context, handle Handle) (Training, error)
	// Cancel asks for the end; the training may still complete.
	Cancel(ctx context.Context, handle Handle) (Training, error)
}

// Filer is a trainer that takes training files by upload.
type Filer interface {
	// Upload sends a JSONL training file. Name holds the content's sha256, so
	// that FindFile can adopt it when the answer was lost.
	Upload(ctx context.Context, file Upload) (FileStatus, error)
	// FindFile looks for an uploaded file by name; KindInvalid with Status 404
	// is never returned for absence: found is false instead.
	FindFile(ctx context.Context, name string) (file FileStatus, found bool, err error)
	// File tells how far the vendor's validation is.
	File(ctx context.Context, id string) (FileStatus, error)
	// DeleteFile has the vendor delete a file. One that is gone is no error.
	DeleteFile(ctx context.Context, id string) error
}

// Estimator is a trainer that tells the price of a training before it is started.
type Estimator interface {
	Estimate(ctx context.Context, spec TrainSpec) (Estimate, error)
}

// Logger is a trainer that tells what happened in a training.
type Logger interface {
	// Events lists what happened, oldest first.
	Events(ctx context.Context, handle Handle) ([]TrainingEvent, error)
	// Checkpoints lists the saved states, oldest first.
	Checkpoints(ctx context.Context, handle Handle) ([]Checkpoint, error)
}

// Pauser is a trainer whose vendor pauses a training that runs, and goes on with it. What can not be
// paused, or not yet, is refused with KindInvalid.
type Pauser interface {
	Pause(ctx context.Context, handle Handle) (Training, error)
	Resume(ctx context.Context, handle Handle) (Training, error)
}

// Exporter is a trainer whose adapters do not stay with it: a host that is an [Importer] can
// serve them.
type Exporter interface {
	// Adapter tells what a training that has succeeded left.
	Adapter(ctx context.Context, handle Handle) ([]AdapterFile, error)
}

// AdapterFile is a file of an adapter, in the bucket.
type AdapterFile struct {
	Name   string `json:"name"`
	Object string `json:"object"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Adapter is what an [Importer] is given.
type Adapter struct {
	Name  string // unique
	Base  string // the host's name of the base
	Files []AdapterFile
	// Open reads a file in the bucket. The caller closes it.
	Open func(ctx context.Context, object string) (io.ReadCloser, error)
}

// Checked opens a file of the adapter. Reading it fails at its end where the content is not what
// its sha256 says. The caller closes it.
func (a Adapter) Checked(ctx context.Context, f AdapterFile) (io.ReadCloser, error) {
	content, err := a.Open(ctx, f.Object)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Name, err)
	}
	return &checked{content, f, sha256.New(), 0}, nil
}

// checked is a file on its way, with the sum of what was read.
type checked struct {
	io.ReadCloser
	file AdapterFile
	sum  hash.Hash
	read int64
}

// Read reads on.
func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.sum.Write(p[:n])
	c.read += int64(n)
	ended := errors.Is(err, io.EOF)
	if c.read > c.file.Bytes || ended && hex.EncodeToString(c.sum.Sum(nil)) != c.file.SHA256 {
		return 0, fmt.Errorf("%s does not have the sha256 that it was kept with", c.file.Name)
	}
	return n, err
}

// Importer is a host that serves adapters whoever trained them.
type Importer interface {
	// Import brings an adapter to the host, and returns what [Host.Deploy] takes as what was
	// trained. Repeating it is harmless.
	Import(ctx context.Context, adapter Adapter) (Handle, error)
}

// Merger is a trainer that leaves whole weights, with the adapter merged into them, where other services
// of its cloud read them: a host that is a [WeightsImporter] can serve them.
type Merger interface {
	// Merged tells where a training that has succeeded left them, such as s3://bucket/folder/.
	Merged(ctx context.Context, handle Handle) (uri string, err error)
}

// Weights are what a [WeightsImporter] is given.
type Weights struct {
	Name string // unique
	Base string // the host's name of the base
	URI  string // of their folder
}

// WeightsImporter is a host that serves whole weights of its cloud, whoever trained them.
type WeightsImporter interface {
	// ImportWeights returns what [Host.Deploy] takes as what was trained. Repeating it is harmless.
	ImportWeights(ctx context.Context, weights Weights) (Handle, error)
}

// Runs keeps trainings that people run on machines of their own. An error is of the store
// that keeps them.
type Runs interface {
	// Begin keeps the run of a spec. One that is kept already stays as it was.
	Begin(ctx context.Context, spec TrainSpec) (OwnRun, error)
	// Find returns the run of a spec.
	Find(ctx context.Context, spec TrainSpec) (run OwnRun, found bool, err error)
	// Run returns the run of an id.
	Run(ctx context.Context, id string) (run OwnRun, found bool, err error)
	// Stop tells a run's session to end, with the answer to its next message.
	Stop(ctx context.Context, id string) error
	// Archive writes down beside the files of a run that has ended what they are.
	Archive(ctx context.Context, id string) ([]AdapterFile, error)
}

// OwnRun is a training on somebody's own machine, as its sessions told of it.
type OwnRun struct {
	ID      string
	Base    string
	SHA256  string // of the rows
	State   RunState
	Stopped bool // it was told to end
	Created time.Time
	Heard   time.Time // when the newest message came; zero before the first
	Step    int
	Total   int // steps in all; 0 while unknown
	Saved   int // the step of the newest checkpoint; 0 without one
	Events  []TrainingEvent
}

// RunState is how far an [OwnRun] is.
type RunState string

// The states of a run.
const (
	RunWaiting RunState = "waiting" // for its first session
	RunRunning RunState = "running" // its last session has not said that it ends
	RunPaused  RunState = "paused"  // its last session ended in time
	RunEnded   RunState = "ended"   // its adapter is whole
)

// TuneLimits bounds a training of one base model.
type TuneLimits struct {
	MaxEpochs   int
	MaxRank     int // of an adapter; 0 where the vendor is not told one
	MaxSequence int // tokens
	MinBatch    int
	MaxBatch    int
	Full, Doubt string // as those of [Hosting], of one more training
	// NanoPerMillion is what a million trained tokens cost, nano-dollars; 0 where the catalogue says so.
	NanoPerMillion int64
	Pairs          *PairLimits // of trainings on preference pairs; nil where the trainer has none
}

// PairLimits bounds trainings on preference pairs by DPO (https://arxiv.org/abs/2305.18290).
type PairLimits struct{ MinBeta, MaxBeta float64 }

// Upload is a training file on its way.
type Upload struct {
	Name string // unique by content: "<sha256>.jsonl"
	Size int64  // bytes
	Open func() (io.ReadCloser, error)
}

// FileStatus is a file at the vendor.
type FileStatus struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Ready bool   `json:"ready"`
	// Invalid is the vendor's word on what is wrong with which line; empty while the file may still become ready.
	Invalid string `json:"invalid,omitempty"`
	Lines   int64  `json:"lines,omitempty"`
}

// TrainSpec is all that defines a training. Every hyper-parameter is sent.
type TrainSpec struct {
	Base string `json:"base"` // the vendor's name of the base model
	File string `json:"file"` // the vendor's id of the training file
	// Validation is the vendor's id of the file that the training is measured on, "" where there is none.
	Validation string `json:"validation,omitempty"`
	Suffix     string `json:"suffix"`
	// Tune, Object and SHA256 are for a trainer that reads the rows where they stand: the tune
	// that they are of, their name in the bucket, and their hash.
	Tune         string  `json:"tune,omitempty"`
	Object       string  `json:"object,omitempty"`
	SHA256       string  `json:"sha256,omitempty"`
	Epochs       int     `json:"epochs"`
	Checkpoints  int     `json:"checkpoints"`
	BatchSize    int     `json:"batch_size"`    // 0 lets the vendor take its largest
	LearningRate float64 `json:"learning_rate"` // dimensionless
	Rank         int     `json:"rank"`          // LoRA rank
	Alpha        int     `json:"alpha"`         // LoRA alpha
	Seed         int64   `json:"seed"`
	// Beta is how near to its base DPO holds the model. Above 0 the file has preference pairs, at 0 conversations.
	Beta float64 `json:"beta,omitempty"`
}

// WithoutPairs fails where preference pairs are to be trained on. A trainer that has no DPO asks it first.
func (s TrainSpec) WithoutPairs(provider string) error {
	if s.Beta == 0 {
		return nil
	}
	return &Error{
		Kind: KindInvalid, Provider: provider, Param: "method", Charge: ChargeNone,
		Message: provider + " does not train on preference pairs (dpo): take the method sft",
	}
}

// TrainingState is the state of a training, whatever the vendor calls it.
type TrainingState string

// The states. A vendor's unknown word is TrainingRunning: never an end.
const (
	TrainingQueued    TrainingState = "queued"
	TrainingRunning   TrainingState = "running"
	TrainingPaused    TrainingState = "paused" // by us or by the vendor
	TrainingSucceeded TrainingState = "succeeded"
	TrainingFailed    TrainingState = "failed"
	TrainingCancelled TrainingState = "cancelled"
)

// Ended tells whether the state is final.
func (s TrainingState) Ended() bool {
	return s == TrainingSucceeded || s == TrainingFailed || s == TrainingCancelled
}

// Training is a fine-tune at the vendor, as of now.
type Training struct {
	ID       string        `json:"id"` // as people see it
	Handle   Handle        `json:"handle"`
	State    TrainingState `json:"state"`
	Status   string        `json:"status"` // the vendor's own word
	Reason   string        `json:"reason,omitempty"`
	Base     string        `json:"base"`
	Suffix   string        `json:"suffix"`
	File     string        `json:"file"`
	Nano     int64         `json:"nano"`             // cost so far or in all, nano-dollars; 0 where the vendor does not tell
	Charge   Charge        `json:"charge,omitempty"` // what is billed of one without a model where Nano is 0. Defaults to nothing.
	Tokens   int64         `json:"tokens"`
	Steps    int           `json:"steps"`
	Total    int           `json:"total"`  // steps in all; 0 while unknown
	Output   string        `json:"output"` // the vendor's name of the tuned model
	Created  time.Time     `json:"created"`
	Finished time.Time     `json:"finished"`
}

// TrainingEvent is one line of a training's log.
type TrainingEvent struct {
	Type    string    `json:"type"`
	Level   string    `json:"level"` // info, warning, error
	Message string    `json:"message"`
	Step    int       `json:"step"`
	Created time.Time `json:"created"`
}

// Checkpoint is a saved state of a training.
type Checkpoint struct {
	ID      string    `json:"id"`
	Step    int       `json:"step"`
	Final   bool      `json:"final"`
	Created time.Time `json:"created"`
}

// Host is a driver whose vendor serves tuned models. It may be a [Traffic] or a
// [Keeper] beside it.
type Host interface {
	// Hosting tells whether a tuned model on base can be served and what that
	// costs, without creating anything: KindModelGone when it can not be.
	Hosting(ctx context.Context, base string) (Hosting, error)
	// Deploy starts to serve a tuned model without sending traffic to it. The
	// spec's name makes it safe to repeat: what exists is adopted.
	Deploy(ctx context.Context, spec DeploySpec) (Deployment, error)
	// Deployment polls, and takes the next step where a vendor makes or ends one in several.
	Deployment(ctx context.Context, handle Handle) (Deployment, error)
	// Stop ends the cost: no replica is left. Repeating it is harmless.
	Stop(ctx context.Context, handle Handle) (Deployment, error)
}

// Traffic is a host whose deployments share names that clients call.
type Traffic interface {
	// SetTraffic gives a deployment its endpoint's traffic (on) or none.
	SetTraffic(ctx context.Context, handle Handle, on bool) error
}

// Keeper is a host whose deployments begin on the terms of a trial: they may cost less,
// and the vendor may end them by itself.
type Keeper interface {
	// Keep puts a deployment on the terms of service, under the names that it has. Repeating
	// it is harmless.
	Keep(ctx context.Context, handle Handle) (Deployment, error)
}

// Hosting is what serving a tuned model takes, in service.
type Hosting struct {
	Hardware    string        `json:"hardware"`
	NanoPerHour int64         `json:"nano_per_hour"`       // nano-dollars per running replica
	PerToken    bool          `json:"per_token,omitempty"` // each token is paid as one of the base's, beside the hours
	MaxRank     int           `json:"max_rank,omitempty"`  // the largest of an adapter that can be served; 0 where any can
	Cold        time.Duration `json:"cold,omitempty"`      // how long the first answer may take where nothing runs
	Region      string        `json:"region,omitempty"`
	Window      time.Duration `json:"window,omitempty"` // a replica runs only while it is asked, paid by begun windows
	Always      bool          `json:"always,omitempty"` // its machine can not be stopped from here: all hours are paid
	Doubt       string        `json:"doubt,omitempty"`  // what is not certain of the price or the room; "" where nothing is
	// Full says why nothing more can be started there now: the quota, its value, its use, the region and how
	// to raise it. It is "" where there is room, and where a quota can not be read, which Doubt then tells.
	Full string `json:"full,omitempty"`
	// Weights is the name by which another vendor trains the base's weights, as a rule that on Hugging
	// Face. Defaults to the base's name.
	Weights string `json:"weights,omitempty"`
}

// DeploySpec names what to serve.
type DeploySpec struct {
	Name    string // unique: makes the endpoint's and the deployment's names
	Trained Handle // of the training that has succeeded
	Base    string
}

// DeploymentState is the state of a deployment, whatever the vendor calls it.
type DeploymentState string

// The states. A vendor's unknown word is DeploymentStarting.
const (
	DeploymentStarting DeploymentState = "starting"
	DeploymentReady    DeploymentState = "ready"
	DeploymentStopping DeploymentState = "stopping"
	DeploymentStopped  DeploymentState = "stopped"
	DeploymentFailed   DeploymentState = "failed"
)

// Deployment is a served model, as of now.
type Deployment struct {
	Handle  Handle          `json:"handle"`
	State   DeploymentState `json:"state"`
	Message string          `json:"message,omitempty"`
	// Direct is the model name that reaches this deployment whether or not it
	// has traffic; Routed is the name that follows the endpoint's traffic.
	Direct      string        `json:"direct"`
	Routed      string        `json:"routed"`
	NanoPerHour int64         `json:"nano_per_hour"`    // as it runs now, which may be on trial
	Window      time.Duration `json:"window,omitempty"` // as in [Hosting]
	PerToken    bool          `json:"per_token,omitempty"`
}
