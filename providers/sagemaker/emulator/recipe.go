package emulator

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
)

// sequence is the length of rows that the recipes are made for, in tokens.
const sequence = "4K"

// recipes are a model's, in the form in which the hub has them
// (https://github.com/aws/sagemaker-hyperpod-recipes).
func (m entry) recipes(id string) []any {
	if m.token == 0 {
		return []any{}
	}
	list := []any{}
	for _, technique := range []string{"SFT", "DPO"} {
		list = append(list, map[string]any{
			"DisplayName": technique + " of " + id + " with LoRA", "Name": recipeName(id, technique), "CustomizationTechnique": technique,
			"Peft": "LORA", "SequenceLength": sequence, "ServerlessMeteringType": "Token-based", "Type": "FineTuning", "Hardware": "GPU",
			"SmtjRecipeTemplateS3Uri": hubBucket + "recipes/" + recipeName(id, technique) + ".yaml",
			"SmtjOverrideParamsS3Uri": hubBucket + "recipes/" + recipeName(id, technique) + ".json",
			"HostingConfigs":          []any{served("ml.g6.12xlarge", "Default"), served("ml.g5.12xlarge", "")},
		})
	}
	return list
}

// served is a machine with the container that serves adapters on it.
func served(instance, profile string) map[string]any {
	config := map[string]any{
		"InstanceType": instance, "EcrAddress": hostingImage,
		"Environment": map[string]string{"OPTION_ENABLE_LORA": "true", "OPTION_MAX_LORAS": "8", "OPTION_MAX_LORA_RANK": "128"},
		"ComputeResourceRequirements": map[string]any{
			"MinMemoryRequiredInMb": 98304, "NumberOfCpuCoresRequired": 36, "NumberOfAcceleratorDevicesRequired": 4,
		},
	}
	if profile != "" {
		config["Profile"] = profile
	}
	return config
}

func recipeName(id, technique string) string { return id + "_" + strings.ToLower(technique) + "_lora" }

// bounds are those of a hyper-parameter.
type bounds struct {
	Kind    string    `json:"type"`
	Default any       `json:"default"`
	Least   *float64  `json:"min,omitempty"`
	Most    *float64  `json:"max,omitempty"`
	Enum    []float64 `json:"enum,omitempty"`
}

func ranged(kind string, otherwise, least, most float64) bounds {
	return bounds{Kind: kind, Default: otherwise, Least: &least, Most: &most}
}

func among(otherwise float64, values ...float64) bounds {
	return bounds{Kind: "integer", Default: otherwise, Enum: values}
}

// hyperparameters are those of a technique, with the bounds that the recipes of Llama have.
func hyperparameters(technique string) map[string]bounds {
	all := map[string]bounds{
		"max_epochs": ranged("integer", 5, 1, 100), "learning_rate": ranged("float", 1e-4, 5e-7, 1e-4),
		"global_batch_size": among(8, 8, 16, 32, 64, 128), "lora_rank": among(16, 8, 16, 32, 64, 128),
		"lora_alpha": among(32, 16, 32, 64, 128, 256), "lora_dropout": ranged("float", 0.05, 0, 1),
		"seed": ranged("integer", 42, 0, 1<<31-1), "dataset_max_len": ranged("integer", 4096, 256, 131072),
		"merge_weights": {Kind: "boolean", Default: true}, "lr_scheduler": {Kind: "string", Default: "cosine"},
		"data_path": {Kind: "string", Default: ""},
	}
	if technique == "DPO" {
		all["adam_beta"], all["global_batch_size"] = ranged("float", 0.1, 0.001, 0.1), among(16, 16, 32, 64, 128)
	}
	return all
}

// checkParameters refuses hyper-parameters that the recipe does not have, or not so.
func checkParameters(ask *jobAsk) *lab.Failure {
	known := hyperparameters(ask.Serverless.Technique)
	for named, text := range ask.Parameters {
		b, has := known[named]
		if !has {
			return refuse("Hyperparameter %s is not one of the recipe's", named)
		}
		value, err := strconv.ParseFloat(text, 64)
		switch {
		case b.Kind == "boolean" && text != "True" && text != "False":
			return refuse("Hyperparameter %s must be True or False, got %s", named, text)
		case b.Kind == "boolean" || b.Kind == "string":
			continue
		case err != nil, b.Least != nil && value < *b.Least, b.Most != nil && value > *b.Most,
			b.Enum != nil && !slices.Contains(b.Enum, value):
			return refuse("Hyperparameter %s has the invalid value %s", named, text)
		}
	}
	return nil
}

// putRecipes puts the recipes' hyper-parameters into the hub's own bucket.
func (e byTokens) putRecipes() error {
	for id, m := range e.hub {
		for _, technique := range []string{"SFT", "DPO"} {
			name, _ := amazon.Split(hubBucket + "recipes/" + recipeName(id, technique) + ".json")
			if m.token == 0 {
				continue
			}
			if refused := e.objects.Put(name, bytes.NewReader(encoded(hyperparameters(technique)))); refused != nil {
				return errors.New(refused.Message)
			}
		}
	}
	return nil
}
