package bedrock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/httpbinding"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// Limits of a batch
// (https://docs.aws.amazon.com/bedrock/latest/userguide/quotas.html): they are quotas,
// of which an account may have more.
const (
	minLines = 100
	maxLines = 50_000
	maxBytes = 1 << 30
	minHours = 24  // until a batch expires
	maxHours = 168 // until a batch expires
)

// batching is a driver whose account is set up for batches.
type batching struct {
	*driver
	batcher *batcher
}

// Batcher returns the account's batches.
func (b batching) Batcher() providers.Batcher { return b.batcher }

// batcher drives batches
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html): a file of
// requests is put into S3, and so are the answers.
type batcher struct {
	*driver
	files *amazon.Bucket
	role  string
}

// job is a batch as Bedrock describes it.
type job struct {
	ARN       string    `json:"jobArn"`
	Name      string    `json:"jobName"`
	Model     string    `json:"modelId"`
	Status    string    `json:"status"`
	Message   string    `json:"message"`
	Submitted time.Time `json:"submitTime"`
	Ended     time.Time `json:"endTime"`
	Input     struct {
		S3 s3File `json:"s3InputDataConfig"`
	} `json:"inputDataConfig"`
	Output struct {
		S3 s3File `json:"s3OutputDataConfig"`
	} `json:"outputDataConfig"`
	Total   int `json:"totalRecordCount"`
	Success int `json:"successRecordCount"`
	Failed  int `json:"errorRecordCount"`
}

type s3File struct {
	Format string `json:"s3InputFormat,omitempty"`
	URI    string `json:"s3Uri"`
}

// jobOrder orders a batch
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html).
type jobOrder struct {
	Name  string            `json:"jobName"`
	Model string            `json:"modelId"`
	Role  string            `json:"roleArn"`
	In    map[string]s3File `json:"inputDataConfig"`
	Out   map[string]s3File `json:"outputDataConfig"`
	Hours int               `json:"timeoutDurationInHours"`
	Token string            `json:"clientRequestToken"` // a second order with it makes nothing
	Type  string            `json:"modelInvocationType"`
}

// requestsFile is the object with a batch's requests, in a folder of the batch's name.
const requestsFile = "requests.jsonl"

// manifestFile counts the answers, beside them.
const manifestFile = "manifest.json.out"

// Batchable tells what one batch of the model may hold. Bedrock lists no models that
// take batches: one that it serves counts as one.
func (b *batcher) Batchable(ctx context.Context, model string) (providers.BatchLimits, error) {
	limits := providers.BatchLimits{
		MinLines: minLines, MaxLines: maxLines, MaxBytes: maxBytes, Window: minHours * time.Hour,
	}
	models, err := b.Models(ctx)
	if err != nil {
		return limits, err
	}
	if !slices.ContainsFunc(models, func(m providers.ModelInfo) bool { return m.ID == model && m.Active }) {
		return limits, b.fault(providers.KindModelGone, model, "the vendor does not serve the model")
	}
	return limits, nil
}

// Submit puts the file of requests into S3 and orders the batch by its name, which
// serves as its token: ordered twice it is made once.
func (b *batcher) Submit(ctx context.Context, spec providers.BatchSpec) (providers.Batch, error) {
	file, err := openai.NewBatchFile(spec, encodeLine)
	if err != nil {
		return providers.Batch{}, b.Refused(spec.Model, err)
	}
	if err := b.put(ctx, spec.Name+"/"+requestsFile, file); err != nil {
		return providers.Batch{}, b.Refused(spec.Model, file.Cause(err))
	}
	order := jobOrder{
		Name: spec.Name, Model: spec.Model, Role: b.role, Token: spec.Name, Type: "Converse", Hours: hours(spec.Window),
		In:  map[string]s3File{"s3InputDataConfig": {Format: "JSONL", URI: b.files.URI(spec.Name + "/" + requestsFile)}},
		Out: map[string]s3File{"s3OutputDataConfig": {URI: b.files.URI(spec.Name + "/")}},
	}
	var made job
	call := openai.Call{
		Method: http.MethodPost, URL: b.controlBase + "/model-invocation-job", In: order, Out: &made, Model: spec.Model,
	}
	_, err = b.control.Do(ctx, call)
	if providers.Declined(err) {
		err = errors.Join(err, b.files.Delete(ctx, spec.Name+"/"+requestsFile))
	}
	if err != nil {
		return providers.Batch{}, err
	}
	return b.get(ctx, handle{made.ARN, spec.Name})
}

// put keeps a file of requests in S3.
func (b *batcher) put(ctx context.Context, key string, file *openai.BatchFile) error {
	content := file.Open()
	defer content.Close()
	return b.files.Put(ctx, key, amazon.File{Content: content, Size: file.Size, Kind: "application/jsonl"})
}

// hours is the time until a batch expires, as Bedrock takes it.
func hours(window time.Duration) int {
	whole := int((window + time.Hour - 1) / time.Hour)
	return min(max(whole, minHours), maxHours)
}

// Find looks among the batches whose names hold the spec's.
func (b *batcher) Find(
	ctx context.Context, spec providers.BatchSpec, notBefore time.Time,
) (providers.Batch, bool, error) {
	query := url.Values{
		"nameContains": {spec.Name}, "maxResults": {"1000"}, "sortBy": {"CreationTime"}, "sortOrder": {"Ascending"},
	}
	for range maxPages {
		var page struct {
			Jobs []job  `json:"invocationJobSummaries"`
			Next string `json:"nextToken"`
		}
		call := openai.Call{
			Method: http.MethodGet, URL: b.controlBase + "/model-invocation-jobs?" + query.Encode(), Out: &page,
		}
		if _, err := b.control.Do(ctx, call); err != nil {
			return providers.Batch{}, false, err
		}
		for _, found := range page.Jobs {
			if found.Name == spec.Name && !found.Submitted.Before(notBefore.Truncate(time.Second)) {
				return found.batch(), true, nil
			}
		}
		if page.Next == "" {
			break
		}
		query.Set("nextToken", page.Next)
	}
	return providers.Batch{}, false, nil
}

// handle finds a batch again: Bedrock takes its whole ARN.
type handle struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
}

func (b *batcher) read(raw providers.Handle) (h handle, err error) {
	if json.Unmarshal(raw, &h) != nil || h.ARN == "" {
		e := b.fault(providers.KindInvalid, "", "the handle is none that Submit returned")
		e.Param = "handle"
		return h, e
	}
	return h, nil
}

// Poll tells how far a batch is.
func (b *batcher) Poll(ctx context.Context, raw providers.Handle) (providers.Batch, error) {
	h, err := b.read(raw)
	if err != nil {
		return providers.Batch{}, err
	}
	return b.get(ctx, h)
}

func (b *batcher) get(ctx context.Context, h handle) (providers.Batch, error) {
	found, err := b.job(ctx, h)
	return found.batch(), err
}

func (b *batcher) job(ctx context.Context, h handle) (job, error) {
	var found job
	_, err := b.control.Do(ctx, openai.Call{Method: http.MethodGet, URL: b.jobURL(h), Out: &found})
	if err == nil && found.ARN == "" {
		err = b.fault(providers.KindUnreadable, "", "the answer names no batch")
	}
	return found, err
}

// jobURL has the ARN as one segment.
func (b *batcher) jobURL(h handle) string {
	return b.controlBase + "/model-invocation-job/" + httpbinding.EscapePath(h.ARN, true)
}

// Cancel asks for the end. Bedrock refuses to stop what is over: then that is told.
func (b *batcher) Cancel(ctx context.Context, raw providers.Handle) (providers.Batch, error) {
	h, err := b.read(raw)
	if err != nil {
		return providers.Batch{}, err
	}
	_, stopped := b.control.Do(ctx, openai.Call{Method: http.MethodPost, URL: b.jobURL(h) + "/stop"})
	var refused *providers.Error
	if stopped != nil && !(errors.As(stopped, &refused) && refused.Code == "ConflictException") {
		return providers.Batch{}, stopped
	}
	now, err := b.get(ctx, h)
	if err == nil && stopped != nil && !now.State.Over() {
		return now, stopped
	}
	return now, err
}

// Delete removes the files that the batch has read and written in S3: the requests, the answers beside what was
// asked, and the list of both.
func (b *batcher) Delete(ctx context.Context, raw providers.Handle) error {
	h, err := b.read(raw)
	if err != nil {
		return err
	}
	answers := h.Name + "/" + (&job{ARN: h.ARN}).id() + "/"
	for _, key := range []string{h.Name + "/" + requestsFile, answers + requestsFile + ".out", answers + manifestFile} {
		if err := b.files.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// fault is an error of ours, which cost nothing.
func (b *batcher) fault(kind providers.Kind, model, message string) *providers.Error {
	return &providers.Error{
		Kind: kind, Provider: name, Model: model, Message: message, Charge: providers.ChargeNone,
	}
}

// jobStates maps Bedrock's words. What is missing here is running. Of a batch that is
// partially completed not all records could be processed in time.
var jobStates = map[string]providers.BatchState{
	"Submitted":          providers.BatchQueued,
	"Validating":         providers.BatchQueued,
	"Scheduled":          providers.BatchQueued,
	"Completed":          providers.BatchEnded,
	"PartiallyCompleted": providers.BatchExpired,
	"Expired":            providers.BatchExpired,
	"Failed":             providers.BatchFailed,
	"Stopped":            providers.BatchCancelled,
}

func (j *job) batch() providers.Batch {
	made := providers.Batch{
		ID: j.id(), Name: j.Name, Handle: plainjson.Of(handle{j.ARN, j.Name}), Status: j.Status,
		State: cmp.Or(jobStates[j.Status], providers.BatchRunning),
		Lines: j.Total, Done: j.Success, Failed: j.Failed, Created: j.Submitted.UTC(),
	}
	if made.State.Over() {
		made.Ended, made.Reason = j.Ended.UTC(), providers.Redact(j.Message)
	}
	return made
}

// id is the end of the ARN, which names the folder of the answers.
func (j *job) id() string { return j.ARN[strings.LastIndexByte(j.ARN, '/')+1:] }
