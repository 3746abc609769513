package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// What a batch may be
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html).
const (
	minRecords   = 100
	maxRecords   = 50_000
	minHours     = 24
	maxHours     = 168
	batchPercent = 50 // of the live price
)

// order is what a batch is ordered by.
type order struct {
	Name  string `json:"jobName"`
	Model string `json:"modelId"`
	Role  string `json:"roleArn"`
	In    struct {
		S3 struct {
			Format string `json:"s3InputFormat"`
			URI    string `json:"s3Uri"`
		} `json:"s3InputDataConfig"`
	} `json:"inputDataConfig"`
	Out struct {
		S3 struct {
			URI string `json:"s3Uri"`
		} `json:"s3OutputDataConfig"`
	} `json:"outputDataConfig"`
	Hours int    `json:"timeoutDurationInHours"`
	Token string `json:"clientRequestToken"`
	Type  string `json:"modelInvocationType"`
}

var (
	jobName = regexp.MustCompile(`^[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9+.-]){0,63}$`)
	roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)
	jobARN  = regexp.MustCompile(`^arn:aws:bedrock:` + region + `:` + account + `:model-invocation-job/([a-z0-9]{12})$`)
)

// order makes a batch. A token that was used before makes none, and is no error.
func (e *emulator) order(r *http.Request, asked *order) (any, *lab.Failure) {
	if asked.Hours == 0 {
		asked.Hours = minHours
	}
	all, refused := e.batches.List()
	if refused != nil {
		return nil, refused
	}
	for i := range all {
		earlier := orderOf(&all[i])
		if asked.Token != "" && earlier.Token == asked.Token {
			return map[string]any{"jobArn": arnOf(all[i].ID)}, nil
		}
		if earlier.Name == asked.Name && !all[i].State(e.lab.Now()).Ended() {
			return nil, &lab.Failure{Status: http.StatusBadRequest, Type: "ConflictException",
				Message: "The job name is already in use. Provide another name."}
		}
	}
	if refused := e.checkOrder(asked); refused != nil {
		return nil, refused
	}
	lines, faults, refused := e.records(asked)
	if refused != nil {
		return nil, refused
	}
	encoded, err := json.Marshal(asked)
	if err != nil { // it was read from JSON
		panic(err)
	}
	made, refused := e.batches.Order(r, work.BatchOrder{
		Batch: work.Batch{
			ID: lab.NewID("")[:12], Name: asked.Name, Model: asked.Model, Percent: batchPercent, Request: encoded,
			Window: time.Duration(asked.Hours) * time.Hour,
		},
		Requests: lines, Faults: faults,
		Answer: func(line json.RawMessage) (work.BatchSaid, *lab.Failure) { return e.answerRecord(asked.Model, line) },
	})
	return map[string]any{"jobArn": arnOf(made.ID)}, refused
}

func orderOf(b *work.Batch) order {
	var asked order
	if err := json.Unmarshal(b.Request, &asked); err != nil { // it was written by order
		panic(err)
	}
	return asked
}

func arnOf(id string) string {
	return fmt.Sprintf("arn:aws:bedrock:%s:%s:model-invocation-job/%s", region, account, id)
}

func (e *emulator) checkOrder(asked *order) *lab.Failure {
	_, in := amazon.Split(asked.In.S3.URI)
	folder, out := amazon.Split(asked.Out.S3.URI)
	switch {
	case !jobName.MatchString(asked.Name):
		return refuse("1 validation error detected: Value at 'jobName' failed to satisfy constraint")
	case !roleARN.MatchString(asked.Role):
		return refuse("1 validation error detected: Value at 'roleArn' failed to satisfy constraint")
	case !in || asked.In.S3.Format != "JSONL":
		return refuse("The input has to be JSONL in S3")
	case !out || strings.Contains(folder, "/") && !strings.HasSuffix(folder, "/"):
		return refuse("The output location must be a folder in S3")
	case asked.Hours < minHours || asked.Hours > maxHours:
		return refuse("1 validation error detected: Value at 'timeoutDurationInHours' failed to satisfy constraint: "+
			"Member must be from %d to %d", minHours, maxHours)
	case asked.Type != "Converse":
		return refuse("The sandbox takes batches of Converse alone: set modelInvocationType to Converse")
	}
	_, refused := e.find(asked.Model)
	return refused
}

// records reads the file of requests. What is wrong with it fails the batch when it is
// checked.
func (e *emulator) records(asked *order) ([]work.BatchLine, []work.BatchFault, *lab.Failure) {
	file, _ := amazon.Split(asked.In.S3.URI)
	content, refused := e.objects.Open(file)
	if refused != nil {
		return nil, nil, refuse("The S3 location %s could not be read: %s", asked.In.S3.URI, refused.Message)
	}
	defer content.Close()
	lines, faults, err := work.ReadLines(content, parseRecord)
	if err != nil {
		return nil, nil, lab.NotKept(err)
	}
	switch n := len(lines); {
	case n < minRecords:
		faults = append(faults, work.BatchFault{Message: fmt.Sprintf(
			"Batch job %s contains less records (%d) than the required minimum of: %d", asked.Name, n, minRecords)})
	case n > maxRecords:
		faults = append(faults, work.BatchFault{Message: fmt.Sprintf(
			"Batch job %s contains more records (%d) than the maximum of: %d", asked.Name, n, maxRecords)})
	}
	return lines, faults, nil
}

func parseRecord(line []byte) (work.BatchLine, *work.BatchFault) {
	var asked struct {
		ID    string          `json:"recordId"`
		Input json.RawMessage `json:"modelInput"`
	}
	if json.Unmarshal(line, &asked) != nil || len(asked.Input) == 0 {
		return work.BatchLine{}, &work.BatchFault{Message: "A record is no JSON with modelInput"}
	}
	return work.BatchLine{ID: asked.ID, Body: asked.Input}, nil
}

// answerRecord answers one record as a live call. A batch has no tier.
func (e *emulator) answerRecord(id string, line json.RawMessage) (work.BatchSaid, *lab.Failure) {
	var asked ask
	if json.Unmarshal(line, &asked) != nil {
		return work.BatchSaid{}, refuse("The record is not the JSON of Converse")
	}
	answer, brain, refused := e.prepare(&asked, id)
	if refused == nil {
		refused = e.lab.Complete(answer, brain)
	}
	if refused != nil {
		return work.BatchSaid{}, refused
	}
	return work.BatchSaid{Body: whole(answer), Usage: answer.Usage}, nil
}

// deliver puts the answers and their manifest into S3, below a folder of the batch's id.
func (e *emulator) deliver(b *work.Batch, results []work.BatchResult) error {
	if b.Ending == work.BatchFailed {
		return nil
	}
	asked := orderOf(b)
	inputs := e.inputs(&asked)
	var out, manifest bytes.Buffer
	var in, spoken int64
	encoder := json.NewEncoder(&out)
	for _, result := range results {
		if result.Missed {
			continue
		}
		in, spoken = in+result.Usage.In, spoken+result.Usage.Out
		if err := encoder.Encode(recordOf(result, inputs[result.ID])); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(&manifest).Encode(map[string]any{
		"totalRecordCount": b.Lines, "processedRecordCount": b.Good + b.Wrong, "successRecordCount": b.Good,
		"errorRecordCount": b.Wrong, "inputTokenCount": in, "outputTokenCount": spoken,
	}); err != nil {
		return err
	}
	folder, _ := amazon.Split(asked.Out.S3.URI)
	folder = path.Join(folder, b.ID)
	for key, content := range map[string]*bytes.Buffer{
		path.Join(folder, path.Base(asked.In.S3.URI)+".out"): &out, path.Join(folder, "manifest.json.out"): &manifest,
	} {
		if refused := e.objects.Put(key, content); refused != nil {
			return fmt.Errorf("put %s: %s", path.Base(key), refused.Message)
		}
	}
	return nil
}

// inputs are the requests by their ids, which the answers repeat.
func (e *emulator) inputs(asked *order) map[string]json.RawMessage {
	inputs := map[string]json.RawMessage{}
	lines, _, refused := e.records(asked)
	if refused != nil { // the file is gone: the answers go without it
		return inputs
	}
	for _, line := range lines {
		inputs[line.ID] = line.Body
	}
	return inputs
}

func recordOf(result work.BatchResult, input json.RawMessage) any {
	record := map[string]any{"recordId": result.ID, "modelInput": input}
	if result.Failure != nil {
		failure := words().Complete(*result.Failure)
		record["error"] = map[string]any{"errorCode": failure.Status, "errorMessage": failure.Message}
		return record
	}
	record["modelOutput"] = result.Body
	return record
}
