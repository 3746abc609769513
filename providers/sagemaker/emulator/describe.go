package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// job finds the job that an operation is about.
func (e *emulator) job(r *http.Request) (work.Training, *lab.Failure) {
	var ask struct {
		Name string `json:"TrainingJobName"`
	}
	if refused := read(r, &ask); refused != nil {
		return work.Training{}, refused
	}
	found, refused := e.account.Trainings.Training(ask.Name)
	if refused != nil {
		refused = refuse("Requested resource not found.")
	}
	return found, refused
}

// overtime tells whether SageMaker has stopped a job at its limit.
func overtime(t work.Training, now time.Time) bool {
	return t.State(now) == work.TrainingFailed && t.Reason == work.OverTime
}

// status are SageMaker's two words for where a job is.
func (e *emulator) status(t work.Training, now time.Time) (status, secondary string) {
	state := t.State(now)
	switch {
	case overtime(t, now):
		return "Stopped", "MaxRuntimeExceeded"
	case t.Away(now):
		return "InProgress", "Interrupted"
	}
	words := map[work.TrainingState][2]string{
		work.TrainingPending: {"InProgress", "Starting"}, work.TrainingQueued: {"InProgress", "Pending"},
		work.TrainingRunning: {"InProgress", "Training"}, work.TrainingPacking: {"InProgress", "Training"},
		work.TrainingSaving: {"InProgress", "Uploading"}, work.TrainingCancelling: {"Stopping", "Stopping"},
		work.TrainingCancelled: {"Stopped", "Stopped"}, work.TrainingSucceeded: {"Completed", "Completed"},
		work.TrainingFailed: {"Failed", "Failed"}, work.TrainingRejected: {"Failed", "Failed"},
	}[state]
	return words[0], words[1]
}

// step is a part of a job's way.
type step struct {
	word, message string
	at            time.Time
}

func (s step) object() any {
	return map[string]any{"Status": s.word, "StatusMessage": s.message, "StartTime": stamp(s.at)}
}

// transitions are what a job has gone through so far.
func (e *emulator) transitions(t work.Training, now time.Time) []any {
	steps := []step{
		{"Starting", "Starting the training job", t.Created},
		{"Pending", "Preparing the instances for training", t.Created.Add(time.Minute)},
		{"Downloading", "Downloading input data", t.Started},
		{"Training", "Training image download completed. Training in progress.", t.Started.Add(time.Minute)},
	}
	if s := t.Spot; s != nil && !s.Lost.IsZero() {
		steps = append(steps, step{"Interrupted", "The spot instances were interrupted", s.Lost},
			step{"Restarting", "Restarting the training from the last checkpoint", s.Back},
			step{"Training", "Training in progress.", s.Back.Add(time.Minute)})
	}
	steps = append(steps, step{"Uploading", "Uploading generated training model", t.Saving})
	list := []any{}
	for _, s := range steps {
		if !s.at.After(now) && !s.at.After(t.Finish()) {
			list = append(list, s.object())
		}
	}
	if t.State(now).Ended() {
		_, word := e.status(t, now)
		list = append(list, step{word, "Training job " + strings.ToLower(word), t.Finish()}.object())
	}
	return list
}

// summary is what the list of jobs tells of one.
func (e *emulator) summary(t work.Training) map[string]any {
	now := e.lab.Now()
	status, secondary := e.status(t, now)
	object := map[string]any{
		"TrainingJobName": t.ID, "TrainingJobArn": jobARN(t.ID), "TrainingJobStatus": status, "SecondaryStatus": secondary,
		"CreationTime": stamp(t.Created), "LastModifiedTime": stamp(now),
	}
	if t.State(now).Ended() {
		object["TrainingEndTime"] = stamp(t.Finish())
	}
	return object
}

// described is a training job
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html).
func (e *emulator) described(t work.Training) map[string]any {
	ask, now, object := asked(t), e.lab.Now(), e.summary(t)
	for member, value := range map[string]any{
		"RoleArn": ask.Role, "HyperParameters": ask.Parameters,
		"InputDataConfig": ask.Input, "OutputDataConfig": ask.Output, "StoppingCondition": ask.Stopping,
		"EnableManagedSpotTraining": ask.Spot, "EnableNetworkIsolation": ask.Isolated,
		"SecondaryStatusTransitions": e.transitions(t, now),
	} {
		object[member] = value
	}
	if ask.Serverless != nil {
		maps.Copy(object, tokensOf(t, ask, now))
	} else {
		object["AlgorithmSpecification"], object["ResourceConfig"] = ask.Algorithm, map[string]any{
			"InstanceType": ask.Resources.Instance, "InstanceCount": ask.Resources.Count, "VolumeSizeInGB": ask.Resources.Volume,
		}
	}
	if !now.Before(t.Started) {
		object["TrainingStartTime"], object["TrainingTimeInSeconds"] = stamp(t.Started), t.Seconds(now)
		if ask.Serverless == nil {
			object["BillableTimeInSeconds"] = t.Seconds(now)
		}
	}
	switch t.State(now) {
	case work.TrainingSucceeded:
		object["ModelArtifacts"] = map[string]any{"S3ModelArtifacts": t.Name}
	case work.TrainingFailed:
		if !overtime(t, now) {
			object["FailureReason"] = "InternalServerError: " + t.Reason
		}
	case work.TrainingRejected:
		object["FailureReason"] = "AlgorithmError: ExecuteUserScriptError: ExitCode 1 ErrorMessage \"" + t.Reason + "\", exit code: 1"
	}
	return object
}

func (e *emulator) describeJob(r *http.Request) (any, *lab.Failure) {
	found, refused := e.job(r)
	if refused != nil {
		return nil, refused
	}
	return e.described(found), nil
}

// listJobs lists the jobs whose names hold a text, the newest first, by pages.
func (e *emulator) listJobs(r *http.Request) (any, *lab.Failure) {
	var ask struct {
		page
		Holds  string `json:"NameContains"`
		Status string `json:"StatusEquals"`
	}
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	listed := slices.DeleteFunc(e.account.Trainings.List(), func(t work.Training) bool {
		status, _ := e.status(t, e.lab.Now())
		return !strings.Contains(t.ID, ask.Holds) || ask.Status != "" && status != ask.Status
	})
	slices.Reverse(listed)
	return ask.of("TrainingJobSummaries", lab.Objects(listed, func(t work.Training) any { return e.summary(t) })), nil
}

// page is a part of a list that is asked for.
type page struct {
	Most int    `json:"MaxResults"`
	Next string `json:"NextToken"`
}

// of makes the answer with a part of a list.
func (p page) of(member string, list []any) any {
	from := lab.Between(p.Next, 0, len(list), 0)
	to := min(from+lab.Between(strconv.Itoa(p.Most), 1, 100, 10), len(list))
	answer := map[string]any{member: list[from:to]}
	if to < len(list) {
		answer["NextToken"] = strconv.Itoa(to)
	}
	return answer
}

func (e *emulator) stopJob(r *http.Request) (any, *lab.Failure) {
	found, refused := e.job(r)
	if refused != nil {
		return nil, refused
	}
	if _, refused = e.account.Trainings.Cancel(found.ID); refused != nil {
		status, _ := e.status(found, e.lab.Now())
		return nil, refuse("The request was rejected because the training job is in status %s.", status)
	}
	return map[string]any{}, nil
}
