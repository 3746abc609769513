package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"dreamlab/providers"
)

// hub is AWS's own hub of models.
const hub = "SageMakerPublicHub"

// content is what a model of the hub says of its training and serving. SageMaker's own SDK for
// Python reads the same
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHubContent.html).
type content struct {
	TrainingImage     string           `json:"TrainingEcrUri"`
	TrainingScript    string           `json:"TrainingScriptUri"`
	TrainingArtifact  string           `json:"TrainingArtifactUri"`
	TrainingInstance  string           `json:"DefaultTrainingInstanceType"`
	TrainingInstances []string         `json:"SupportedTrainingInstanceTypes"`
	TrainingVolume    int              `json:"TrainingVolumeSize"` // GB
	TrainingIsolated  bool             `json:"TrainingEnableNetworkIsolation"`
	Hyperparameters   []hyperparameter `json:"Hyperparameters"`
	Gated             bool             `json:"GatedBucket"` // a licence has to be accepted

	ARN     string   `json:"-"`
	Recipes []recipe `json:"RecipeCollection"` // of trainings without machines

	HostingImage     string           `json:"HostingEcrUri"`
	HostingArtifact  string           `json:"HostingArtifactUri"` // the base's weights
	HostingInstance  string           `json:"DefaultInferenceInstanceType"`
	HostingIsolated  bool             `json:"InferenceEnableNetworkIsolation"`
	HostingVariables []hyperparameter `json:"InferenceEnvironmentVariables"`
}

// hyperparameter is one, or a variable of the environment, with its default.
type hyperparameter struct {
	Name    string `json:"Name"`
	Default any    `json:"Default"`
}

// text is a default value as containers take it.
func text(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// find describes a model of the hub.
func (p *plane) find(ctx context.Context, model string) (content, error) {
	var said struct {
		ARN      string `json:"HubContentArn"`
		Document string `json:"HubContentDocument"` // JSON in a string
	}
	err := p.ask(ctx, "DescribeHubContent", map[string]string{
		"HubName": hub, "HubContentType": "Model", "HubContentName": model,
	}, &said)
	if absent(err) {
		return content{}, gone(model, "is no model of JumpStart's hub: name one as the hub does")
	}
	if err != nil {
		return content{}, err
	}
	var found content
	if err := json.Unmarshal([]byte(said.Document), &found); err != nil {
		return content{}, p.client.Garbled("the hub's description of the model is not the JSON that was expected")
	}
	found.ARN = said.ARN
	return found, nil
}

// tunable says why a model can not be fine-tuned with an adapter on conversations.
func (c content) tunable(model string, machines instances) error {
	named := map[string]bool{}
	for _, h := range c.Hyperparameters {
		named[h.Name] = true
	}
	for _, needed := range []string{"epoch", "learning_rate", "lora_r", "lora_alpha", "chat_dataset"} {
		if c.TrainingImage == "" || !named[needed] {
			return gone(model, "can not be fine-tuned on conversations with an adapter: choose another base")
		}
	}
	if machines[c.TrainingInstance] == 0 {
		return gone(model, "is trained on "+c.TrainingInstance+", which has no price: name it in "+envInstances)
	}
	return nil
}

// hyperparameters are all that the container takes, of which the spec's outrank the hub's.
// Their values are texts.
func (c content) hyperparameters(spec providers.TrainSpec) map[string]string {
	all := map[string]string{}
	for _, h := range c.Hyperparameters {
		if value := text(h.Default); value != "" {
			all[h.Name] = value
		}
	}
	asked := map[string]string{
		"epoch": strconv.Itoa(spec.Epochs), "learning_rate": strconv.FormatFloat(spec.LearningRate, 'g', -1, 64),
		"lora_r": strconv.Itoa(spec.Rank), "lora_alpha": strconv.Itoa(spec.Alpha), "seed": strconv.FormatInt(spec.Seed, 10),
		"chat_dataset": "True", "instruction_tuned": "False", mergeWeights: "True",
	}
	if spec.BatchSize > 0 {
		asked["per_device_train_batch_size"] = strconv.Itoa(spec.BatchSize)
	}
	for named, value := range asked {
		if _, known := all[named]; known {
			all[named] = value
		}
	}
	all["sagemaker_program"], all["sagemaker_container_log_level"] = "transfer_learning.py", "20"
	all["sagemaker_submit_directory"] = c.TrainingScript
	if c.TrainingIsolated {
		all["sagemaker_submit_directory"] = "/opt/ml/input/data/code/sourcedir.tar.gz"
	}
	return all
}

// mergeWeights has the container leave whole weights in place of an adapter.
const mergeWeights = "merge_weights"

// merges tells whether the container can leave whole weights.
func (c content) merges() bool {
	return slices.ContainsFunc(c.Hyperparameters, func(h hyperparameter) bool { return h.Name == mergeWeights })
}

// environment is what the container that serves is told.
func (c content) environment() map[string]string {
	all := map[string]string{}
	for _, v := range c.HostingVariables {
		if value := text(v.Default); value != "" {
			all[v.Name] = value
		}
	}
	return all
}
