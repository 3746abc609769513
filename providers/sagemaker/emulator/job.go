package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// jobAsk is what a training job is ordered with
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html).
type jobAsk struct {
	Name        string            `json:"TrainingJobName"`
	Role        string            `json:"RoleArn"`
	Algorithm   *algorithm        `json:"AlgorithmSpecification,omitempty"`
	Parameters  map[string]string `json:"HyperParameters"`
	Input       []channel         `json:"InputDataConfig"`
	Output      output            `json:"OutputDataConfig"`
	Resources   *resources        `json:"ResourceConfig,omitempty"`
	Stopping    stopping          `json:"StoppingCondition"`
	Isolated    bool              `json:"EnableNetworkIsolation"`
	Spot        bool              `json:"EnableManagedSpotTraining"`
	Checkpoints json.RawMessage   `json:"CheckpointConfig,omitempty"`
	Serverless  *serverless       `json:"ServerlessJobConfig,omitempty"`
	Package     *packageConfig    `json:"ModelPackageConfig,omitempty"`
	Mlflow      *mlflow           `json:"MlflowConfig,omitempty"`
}

type algorithm struct {
	Image string `json:"TrainingImage"`
	Mode  string `json:"TrainingInputMode"`
}

type output struct {
	Path   string `json:"S3OutputPath"`
	Packed string `json:"CompressionType,omitempty"`
}

type resources struct {
	Instance string `json:"InstanceType"`
	Count    int    `json:"InstanceCount"`
	Volume   int    `json:"VolumeSizeInGB"`
}

type stopping struct {
	Runtime int64 `json:"MaxRuntimeInSeconds"`
	Wait    int64 `json:"MaxWaitTimeInSeconds,omitempty"`
}

type channel struct {
	Name   string `json:"ChannelName"`
	Source source `json:"DataSource"`
}

// source is where something stands in S3.
type source struct {
	S3 s3Source `json:"S3DataSource"`
}

type s3Source struct {
	Kind   string   `json:"S3DataType"`
	URI    string   `json:"S3Uri"`
	Packed string   `json:"CompressionType,omitempty"`
	Access *licence `json:"ModelAccessConfig,omitempty"`
}

type licence struct {
	Accepted bool `json:"AcceptEula"`
}

// channel finds what one of the job's channels reads.
func (ask *jobAsk) channel(named string) (found s3Source) {
	for _, c := range ask.Input {
		if c.Name == named {
			found = c.Source.S3
		}
	}
	return found
}

var (
	goodName = regexp.MustCompile(`^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$`)
	goodRole = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`)
)

// maxParameter is the length of a hyper-parameter's name and of its value.
const maxParameter = 256

// failed is how SageMaker names a member that is not what it has to be.
const failed = "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint"

// check refuses what SageMaker refuses of a job before it has machines.
func (ask *jobAsk) check() *lab.Failure {
	switch {
	case !goodName.MatchString(ask.Name):
		return refuse(failed, ask.Name, "trainingJobName")
	case !goodRole.MatchString(ask.Role):
		return refuse(failed, ask.Role, "roleArn")
	case ask.Stopping.Runtime < 0 || ask.Stopping.Runtime > 28*24*3600 || ask.Stopping.Runtime == 0 && ask.Serverless == nil:
		return refuse(failed, strconv.FormatInt(ask.Stopping.Runtime, 10), "stoppingCondition.maxRuntimeInSeconds")
	case ask.Spot && ask.Stopping.Wait < ask.Stopping.Runtime:
		return refuse("MaxWaitTimeInSeconds must be greater than or equal to MaxRuntimeInSeconds")
	case !ask.Spot && ask.Stopping.Wait != 0:
		return refuse("MaxWaitTimeInSeconds is only for managed spot training")
	case !strings.HasPrefix(ask.Output.Path, "s3://"):
		return refuse(failed, ask.Output.Path, "outputDataConfig.s3OutputPath")
	}
	refused := ask.checkMachines()
	if ask.Serverless != nil {
		refused = ask.checkServerless()
	}
	if refused != nil {
		return refused
	}
	for named, value := range ask.Parameters {
		if len(named) > maxParameter || len(value) > maxParameter {
			return refuse("1 validation error detected: Map value must have length less than or equal to %d", maxParameter)
		}
	}
	return nil
}

// checkMachines refuses what SageMaker refuses of a job with machines of the account's.
func (ask *jobAsk) checkMachines() *lab.Failure {
	switch {
	case ask.Algorithm == nil || ask.Algorithm.Image == "" || ask.Algorithm.Mode != "File":
		return refuse(failed, "", "algorithmSpecification.trainingInputMode")
	case ask.Resources == nil || ask.Resources.Count < 1 || ask.Resources.Volume < 1:
		return refuse(failed, "", "resourceConfig")
	case ask.Package != nil || ask.Mlflow != nil:
		return refuse("ModelPackageConfig and MlflowConfig are only for jobs with a ServerlessJobConfig")
	}
	return nil
}

// base is the model of the hub whose weights the job reads, and what is wrong with that.
func (e *emulator) base(ask *jobAsk) (string, *lab.Failure) {
	weights := ask.channel("model")
	id, _ := strings.CutPrefix(weights.URI, hubBucket+"training/")
	id = strings.TrimSuffix(id, "/")
	base, known := e.hub[id]
	switch {
	case !known:
		return "", refuse("No S3 objects found under S3 URL \"%s\" given in input data source.", weights.URI)
	case base.gated && (weights.Access == nil || !weights.Access.Accepted):
		return "", refuse("The model requires that its end-user license agreement is accepted: set AcceptEula in ModelAccessConfig.")
	}
	return id, nil
}

func jobARN(named string) string {
	return "arn:aws:sagemaker:" + region + ":" + account + ":training-job/" + named
}

func (e *emulator) createJob(r *http.Request) (any, *lab.Failure) {
	ask := &jobAsk{}
	refused := read(r, ask)
	if refused == nil {
		refused = ask.check()
	}
	if refused != nil {
		return nil, refused
	}
	if _, refused := e.account.Trainings.Training(ask.Name); refused == nil {
		return nil, inUse("Job name must be unique within an AWS account and region, and a job with this name already exists (%s)",
			jobARN(ask.Name))
	}
	if ask.Serverless != nil {
		return byTokens{e}.createServerless(r, ask)
	}
	base, refused := e.base(ask)
	if refused == nil {
		refused = limits{e}.beyond(ask.Resources.Instance, ask.use(), ask.Resources.Count)
	}
	if refused != nil {
		return nil, refused
	}
	file, refused := e.rows(r, ask, "training", ofDialog)
	if refused != nil {
		return nil, refused
	}
	epochs, err := strconv.Atoi(ask.Parameters["epoch"])
	if err != nil {
		epochs = 5 // as the container has it
	}
	planned := work.Training{
		ID: ask.Name, Base: base, File: file.ID, Epochs: max(epochs, 1), Model: ask.Name, Name: artefact(ask), Request: encoded(ask),
		Hour: hourly(ask.Resources.Instance) * int64(ask.Resources.Count), Reason: file.Report.Error,
		Limit: time.Duration(ask.Stopping.Runtime) * time.Second,
	}
	if ask.Spot {
		planned.Spot = &work.Spot{}
	}
	made, refused := e.account.Trainings.Train(r, planned)
	if refused == nil {
		refused = e.keepMerged(ask, made, made.Name)
	}
	return map[string]any{"TrainingJobArn": jobARN(ask.Name)}, refused
}

// keepMerged notes whole weights, where the job leaves them.
func (e *emulator) keepMerged(ask *jobAsk, made work.Training, uri string) *lab.Failure {
	if ask.Parameters["merge_weights"] != "True" || made.Ending != work.TrainingSucceeded {
		return nil
	}
	merged := amazon.Merged{Rows: made.File, Architecture: e.hub[made.Base].architecture(), Ready: made.Ends}
	if err := amazon.KeepMerged(e.lab, uri, merged); err != nil {
		return lab.NotKept(err)
	}
	return nil
}

// artefact is where a job leaves its model.
func artefact(ask *jobAsk) string {
	end := "/output/model.tar.gz"
	if ask.Output.Packed == "NONE" {
		end = "/output/model/"
	}
	return strings.TrimSuffix(ask.Output.Path, "/") + "/" + ask.Name + end
}

// rows keeps the rows of a job's folder, each as the sandbox learns from it.
func (e *emulator) rows(r *http.Request, ask *jobAsk, channel string, of func(line []byte) []byte) (work.File, *lab.Failure) {
	training := ask.channel(channel)
	prefix, placed := amazon.Split(training.URI)
	objects := slices.DeleteFunc(e.objects.Below(prefix), func(object string) bool { return !strings.HasSuffix(object, ".jsonl") })
	if !placed || len(objects) == 0 || training.Kind != "S3Prefix" {
		return work.File{}, refuse("No S3 objects found under S3 URL \"%s\" given in input data source. Please ensure that "+
			"the bucket exists in the selected region (%s), that objects exist under that S3 prefix.", training.URI, region)
	}
	content, refused := e.objects.Open(objects[0])
	if refused != nil {
		return work.File{}, refused
	}
	defer content.Close()
	messages, err := ofLines(content, of)
	if err != nil {
		return work.File{}, lab.NotKept(err)
	}
	return e.account.Files.Take(r, work.File{ID: lab.NewID("rows-"), Name: ask.Name, Rows: true}, messages)
}

// ofLines puts rows into the form that the sandbox learns from.
func ofLines(content io.Reader, of func(line []byte) []byte) (io.Reader, error) {
	var out bytes.Buffer
	lines := bufio.NewScanner(content)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		out.Write(append(of(lines.Bytes()), '\n'))
	}
	return &out, lines.Err()
}

// ofDialog reads a dialog. A row of another form fails the job.
func ofDialog(line []byte) []byte {
	var row struct {
		Dialog json.RawMessage `json:"dialog"`
	}
	if json.Unmarshal(line, &row) == nil && row.Dialog != nil {
		return slices.Concat([]byte(`{"messages":`), row.Dialog, []byte("}"))
	}
	return []byte(`{"error":"the row has no dialog"}`)
}

// asked is what a job was ordered with.
func asked(t work.Training) (ask jobAsk) {
	if err := json.Unmarshal(t.Request, &ask); err != nil { // it was written by createJob
		panic(err)
	}
	return ask
}
