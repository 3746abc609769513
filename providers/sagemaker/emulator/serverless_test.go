package emulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/sandbox/sandboxtest"
)

const packages = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/tunes"

// byTokens is a sound job without machines, but for what more says; nil takes a member away.
func byTokens(name string, more object) object {
	in := object{
		"TrainingJobName": name, "RoleArn": "arn:aws:iam::123456789012:role/sandbox", "HyperParameters": object{"max_epochs": "2"},
		"InputDataConfig": []any{object{"ChannelName": "train", "DataSource": object{"S3DataSource": object{
			"S3DataType": "S3Prefix", "S3Uri": "s3://sandbox/rows/"}}}},
		"OutputDataConfig":    object{"S3OutputPath": "s3://sandbox/models"},
		"ServerlessJobConfig": serverlessJob(nil), "ModelPackageConfig": object{"ModelPackageGroupArn": packages},
	}
	for member, value := range more {
		in[member] = value
		if value == nil {
			delete(in, member)
		}
	}
	return in
}

func serverlessJob(more object) object {
	in := object{
		"BaseModelArn": "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/" + base + "/2.0.0",
		"JobType":      "FineTuning", "CustomizationTechnique": "SFT", "Peft": "LORA", "AcceptEula": true,
	}
	for member, value := range more {
		in[member] = value
	}
	return in
}

const conversation = `{"messages":[{"role":"user","content":"Where?"},{"role":"assistant","content":"There."}]}` + "\n"

// Members that exclude each other, and values that the recipe does not have, are refused.
func TestServerlessRefusals(t *testing.T) {
	t.Parallel()
	rig := start(t)
	putRows(t, rig, conversation)
	for words, more := range map[string]object{
		"together with ServerlessJobConfig":    {"ResourceConfig": object{"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}},
		"AlgorithmSpecification and":           {"AlgorithmSpecification": object{"TrainingImage": "a", "TrainingInputMode": "File"}},
		"Managed spot training and":            {"CheckpointConfig": object{"S3Uri": "s3://sandbox/c"}},
		"jobType":                              {"ServerlessJobConfig": serverlessJob(object{"JobType": "Dream"})},
		"customizationTechnique":               {"ServerlessJobConfig": serverlessJob(object{"CustomizationTechnique": "GUESS"})},
		"SFT and DPO alone":                    {"ServerlessJobConfig": serverlessJob(object{"CustomizationTechnique": "RLVR"})},
		"peft":                                 {"ServerlessJobConfig": serverlessJob(object{"Peft": "QLORA"})},
		"sequence length 8K":                   {"ServerlessJobConfig": serverlessJob(object{"SequenceLength": "8K"})},
		"end-user license":                     {"ServerlessJobConfig": serverlessJob(object{"AcceptEula": false})},
		"modelPackageGroupArn":                 {"ModelPackageConfig": nil},
		"does not exist":                       {"ModelPackageConfig": object{"ModelPackageGroupArn": packages + "-other"}},
		"not one of the recipe's":              {"HyperParameters": object{"epoch": "1"}},
		"lora_rank has the invalid value 12":   {"HyperParameters": object{"lora_rank": "12"}},
		"merge_weights must be True or False,": {"HyperParameters": object{"merge_weights": "yes"}},
		"mlflowResourceArn":                    {"MlflowConfig": object{"MlflowResourceArn": "log"}},
	} {
		refused(t, ask(t, rig, "CreateTrainingJob", byTokens("job", more)), 400, "ValidationException", words)
	}
	refused(t, ask(t, rig, "CreateTrainingJob", byTokens("job", object{
		"ServerlessJobConfig": serverlessJob(object{"BaseModelArn": "arn:none"}),
	})), 400, "ResourceNotFound", "does not exist")
	refused(t, ask(t, rig, "CreateTrainingJob", order("job", object{"MlflowConfig": object{"MlflowResourceArn": "arn:log"}})), 400,
		"ValidationException", "only for jobs with a ServerlessJobConfig")
	ask(t, rig, "CreateTrainingJob", byTokens("job", nil)).Is(t, 200)
	refused(t, ask(t, rig, "CreateTrainingJob", byTokens("job", nil)), 400, "ResourceInUse", "already exists")
}

// A job without machines is billed by the tokens that it tells, and registers what it has made.
func TestServerlessIsBilledByTokens(t *testing.T) {
	t.Parallel()
	rig := start(t)
	putRows(t, rig, strings.Repeat(conversation, 40))
	ask(t, rig, "CreateTrainingJob", byTokens("job", nil)).Is(t, 200)
	running := described(t, rig, "job", 20*time.Minute)
	running.Is(t, 200, "SecondaryStatus", "Training", "ProgressInfo.MaxEpoch", "2", "ProgressInfo.TotalStepCountPerEpoch", "5")
	done := described(t, rig, "job", 4*time.Hour)
	model := "arn:aws:sagemaker:us-east-1:123456789012:model-package/tunes/job"
	done.Is(t, 200, "TrainingJobStatus", "Completed", "OutputModelPackageArn", model,
		"ModelArtifacts.S3ModelArtifacts", "s3://sandbox/models/job/output/model")
	var said struct {
		Tokens    int64 `json:"BillableTokenCount"`
		Seconds   *int  `json:"BillableTimeInSeconds"`
		Resources any   `json:"ResourceConfig"`
	}
	if err := json.Unmarshal(done.Body, &said); err != nil || said.Seconds != nil || said.Resources != nil {
		t.Errorf("%s, %v", done.Body, err)
	}
	if paid := rig.Payment("sagemaker", "fine-tune:"+base); said.Tokens == 0 || paid.NanoUSD != said.Tokens*2400 || paid.Calls != 1 {
		t.Errorf("%d tokens, paid %+v", said.Tokens, paid)
	}
	ask(t, rig, "DescribeModelPackage", object{"ModelPackageName": model}).Is(t, 200, "ModelPackageStatus", "Completed",
		"InferenceSpecification.Containers.0.BaseModel.HubContentName", base)
	refused(t, ask(t, rig, "DescribeModelPackage", object{"ModelPackageName": model + "-other"}), 400, "ValidationException", "not be found")
	putRows(t, rig, `{"prompt":[]}`)
	ask(t, rig, "CreateTrainingJob", byTokens("bad", nil)).Is(t, 200)
	described(t, rig, "bad", time.Hour).Is(t, 200, "TrainingJobStatus", "Failed", "BillableTokenCount", "0")
}

// tuned is a rig with a job that has left an adapter, and an endpoint for components in service.
func tuned(t *testing.T) *sandboxtest.Rig {
	t.Helper()
	rig := start(t)
	putRows(t, rig, conversation)
	ask(t, rig, "CreateTrainingJob", byTokens("job", nil)).Is(t, 200)
	rig.Lab.Advance(4 * time.Hour)
	role := "arn:aws:iam::123456789012:role/sandbox"
	ask(t, rig, "CreateModel", object{"ModelName": "base", "ExecutionRoleArn": role, "PrimaryContainer": object{
		"Image": "server", "ModelDataSource": object{"S3DataSource": object{
			"S3DataType": "S3Prefix", "CompressionType": "None", "ModelAccessConfig": object{"AcceptEula": true},
			"S3Uri": strings.Replace(weights, "/training/", "/inference/", 1),
		}},
	}}).Is(t, 200)
	variants := []any{object{"VariantName": "AllTraffic", "InstanceType": "ml.g5.12xlarge", "InitialInstanceCount": 1}}
	refused(t, ask(t, rig, "CreateEndpointConfig", object{"EndpointConfigName": "e", "ProductionVariants": variants}), 400,
		"ValidationException", "ExecutionRoleArn is required")
	ask(t, rig, "CreateEndpointConfig", object{"EndpointConfigName": "e", "ExecutionRoleArn": role, "ProductionVariants": variants}).Is(t, 200)
	ask(t, rig, "CreateEndpoint", object{"EndpointName": "e", "EndpointConfigName": "e"}).Is(t, 200)
	refused(t, ask(t, rig, "CreateInferenceComponent", baseComponent(nil)), 400, "ValidationException", "is Creating")
	rig.Lab.Advance(11 * time.Minute)
	return rig
}

func baseComponent(more object) object {
	specification := object{"ModelName": "base", "ComputeResourceRequirements": object{
		"MinMemoryRequiredInMb": 1024, "NumberOfAcceleratorDevicesRequired": 4,
	}}
	for member, value := range more {
		specification[member] = value
	}
	return object{
		"InferenceComponentName": "e-base", "EndpointName": "e", "VariantName": "AllTraffic", "Specification": specification,
		"RuntimeConfig": object{"CopyCount": 1},
	}
}

func adapterComponent(name, artefact string) object {
	return object{"InferenceComponentName": name, "EndpointName": "e", "Specification": object{
		"BaseInferenceComponentName": "e-base", "Container": object{"ArtifactUrl": artefact},
	}}
}

const adapter = "s3://sandbox/models/job/output/model/checkpoints/hf/"

// component tells where one is, once some time has passed.
func componentAfter(t *testing.T, rig *sandboxtest.Rig, name string, by time.Duration) *sandboxtest.Answer {
	t.Helper()
	rig.Lab.Advance(by)
	return rig.Want(ask(t, rig, "DescribeInferenceComponent", object{"InferenceComponentName": name}), 200)
}

// Several adapters share an endpoint; what stands on something is made after it and deleted before it, and only the
// machine is billed.
func TestComponentsStandOnEachOther(t *testing.T) {
	t.Parallel()
	rig := tuned(t)
	create := func(in object) *sandboxtest.Answer { return ask(t, rig, "CreateInferenceComponent", in) }
	status := func(name, want string, by time.Duration) {
		t.Helper()
		componentAfter(t, rig, name, by).Is(t, 200, "InferenceComponentStatus", want)
	}
	refused(t, create(adapterComponent("early", adapter)), 400, "ValidationException", "Could not find inference-component")
	refused(t, create(baseComponent(object{"BaseInferenceComponentName": "x"})), 400, "ValidationException", "can not have")
	refused(t, create(baseComponent(object{"ModelName": "none"})), 400, "ValidationException", "Could not find model")
	create(baseComponent(nil)).Is(t, 200)
	refused(t, create(baseComponent(nil)), 400, "ValidationException", "already existing")
	status("e-base", "Creating", 0)
	ask(t, rig, "DescribeEndpoint", object{"EndpointName": "e"}).Is(t, 200, "EndpointStatus", "Updating")
	refused(t, create(adapterComponent("early", adapter)), 400, "ValidationException", "is Updating")
	refused(t, ask(t, rig, "DeleteInferenceComponent", object{"InferenceComponentName": "e-base"}), 400, "ValidationException", "while it is Creating")
	status("e-base", "InService", 6*time.Minute)
	refused(t, create(adapterComponent("lost", "s3://sandbox/none/")), 400, "ValidationException", "Could not find model data")
	for _, name := range []string{"one", "two"} {
		create(adapterComponent(name, adapter)).Is(t, 200)
		status(name, "InService", 2*time.Minute)
	}
	ask(t, rig, "ListInferenceComponents", object{"EndpointNameEquals": "e", "MaxResults": 2}).Is(t, 200,
		"InferenceComponents.0.InferenceComponentName", "two", "NextToken", "2")
	scale := func(name string, count int) *sandboxtest.Answer {
		return ask(t, rig, "UpdateInferenceComponentRuntimeConfig", object{
			"InferenceComponentName": name, "DesiredRuntimeConfig": object{"CopyCount": count},
		})
	}
	refused(t, scale("one", 2), 400, "ValidationException", "copies of its base")
	refused(t, scale("e-base", 2), 400, "ValidationException", "no room for 2 copies")
	remove := func(name string) *sandboxtest.Answer {
		return ask(t, rig, "DeleteInferenceComponent", object{"InferenceComponentName": name})
	}
	refused(t, remove("e-base"), 400, "ValidationException", "adapters are loaded")
	refused(t, ask(t, rig, "DeleteEndpoint", object{"EndpointName": "e"}), 400, "ValidationException", "hosts inference components")
	scale("e-base", 0).Is(t, 200)
	status("e-base", "Updating", 0)
	status("e-base", "InService", 6*time.Minute)
	refusedChat(t, rig, "one", "is not in service")
	for _, name := range []string{"one", "two", "e-base"} {
		remove(name).Is(t, 200)
		status(name, "Deleting", 0)
		rig.Lab.Advance(2 * time.Minute)
	}
	ask(t, rig, "DeleteEndpoint", object{"EndpointName": "e"}).Is(t, 200)
	rig.Lab.Advance(time.Hour)
	if paid := rig.Payment("sagemaker", "hosting:ml.g5.12xlarge"); paid.NanoUSD == 0 {
		t.Errorf("the machine is not billed: %+v", paid)
	}
}

// refusedChat asks a component, which says why it does not answer.
func refusedChat(t *testing.T, rig *sandboxtest.Rig, component, words string) {
	t.Helper()
	body := []byte(`{"messages":[{"role":"user","content":"Where?"}]}`)
	r := request(t, rig, http.MethodPost, "/endpoints/e/invocations", body)
	if component != "" {
		r.Header.Set("X-Amzn-SageMaker-Inference-Component", component)
	}
	refused(t, signed(t, rig, r, "sagemaker", body, nil), 400, "ValidationError", words)
}

// An endpoint with components does not answer without the name of one.
func TestComponentsAreNamed(t *testing.T) {
	t.Parallel()
	rig := tuned(t)
	refusedChat(t, rig, "", "header is required")
	refusedChat(t, rig, "none", "not found")
}
