package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// byTokens is the account's jobs without machines.
type byTokens struct{ *emulator }

// serverless is what a job without machines of the account's is ordered with
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ServerlessJobConfig.html).
type serverless struct {
	Base      string `json:"BaseModelArn"`
	Kind      string `json:"JobType"`
	Accepted  bool   `json:"AcceptEula,omitempty"`
	Technique string `json:"CustomizationTechnique,omitempty"`
	Peft      string `json:"Peft,omitempty"`
	Sequence  string `json:"SequenceLength,omitempty"`
}

type packageConfig struct {
	Group  string `json:"ModelPackageGroupArn"`
	Source string `json:"SourceModelPackageArn,omitempty"`
}

type mlflow struct {
	ARN        string `json:"MlflowResourceArn"`
	Experiment string `json:"MlflowExperimentName,omitempty"`
	Run        string `json:"MlflowRunName,omitempty"`
}

// group is the one model package group of the account.
const group = "arn:aws:sagemaker:" + region + ":" + account + ":model-package-group/tunes"

// checkServerless refuses what SageMaker refuses of a job without machines, and what the sandbox does not do.
func (ask *jobAsk) checkServerless() *lab.Failure {
	s := ask.Serverless
	switch {
	case ask.Algorithm != nil || ask.Resources != nil:
		return refuse("AlgorithmSpecification and ResourceConfig can not be specified together with ServerlessJobConfig")
	case ask.Spot || ask.Checkpoints != nil:
		return refuse("Managed spot training and CheckpointConfig can not be specified together with ServerlessJobConfig")
	case s.Kind != "FineTuning" && s.Kind != "Evaluation":
		return refuse(failed, s.Kind, "serverlessJobConfig.jobType")
	case s.Kind == "Evaluation" || s.Technique == "RLVR" || s.Technique == "RLAIF" || s.Peft == "":
		return refuse("The sandbox fine-tunes adapters by SFT and DPO alone")
	case s.Technique != "SFT" && s.Technique != "DPO":
		return refuse(failed, s.Technique, "serverlessJobConfig.customizationTechnique")
	case s.Peft != "LORA":
		return refuse(failed, s.Peft, "serverlessJobConfig.peft")
	case s.Sequence != "" && s.Sequence != sequence:
		return refuse("No training configuration of the model has the sequence length %s", s.Sequence)
	case ask.Package == nil || ask.Package.Group == "":
		return refuse(failed, "null", "modelPackageConfig.modelPackageGroupArn")
	case ask.Package.Group != group:
		return refuse("Model package group %s does not exist", ask.Package.Group)
	case ask.Package.Source != "":
		return refuse("The sandbox goes on from no other model package")
	case ask.Mlflow != nil && !strings.HasPrefix(ask.Mlflow.ARN, "arn:"):
		return refuse(failed, ask.Mlflow.ARN, "mlflowConfig.mlflowResourceArn")
	}
	return nil
}

// serverlessBase is the model of the hub that the job begins with, and what is wrong with that.
func (e byTokens) serverlessBase(s *serverless) (string, *lab.Failure) {
	for id, m := range e.hub {
		switch {
		case s.Base != contentARN(id):
			continue
		case m.token == 0:
			return "", refuse("Model %s does not support the customization technique %s", id, s.Technique)
		case m.gated && !s.Accepted:
			return "", refuse("The model requires that its end-user license agreement is accepted: set AcceptEula to true.")
		}
		return id, nil
	}
	return "", missing("Hub content %s does not exist.", s.Base)
}

func (e byTokens) createServerless(r *http.Request, ask *jobAsk) (any, *lab.Failure) {
	base, refused := e.serverlessBase(ask.Serverless)
	if refused == nil {
		refused = checkParameters(ask)
	}
	if refused != nil {
		return nil, refused
	}
	of := ofMessages
	if ask.Serverless.Technique == "DPO" {
		of = ofCandidates
	}
	file, refused := e.rows(r, ask, "train", of)
	if refused != nil {
		return nil, refused
	}
	epochs, err := strconv.Atoi(ask.Parameters["max_epochs"])
	if err != nil {
		epochs = 5 // as the recipe has it
	}
	made, refused := e.account.Trainings.Train(r, work.Training{
		ID: ask.Name, Base: base, File: file.ID, Epochs: epochs, Model: ask.Name, Name: leftBy(ask), Request: encoded(ask),
		Rate: e.hub[base].token, Reason: file.Report.Error, Pairs: ask.Serverless.Technique == "DPO",
		Limit: time.Duration(ask.Stopping.Runtime) * time.Second,
	})
	if refused == nil {
		refused = e.keepMerged(ask, made, made.Name+"/checkpoints/hf_merged/")
	}
	return map[string]any{"TrainingJobArn": jobARN(ask.Name)}, refused
}

// leftBy is where a job leaves its model.
func leftBy(ask *jobAsk) string {
	return strings.TrimSuffix(ask.Output.Path, "/") + "/" + ask.Name + "/output/model"
}

// ofMessages reads a conversation. A row of another form fails the job.
func ofMessages(line []byte) []byte {
	var row struct {
		Messages json.RawMessage `json:"messages"`
	}
	if json.Unmarshal(line, &row) == nil && row.Messages != nil {
		return bytes.Clone(line)
	}
	return []byte(`{"error":"the row has no messages"}`)
}

// ofCandidates reads a preference pair. A row of another form fails the job.
func ofCandidates(line []byte) []byte {
	var row struct {
		Prompt   json.RawMessage `json:"prompt"`
		Chosen   json.RawMessage `json:"chosen"`
		Rejected json.RawMessage `json:"rejected"`
	}
	if json.Unmarshal(line, &row) != nil || row.Prompt == nil || row.Chosen == nil || row.Rejected == nil {
		return []byte(`{"error":"the row has no prompt with a chosen and a rejected answer"}`)
	}
	return encoded(map[string]any{
		"input": map[string]any{"messages": row.Prompt}, "preferred_output": row.Chosen, "non_preferred_output": row.Rejected,
	})
}

// tokensOf is what is described of a job without machines beside what all jobs have.
func tokensOf(t work.Training, ask jobAsk, now time.Time) map[string]any {
	object := map[string]any{"ServerlessJobConfig": ask.Serverless, "ModelPackageConfig": ask.Package}
	if ask.Mlflow != nil {
		object["MlflowConfig"] = ask.Mlflow
		object["MlflowDetails"] = map[string]any{"MlflowExperimentId": "1", "MlflowRunId": "run-" + ask.Name}
	}
	if state := t.State(now); state == work.TrainingRunning {
		steps := t.Steps() / int64(t.Epochs)
		done := t.Steps() * t.Done(now) / 1000
		object["ProgressInfo"] = map[string]any{
			"TotalStepCountPerEpoch": steps, "MaxEpoch": t.Epochs,
			"CurrentEpoch": min(done/max(steps, 1)+1, int64(t.Epochs)), "CurrentStep": done % max(steps, 1),
		}
	}
	if t.State(now).Ended() {
		object["BillableTokenCount"] = t.Billable(now)
	}
	if t.State(now) == work.TrainingSucceeded {
		object["OutputModelPackageArn"] = packageARN(t.ID)
	}
	return object
}

// packageARN is the version of the account's model package that a job makes.
func packageARN(job string) string {
	return strings.Replace(group, ":model-package-group/", ":model-package/", 1) + "/" + job
}

// describePackage describes what a job has registered
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModelPackage.html).
func (e byTokens) describePackage(r *http.Request) (any, *lab.Failure) {
	var ask struct {
		Name string `json:"ModelPackageName"`
	}
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	t, refused := e.account.Trainings.Training(ask.Name[strings.LastIndexByte(ask.Name, '/')+1:])
	if refused != nil || packageARN(t.ID) != ask.Name || t.State(e.lab.Now()) != work.TrainingSucceeded || asked(t).Serverless == nil {
		return nil, refuse("ModelPackage %s does not exist or could not be found.", ask.Name)
	}
	return map[string]any{
		"ModelPackageArn": ask.Name, "ModelPackageName": ask.Name, "ModelPackageGroupName": "tunes", "CreationTime": stamp(t.Ends),
		"ModelPackageStatus": "Completed", "ModelPackageStatusDetails": map[string]any{"ValidationStatuses": []any{}},
		"InferenceSpecification": map[string]any{"Containers": []any{map[string]any{
			"BaseModel":    map[string]any{"HubContentName": t.Base, "HubContentVersion": "2.0.0"},
			"IsCheckpoint": true,
			"ModelDataSource": map[string]any{"S3DataSource": map[string]any{
				"S3Uri": strings.TrimSuffix(t.Name, "model"), "S3DataType": "S3Prefix", "CompressionType": "None",
			}},
		}}},
	}, nil
}

// settle writes what jobs without machines have left: their adapters.
func (e byTokens) settle() *lab.Failure {
	for _, t := range e.account.Trainings.List() {
		folder, _ := amazon.Split(t.Name + "/checkpoints/hf/")
		if asked(t).Serverless == nil || t.State(e.lab.Now()) != work.TrainingSucceeded || len(e.objects.Below(folder)) > 0 {
			continue
		}
		for file, content := range map[string]string{
			"adapter_config.json": fmt.Sprintf(`{"peft_type":"LORA","r":%s,"lora_alpha":%s,"base_model_name_or_path":%q}`,
				asked(t).Parameters["lora_rank"], asked(t).Parameters["lora_alpha"], t.Base),
			"adapter_model.safetensors": "weights of " + t.ID + " by " + t.File,
		} {
			if refused := e.objects.Put(folder+file, strings.NewReader(content)); refused != nil {
				return refused
			}
		}
	}
	return nil
}
