package sagemaker

import (
	"cmp"
	"strings"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// channel is what a training job reads.
type channel struct {
	Name   string `json:"ChannelName"`
	Source source `json:"DataSource"`
}

type source struct {
	S3 s3Source `json:"S3DataSource"`
}

// s3Source is a folder in S3.
type s3Source struct {
	Kind   string        `json:"S3DataType"`
	URI    string        `json:"S3Uri"`
	Spread string        `json:"S3DataDistributionType,omitempty"`
	Packed string        `json:"CompressionType,omitempty"` // of a model's alone
	Access *modelLicence `json:"ModelAccessConfig,omitempty"`
}

// modelLicence accepts the licence of a model.
type modelLicence struct {
	Accept bool `json:"AcceptEula"`
}

// jobOrder orders a training
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html).
type jobOrder struct {
	Name        string            `json:"TrainingJobName"` // unique: a second order with it makes nothing
	Role        string            `json:"RoleArn"`
	Algorithm   *algorithm        `json:"AlgorithmSpecification,omitempty"`
	Parameters  map[string]string `json:"HyperParameters"`
	Input       []channel         `json:"InputDataConfig"`
	Output      output            `json:"OutputDataConfig"`
	Resources   *resources        `json:"ResourceConfig,omitempty"`
	Stopping    stopping          `json:"StoppingCondition"`
	Isolated    bool              `json:"EnableNetworkIsolation,omitempty"`
	Spot        bool              `json:"EnableManagedSpotTraining,omitempty"`
	Checkpoints *checkpoints      `json:"CheckpointConfig,omitempty"`
	Serverless  *serverlessJob    `json:"ServerlessJobConfig,omitempty"` // in place of algorithm and resources
	Package     *packageGroup     `json:"ModelPackageConfig,omitempty"`
	Mlflow      *mlflow           `json:"MlflowConfig,omitempty"`
	Tags        []tag             `json:"Tags"`
}

type algorithm struct {
	Image string `json:"TrainingImage"`
	Mode  string `json:"TrainingInputMode"`
}

type output struct {
	Path   string `json:"S3OutputPath"`
	Packed string `json:"CompressionType"`
}

type resources struct {
	Instance string `json:"InstanceType"`
	Count    int    `json:"InstanceCount"`
	Volume   int    `json:"VolumeSizeInGB"`
}

type stopping struct {
	Runtime int64 `json:"MaxRuntimeInSeconds"`
	Wait    int64 `json:"MaxWaitTimeInSeconds,omitempty"` // of spot training, the runtime included
}

type checkpoints struct {
	URI string `json:"S3Uri"`
}

type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// job is a training as SageMaker describes it
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html).
type job struct {
	Name      string    `json:"TrainingJobName"`
	Status    string    `json:"TrainingJobStatus"`
	Secondary string    `json:"SecondaryStatus"`
	Failure   string    `json:"FailureReason"`
	Input     []channel `json:"InputDataConfig"`
	Resources resources `json:"ResourceConfig"`
	Artefacts struct {
		URI string `json:"S3ModelArtifacts"`
	} `json:"ModelArtifacts"`
	Serverless  *serverlessJob `json:"ServerlessJobConfig"` // nil of one with machines
	Tokens      *int64         `json:"BillableTokenCount"`
	Package     string         `json:"OutputModelPackageArn"`
	Created     epoch          `json:"CreationTime"`
	Ended       epoch          `json:"TrainingEndTime"`
	Billable    int64          `json:"BillableTimeInSeconds"`
	Transitions []transition   `json:"SecondaryStatusTransitions"`
	Progress    struct {
		Steps  int `json:"TotalStepCountPerEpoch"`
		Step   int `json:"CurrentStep"`
		Epoch  int `json:"CurrentEpoch"`
		Epochs int `json:"MaxEpoch"`
	} `json:"ProgressInfo"`
}

type transition struct {
	Status  string `json:"Status"`
	Message string `json:"StatusMessage"`
	Start   epoch  `json:"StartTime"`
}

// waiting are the secondary words of a job whose machines are not there yet.
var waiting = map[string]bool{"Starting": true, "Pending": true, "LaunchingMLInstances": true, "PreparingTrainingStack": true}

// overtime says in our words why SageMaker itself has stopped a job.
var overtime = map[string]string{
	"MaxRuntimeExceeded":  "the training ran for longer than it may: raise " + envHours,
	"MaxWaitTimeExceeded": "no machine was to be had in time: train without spot machines, or raise " + envHours,
}

// state maps SageMaker's words. What is missing here is running: no unknown word is an end.
func (j job) state() providers.TrainingState {
	switch {
	case j.Status == "Completed":
		return providers.TrainingSucceeded
	case j.Status == "Failed", j.Status == "Stopped" && overtime[j.Secondary] != "":
		return providers.TrainingFailed
	case j.Status == "Stopped":
		return providers.TrainingCancelled
	case j.Status == "InProgress" && waiting[j.Secondary]:
		return providers.TrainingQueued
	}
	return providers.TrainingRunning
}

// file is the folder of the rows that the job is trained on.
func (j job) file() string {
	for _, c := range j.Input {
		if c.Name == channelTraining || c.Name == channelTrain {
			return c.Source.S3.URI
		}
	}
	return ""
}

// training tells of a job on a base, which is billed by the second of its machines, or by tokens.
func (t *tuner) training(j job, base string) providers.Training {
	known := trained{Job: j.Name, Base: base}
	made := providers.Training{
		ID: j.Name, State: j.state(), Status: j.Secondary, Base: base, File: j.file(), Suffix: suffixOf(j.Name),
		Created: j.Created.time(), Total: j.Progress.Steps * j.Progress.Epochs,
		Steps: j.Progress.Steps*max(j.Progress.Epoch-1, 0) + j.Progress.Step,
	}
	if made.State.Ended() {
		made.Finished = j.Ended.time()
	}
	if j.Serverless != nil {
		t.billed(&made, j)
	} else if made.Nano = t.machines.cost(j.Resources.Instance, j.Billable*int64(max(j.Resources.Count, 1))); made.Nano == 0 &&
		j.Billable > 0 { // the machine's price is not known
		made.Charge = providers.ChargeUnknown
	}
	switch made.State {
	case providers.TrainingSucceeded:
		made.Output, known.Output = j.Artefacts.URI, j.Artefacts.URI
		if j.Serverless != nil {
			made.Output, known.Package = j.Package, j.Package
			known.Adapter = strings.TrimSuffix(j.Artefacts.URI, "/") + "/" + adapterFolder
		}
	case providers.TrainingFailed:
		made.Reason = cmp.Or(overtime[j.Secondary], providers.Redact(j.Failure))
	}
	made.Handle = plainjson.Of(known)
	return made
}

// events are what happened to a job, in the order in which SageMaker lists it: oldest first.
func (j job) events() []providers.TrainingEvent {
	var events []providers.TrainingEvent
	for _, t := range j.Transitions {
		e := providers.TrainingEvent{Type: word(t.Status), Level: "info", Message: t.Message, Created: t.Start.time()}
		switch {
		case t.Status == "Failed" || overtime[t.Status] != "":
			e.Level = "error"
		case t.Status == "Interrupted":
			e.Level = "warning"
		}
		if e.Message == "" {
			e.Message = t.Status
		}
		e.Message = providers.Redact(e.Message)
		events = append(events, e)
	}
	return events
}
