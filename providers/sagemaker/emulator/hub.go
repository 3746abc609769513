package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// hubName is AWS's own hub.
const hubName = "SageMakerPublicHub"

// entry is a model of the hub.
type entry struct {
	training string // machine that it is trained on
	hosting  string // machine that it is served on
	gated    bool   // its licence has to be accepted
	token    int64  // nano-dollars for a million tokens of serverless training, made up; 0: there is no recipe of it
	brain    *model.Model
}

// architecture is that of the model's whole weights: what has no licence to accept is Qwen's.
func (m entry) architecture() string {
	if m.gated {
		return "LlamaForCausalLM"
	}
	return "Qwen2ForCausalLM"
}

func catalogue(l *lab.Lab) map[string]entry {
	return map[string]entry{
		"meta-textgeneration-llama-3-1-8b-instruct":  {"ml.g5.12xlarge", "ml.g5.4xlarge", true, 2_400_000_000, l.Small},
		"meta-textgeneration-llama-3-1-70b-instruct": {"ml.g5.48xlarge", "ml.p4d.24xlarge", true, 12_000_000_000, l.Large},
		"huggingface-llm-qwen2-5-7b-instruct":        {"ml.g5.12xlarge", "ml.g5.2xlarge", false, 0, l.Small},
	}
}

// hourly is what an hour of a machine costs, in nano-dollars; 0 where the account may have none.
func hourly(instance string) int64 {
	return map[string]int64{
		"ml.g5.2xlarge": 1_515_000_000, "ml.g5.4xlarge": 2_030_000_000, "ml.g5.12xlarge": 7_090_000_000,
		"ml.g5.48xlarge": 20_360_000_000, "ml.p4d.24xlarge": 37_688_000_000,
	}[instance]
}

// The containers of the hub's models.
const (
	trainingImage = "763104351884.dkr.ecr." + region + ".amazonaws.com/huggingface-pytorch-training:2.0.0-transformers4.28.1-gpu-py310"
	hostingImage  = "763104351884.dkr.ecr." + region + ".amazonaws.com/djl-inference:0.31.0-lmi13.0.0-cu124"
	hubBucket     = "s3://jumpstart-cache-prod-" + region + "/"
)

// document is what the hub says of a model, as JSON.
func (m entry) document(id string) string {
	parameters := []string{}
	for _, p := range []string{
		"epoch=5", "learning_rate=0.0001", "lora_r=8", "lora_alpha=32", "lora_dropout=0.05", "instruction_tuned=False",
		"chat_dataset=True", "per_device_train_batch_size=4", "max_input_length=-1", "seed=10", "validation_split_ratio=0.2",
		"int8_quantization=False", "enable_fsdp=True", "merge_weights=False",
	} {
		named, otherwise, _ := strings.Cut(p, "=")
		parameters = append(parameters, fmt.Sprintf(`{"Name":%q,"Type":"text","Default":%q,"Scope":"algorithm"}`, named, otherwise))
	}
	return strings.NewReplacer("ID", id, "BUCKET", hubBucket, "TRAINER", m.training, "SERVER", m.hosting, "GATED",
		strconv.FormatBool(m.gated), "PARAMETERS", strings.Join(parameters, ",")).Replace(`{"TrainingSupported":true,` +
		`"TrainingEcrUri":"` + trainingImage + `",` +
		`"TrainingScriptUri":"BUCKETsource-directory-tarballs/training/ID/sourcedir.tar.gz",` +
		`"TrainingArtifactUri":"BUCKETtraining/ID/","DefaultTrainingInstanceType":"TRAINER",` +
		`"SupportedTrainingInstanceTypes":["TRAINER"],"TrainingVolumeSize":256,"TrainingEnableNetworkIsolation":true,` +
		`"HostingEcrUri":"` + hostingImage + `","HostingArtifactUri":"BUCKETinference/ID/",` +
		`"DefaultInferenceInstanceType":"SERVER","InferenceEnableNetworkIsolation":true,"InferenceEnvironmentVariables":[` +
		`{"Name":"OPTION_DTYPE","Type":"text","Default":"bf16","Scope":"container"},` +
		`{"Name":"SAGEMAKER_MODEL_SERVER_TIMEOUT","Type":"text","Default":3600,"Scope":"container"}],` +
		`"Hyperparameters":[PARAMETERS],"GatedBucket":GATED,"RecipeCollection":` + string(encoded(m.recipes(id))) + `}`)
}

// contentARN is how a model of the hub is named as the base of a training.
func contentARN(id string) string {
	return "arn:aws:sagemaker:" + region + ":aws:hub-content/" + hubName + "/Model/" + id + "/2.0.0"
}

// hubContent describes a model of the hub. Its document is JSON in a string.
func (e *emulator) hubContent(r *http.Request) (any, *lab.Failure) {
	var ask struct {
		Hub  string `json:"HubName"`
		Kind string `json:"HubContentType"`
		Name string `json:"HubContentName"`
	}
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	found, known := e.hub[ask.Name]
	switch {
	case ask.Hub != hubName:
		return nil, missing("Hub %s does not exist.", ask.Hub)
	case ask.Kind != "Model" || !known:
		return nil, missing("Hub content %s does not exist.", ask.Name)
	}
	hub := "arn:aws:sagemaker:" + region + ":aws:hub"
	return map[string]any{
		"HubName": hubName, "HubArn": hub + "/" + hubName, "HubContentType": "Model", "HubContentName": ask.Name,
		"HubContentArn": contentARN(ask.Name), "HubContentVersion": "2.0.0",
		"DocumentSchemaVersion": "2.3.0", "HubContentStatus": "Available", "HubContentDocument": found.document(ask.Name),
		"CreationTime": stamp(time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC)),
	}, nil
}

// stamp is how the control plane writes a time: seconds with a fraction.
func stamp(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }
