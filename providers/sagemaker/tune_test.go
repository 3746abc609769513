package sagemaker_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/sagemaker"
)

// account answers the operations of the control plane with fixed texts, and keeps what was asked.
type account struct {
	answers map[string]string
	refusal string // answers CreateTrainingJob where it is set
	asked   map[string]string
}

const document = `{\"TrainingEcrUri\":\"image\",\"TrainingScriptUri\":\"s3://hub/script.tar.gz\",` +
	`\"TrainingArtifactUri\":\"s3://hub/weights/\",\"DefaultTrainingInstanceType\":\"ml.g5.12xlarge\",\"TrainingVolumeSize\":200,` +
	`\"TrainingEnableNetworkIsolation\":true,\"GatedBucket\":true,\"HostingEcrUri\":\"server\",` +
	`\"DefaultInferenceInstanceType\":\"ml.g5.4xlarge\",\"Hyperparameters\":[{\"Name\":\"epoch\",\"Default\":5},` +
	`{\"Name\":\"learning_rate\",\"Default\":\"0.1\"},{\"Name\":\"lora_r\",\"Default\":\"8\"},{\"Name\":\"lora_alpha\",\"Default\":\"32\"},` +
	`{\"Name\":\"chat_dataset\",\"Default\":\"False\"},{\"Name\":\"int8_quantization\",\"Default\":\"False\"}]}`

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if operation == "" {
		operation = r.Method
	}
	a.asked[operation] = string(body)
	w.Header().Set("Content-Length", "1000")
	switch {
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
	case r.Method == http.MethodHead:
	case operation == "DescribeHubContent":
		w.Header().Del("Content-Length")
		_, err = io.WriteString(w, `{"HubContentDocument":"`+document+`"}`)
	case operation == "CreateTrainingJob" && a.refusal != "":
		w.Header().Del("Content-Length")
		w.WriteHeader(http.StatusBadRequest)
		_, err = io.WriteString(w, a.refusal)
	default:
		w.Header().Del("Content-Length")
		_, err = io.WriteString(w, a.answers[operation])
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

func trainerAt(t *testing.T, a *account, change map[string]string) providers.Trainer {
	t.Helper()
	a.asked = map[string]string{}
	server := httptest.NewServer(a)
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	values := settings(server.URL)
	for name, value := range change {
		values[name] = value
	}
	driver, err := sagemaker.Vendor.Open(providers.Config{Values: values, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return driver.(providers.Trains).Trainer()
}

func spec() providers.TrainSpec {
	return providers.TrainSpec{
		Base: llama, File: "s3://sandbox/tunes/rows/abc/", Suffix: "dl-1", Epochs: 3, LearningRate: 2e-5, Rank: 16, Alpha: 16, Seed: 7,
	}
}

// A training is ordered with all that the hub says, of which the spec's own outrank the defaults.
func TestTrainingOnTheWire(t *testing.T) {
	t.Parallel()
	a := &account{answers: map[string]string{"CreateTrainingJob": `{"TrainingJobArn":"arn"}`}}
	made, err := trainerAt(t, a, map[string]string{"SAGEMAKER_SPOT": "true"}).Start(t.Context(), spec())
	if err != nil || made.ID != "dreamlab-dl-1" || made.State != providers.TrainingQueued {
		t.Fatalf("%+v, %v", made, err)
	}
	want := `{"TrainingJobName":"dreamlab-dl-1","RoleArn":"arn:aws:iam::123456789012:role/sandbox",` +
		`"AlgorithmSpecification":{"TrainingImage":"image","TrainingInputMode":"File"},"HyperParameters":{"chat_dataset":"True",` +
		`"epoch":"3","int8_quantization":"False","learning_rate":"2e-05","lora_alpha":"16","lora_r":"16",` +
		`"sagemaker_container_log_level":"20","sagemaker_program":"transfer_learning.py",` +
		`"sagemaker_submit_directory":"/opt/ml/input/data/code/sourcedir.tar.gz"},"InputDataConfig":[` +
		`{"ChannelName":"training","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://sandbox/tunes/rows/abc/",` +
		`"S3DataDistributionType":"FullyReplicated"}}},` +
		`{"ChannelName":"model","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://hub/weights/",` +
		`"S3DataDistributionType":"FullyReplicated","ModelAccessConfig":{"AcceptEula":true}}}},` +
		`{"ChannelName":"code","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://hub/script.tar.gz",` +
		`"S3DataDistributionType":"FullyReplicated"}}}],` +
		`"OutputDataConfig":{"S3OutputPath":"s3://sandbox/tunes/models","CompressionType":"NONE"},` +
		`"ResourceConfig":{"InstanceType":"ml.g5.12xlarge","InstanceCount":1,"VolumeSizeInGB":200},` +
		`"StoppingCondition":{"MaxRuntimeInSeconds":10803,"MaxWaitTimeInSeconds":21606},"EnableNetworkIsolation":true,` +
		`"EnableManagedSpotTraining":true,"CheckpointConfig":{"S3Uri":"s3://sandbox/tunes/checkpoints/dreamlab-dl-1"},` +
		`"Tags":[{"Key":"dreamlab","Value":"dl-1"}]}`
	if got := a.asked["CreateTrainingJob"]; got != want {
		t.Errorf("asked\n%s\nwant\n%s", got, want)
	}
}

// A licence that nobody has accepted is not accepted by us.
func TestLicence(t *testing.T) {
	t.Parallel()
	a := &account{}
	_, err := trainerAt(t, a, map[string]string{"SAGEMAKER_ACCEPT_EULA": ""}).Start(t.Context(), spec())
	if providers.KindOf(err) != providers.KindInvalid || !strings.Contains(err.Error(), "SAGEMAKER_ACCEPT_EULA") ||
		a.asked["CreateTrainingJob"] != "" {
		t.Errorf("%v", err)
	}
}

// Words that are not known are no end, and what SageMaker itself has stopped has failed.
func TestTrainingStates(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]providers.TrainingState{
		"InProgress Starting": providers.TrainingQueued, "InProgress Pending": providers.TrainingQueued,
		"InProgress Training": providers.TrainingRunning, "InProgress Interrupted": providers.TrainingRunning,
		"InProgress Dreaming": providers.TrainingRunning, "Deleting Deleting": providers.TrainingRunning,
		"Stopping Stopping": providers.TrainingRunning, "Stopped Stopped": providers.TrainingCancelled,
		"Completed Completed": providers.TrainingSucceeded, "Failed Failed": providers.TrainingFailed,
		"Stopped MaxRuntimeExceeded": providers.TrainingFailed, "Stopped MaxWaitTimeExceeded": providers.TrainingFailed,
	} {
		status, secondary, _ := strings.Cut(words, " ")
		a := &account{answers: map[string]string{"DescribeTrainingJob": `{"TrainingJobName":"dreamlab-dl-1","TrainingJobStatus":"` +
			status + `","SecondaryStatus":"` + secondary + `","FailureReason":"why","CreationTime":1767225600.5,` +
			`"TrainingEndTime":1767232800,"BillableTimeInSeconds":3600,"ModelArtifacts":{"S3ModelArtifacts":"s3://m/"},` +
			`"ResourceConfig":{"InstanceType":"ml.g5.12xlarge","InstanceCount":1}}`}}
		got, err := trainerAt(t, a, nil).Poll(t.Context(), providers.Handle(`{"job":"dreamlab-dl-1","base":"b"}`))
		if err != nil || got.State != want || got.Nano != 7_090_000_000 || got.Base != "b" ||
			!got.Created.Equal(time.Date(2026, 1, 1, 0, 0, 0, 500_000_000, time.UTC)) {
			t.Errorf("%s: %+v, %v", words, got, err)
		}
		if (got.Reason != "") != (want == providers.TrainingFailed) || (got.Output != "") != (want == providers.TrainingSucceeded) ||
			got.Finished.IsZero() == want.Ended() {
			t.Errorf("%s: %+v", words, got)
		}
	}
}

// A name that is taken is a training that was ordered before; a quota of nothing is told.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	found := `{"TrainingJobName":"dreamlab-dl-1","TrainingJobStatus":"InProgress","SecondaryStatus":"Training"}`
	a := &account{
		answers: map[string]string{"DescribeTrainingJob": found},
		refusal: `{"__type":"com.amazonaws.sagemaker#ResourceInUse","message":"a job with this name already exists"}`,
	}
	got, err := trainerAt(t, a, nil).Start(t.Context(), spec())
	if err != nil || got.ID != "dreamlab-dl-1" || got.State != providers.TrainingRunning {
		t.Errorf("%+v, %v", got, err)
	}
	a.refusal = `{"__type":"ResourceLimitExceeded","message":"The account-level service limit is 0 Instances"}`
	_, err = trainerAt(t, a, nil).Start(t.Context(), spec())
	if providers.KindOf(err) != providers.KindQuota {
		t.Errorf("%v, want a quota", err)
	}
}

// Rows are written as the container reads them, one of another form is left as it is, and S3 is
// told what their sum is.
func TestRowsAreDialogs(t *testing.T) {
	t.Parallel()
	a := &account{}
	filer := trainerAt(t, a, nil).(providers.Filer)
	content := `{"messages":[{"role":"user","content":"a"}],"weight":1}` + "\n" + `{"text":"b"}` + "\n"
	got, err := filer.Upload(t.Context(), providers.Upload{
		Name: "abc.jsonl", Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	})
	want := `{"dialog":[{"role":"user","content":"a"}]}` + "\n" + `{"text":"b"}` + "\n"
	if err != nil || got.ID != "s3://sandbox/tunes/rows/abc/" || a.asked["PUT"] != want || got.Bytes != int64(len(want)) {
		t.Errorf("%+v, %v, sent %s", got, err, a.asked["PUT"])
	}
	if !json.Valid([]byte(strings.SplitN(want, "\n", 2)[0])) {
		t.Error("the row is no JSON")
	}
}
