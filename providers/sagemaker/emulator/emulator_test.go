package emulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"go.uber.org/goleak"

	"dreamlab/providers/sagemaker/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *sandboxtest.Rig {
	return sandboxtest.Start(t, emulator.New, lab.Options{})
}

const (
	base     = "meta-textgeneration-llama-3-1-8b-instruct"
	weights  = "s3://jumpstart-cache-prod-us-east-1/training/" + base + "/"
	standing = "/endpoints/jumpstart-llama-3-1-8b-instruct/invocations"
)

// object is what a request or an answer holds.
type object = map[string]any

// signed sends a request with a signature by AWS's own signer, which may be changed then.
func signed(t *testing.T, rig *sandboxtest.Rig, r *http.Request, service string, body []byte, change func(*http.Request)) *sandboxtest.Answer {
	t.Helper()
	hash := sha256.Sum256(body)
	sum := hex.EncodeToString(hash[:])
	r.Header.Set("X-Amz-Content-Sha256", sum)
	keys := aws.Credentials{AccessKeyID: "AKIASANDBOX", SecretAccessKey: "sandbox"}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, sum, service, "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	return rig.Send(r)
}

func request(t *testing.T, rig *sandboxtest.Rig, method, path string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, rig.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ask asks for an operation of the control plane.
func ask(t *testing.T, rig *sandboxtest.Rig, operation string, in object) *sandboxtest.Answer {
	t.Helper()
	return askChanged(t, rig, operation, in, nil)
}

func askChanged(
	t *testing.T, rig *sandboxtest.Rig, operation string, in object, change func(*http.Request),
) *sandboxtest.Answer {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, rig, http.MethodPost, "/", body)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "SageMaker."+operation)
	return signed(t, rig, r, "sagemaker", body, change)
}

func refused(t *testing.T, a *sandboxtest.Answer, status int, name, words string) {
	t.Helper()
	a.Is(t, status, "__type", name)
	if a.Header.Get("x-amzn-ErrorType") != name || !strings.Contains(a.Text("message"), words) {
		t.Errorf("%s, want %s: %s", a.Body, name, words)
	}
}

// Signatures are computed again, over all that they cover.
func TestSignatures(t *testing.T) {
	t.Parallel()
	rig := start(t)
	ask(t, rig, "ListEndpoints", object{}).Is(t, 200, "Endpoints.0.EndpointStatus", "InService")
	for name, change := range map[string]func(*http.Request){
		"InvalidSignatureException":           func(r *http.Request) { r.Header.Set("X-Amz-Target", "SageMaker.DeleteModel") },
		"MissingAuthenticationTokenException": func(r *http.Request) { r.Header.Del("Authorization") },
		"UnrecognizedClientException": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIASANDBOX", "AKIAOTHER", 1))
		},
	} {
		refused(t, askChanged(t, rig, "ListEndpoints", object{}, change), 403, name, "")
	}
	refused(t, askChanged(t, rig, "ListEndpoints", object{}, func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "/sagemaker/", "/bedrock/", 1))
	}), 403, "InvalidSignatureException", "correct service")
}

// order is a sound training job, but for what more says.
func order(name string, more object) object {
	in := object{
		"TrainingJobName": name, "RoleArn": "arn:aws:iam::123456789012:role/sandbox",
		"AlgorithmSpecification": object{"TrainingImage": "image", "TrainingInputMode": "File"},
		"HyperParameters":        object{"epoch": "1"},
		"InputDataConfig": []any{
			object{"ChannelName": "training", "DataSource": object{"S3DataSource": object{
				"S3DataType": "S3Prefix", "S3Uri": "s3://sandbox/rows/"}}},
			object{"ChannelName": "model", "DataSource": object{"S3DataSource": object{
				"S3DataType": "S3Prefix", "S3Uri": weights, "ModelAccessConfig": object{"AcceptEula": true}}}},
		},
		"OutputDataConfig":  object{"S3OutputPath": "s3://sandbox/models"},
		"ResourceConfig":    object{"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100},
		"StoppingCondition": object{"MaxRuntimeInSeconds": 36000},
	}
	for member, value := range more {
		in[member] = value
	}
	return in
}

func putRows(t *testing.T, rig *sandboxtest.Rig, rows string) {
	t.Helper()
	body := []byte(rows)
	rig.Want(signed(t, rig, request(t, rig, http.MethodPut, "/s3/sandbox/rows/train.jsonl", body), "s3", body, nil), 200)
}

const row = `{"dialog":[{"role":"user","content":"Where?"},{"role":"assistant","content":"There."}]}` + "\n"

// What SageMaker refuses has its names and words.
func TestRefusals(t *testing.T) {
	t.Parallel()
	rig := start(t)
	refused(t, ask(t, rig, "CreateTrainingJob", order("none", nil)), 400, "ValidationException", "No S3 objects found")
	putRows(t, rig, row)
	machine := func(kind string) object {
		return object{"ResourceConfig": object{"InstanceType": kind, "InstanceCount": 1, "VolumeSizeInGB": 1}}
	}
	for words, more := range map[string]object{
		"trainingJobName":                {"TrainingJobName": "a_b"},
		"roleArn":                        {"RoleArn": "sandbox"},
		"MaxWaitTimeInSeconds must be":   {"EnableManagedSpotTraining": true},
		"only for managed spot training": {"StoppingCondition": object{"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
		"less than or equal to 256":      {"HyperParameters": object{"epoch": strings.Repeat("1", 257)}},
		"s3OutputPath":                   {"OutputDataConfig": object{"S3OutputPath": "bucket"}},
	} {
		refused(t, ask(t, rig, "CreateTrainingJob", order("job", more)), 400, "ValidationException", words)
	}
	refused(t, ask(t, rig, "CreateTrainingJob", order("job", machine("ml.p5.48xlarge"))), 400, "ResourceLimitExceeded", "service limit")
	ask(t, rig, "CreateTrainingJob", order("job", nil)).Is(t, 200)
	refused(t, ask(t, rig, "CreateTrainingJob", order("job", nil)), 400, "ResourceInUse", "already exists")
	refused(t, ask(t, rig, "DescribeTrainingJob", object{"TrainingJobName": "other"}), 400, "ValidationException", "not found")
	refused(t, ask(t, rig, "DescribeHubContent", object{"HubName": "SageMakerPublicHub"}), 400, "ResourceNotFound", "does not exist")
	refused(t, ask(t, rig, "CreateEndpoint", object{"EndpointName": "a", "EndpointConfigName": "b"}), 400,
		"ValidationException", "Could not find endpoint-config")
	refused(t, ask(t, rig, "DescribePipeline", object{}), 404, "UnknownOperationException", "")
	body := []byte(`{"messages":[]}`)
	r := request(t, rig, http.MethodPost, standing, body)
	refused(t, signed(t, rig, r, "sagemaker", body, nil), 424, "ModelError", "Received client error (400)")
}

// described moves the time and tells where a job is.
func described(t *testing.T, rig *sandboxtest.Rig, name string, by time.Duration) *sandboxtest.Answer {
	t.Helper()
	rig.Lab.Advance(by)
	return rig.Want(ask(t, rig, "DescribeTrainingJob", object{"TrainingJobName": name}), 200)
}

// A job goes through its words, and each second of its machine is billed.
func TestJobIsBilledBySeconds(t *testing.T) {
	t.Parallel()
	rig := start(t)
	putRows(t, rig, strings.Repeat(row, 4))
	ask(t, rig, "CreateTrainingJob", order("job", nil)).Is(t, 200)
	described(t, rig, "job", 0).Is(t, 200, "TrainingJobStatus", "InProgress", "SecondaryStatus", "Starting")
	described(t, rig, "job", 10*time.Minute).Is(t, 200, "SecondaryStatus", "Training", "BillableTimeInSeconds", "300")
	described(t, rig, "job", 4*time.Hour).Is(t, 200, "TrainingJobStatus", "Completed", "BillableTimeInSeconds", "6600",
		"ModelArtifacts.S3ModelArtifacts", "s3://sandbox/models/job/output/model.tar.gz")
	if paid := rig.Payment("sagemaker", "fine-tune:"+base); paid.Calls != 1 || paid.NanoUSD != (6600*7_090_000_000+3599)/3600 {
		t.Errorf("paid %+v", paid)
	}
}

// Rows of another form fail the job once it has begun, which is paid; a job that runs into its
// limit is stopped.
func TestJobsThatEndBadly(t *testing.T) {
	t.Parallel()
	rig := start(t)
	putRows(t, rig, `{"messages":[]}`)
	ask(t, rig, "CreateTrainingJob", order("bad", nil)).Is(t, 200)
	bad := described(t, rig, "bad", time.Hour)
	bad.Is(t, 200, "TrainingJobStatus", "Failed", "BillableTimeInSeconds", "60")
	if !strings.Contains(bad.Text("FailureReason"), "AlgorithmError") {
		t.Errorf("%s", bad.Body)
	}
	putRows(t, rig, row)
	ask(t, rig, "CreateTrainingJob", order("long", object{"StoppingCondition": object{"MaxRuntimeInSeconds": 600}})).Is(t, 200)
	described(t, rig, "long", time.Hour).Is(t, 200, "TrainingJobStatus", "Stopped", "SecondaryStatus", "MaxRuntimeExceeded",
		"BillableTimeInSeconds", "600")
	ask(t, rig, "CreateTrainingJob", order("stopped", nil)).Is(t, 200)
	ask(t, rig, "StopTrainingJob", object{"TrainingJobName": "stopped"}).Is(t, 200)
	described(t, rig, "stopped", 0).Is(t, 200, "TrainingJobStatus", "Stopping")
	described(t, rig, "stopped", time.Hour).Is(t, 200, "TrainingJobStatus", "Stopped", "SecondaryStatus", "Stopped")
}

// Spot machines that are taken away cost nothing meanwhile, and the job goes on.
func TestSpotInterruption(t *testing.T) {
	t.Parallel()
	rig := start(t)
	putRows(t, rig, row)
	rig.Fault(lab.Fault{Vendor: "sagemaker", Route: "/CreateTrainingJob", Kind: lab.FaultInterrupt, Times: sandboxtest.Once()})
	spot := object{
		"EnableManagedSpotTraining": true,
		"StoppingCondition":         object{"MaxRuntimeInSeconds": 36000, "MaxWaitTimeInSeconds": 72000},
	}
	ask(t, rig, "CreateTrainingJob", order("on-demand", nil)).Is(t, 200) // takes no notice
	ask(t, rig, "CreateTrainingJob", order("spot", spot)).Is(t, 200)
	described(t, rig, "spot", 51*time.Minute).Is(t, 200, "TrainingJobStatus", "InProgress", "SecondaryStatus", "Interrupted",
		"BillableTimeInSeconds", "2700")
	described(t, rig, "spot", 50*time.Minute).Is(t, 200, "BillableTimeInSeconds", "2700")
	described(t, rig, "spot", 4*time.Hour).Is(t, 200, "TrainingJobStatus", "Completed", "BillableTimeInSeconds", "6600")
	described(t, rig, "on-demand", 0).Is(t, 200, "TrainingJobStatus", "Completed", "BillableTimeInSeconds", "6600")
}
