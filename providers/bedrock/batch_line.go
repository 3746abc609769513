package bedrock

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strconv"
	"strings"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// record is a line of a file of requests
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html).
type record struct {
	ID    string `json:"recordId"`
	Input any    `json:"modelInput"`
}

// encodeLine makes a line, with its end. A batch has no service tier.
func encodeLine(_ string, asked providers.BatchLine) ([]byte, error) {
	body, err := newConverse(asked.Request)
	if err != nil {
		return nil, err
	}
	encoded, err := plainjson.Encode(record{asked.ID, body.with(asked.Request.Vendor)})
	return append(encoded, '\n'), err
}

// outcome is a line of the file of answers, which repeats what was asked.
type outcome struct {
	ID     string          `json:"recordId"`
	Output json.RawMessage `json:"modelOutput"`
	Error  *struct {
		Code    json.RawMessage `json:"errorCode"` // a number or a word
		Message string          `json:"errorMessage"`
	} `json:"error"`
}

// Results reads the file of answers, which has the name of the file of requests in a
// folder of the batch's id. A batch that was stopped early may have none.
func (b *batcher) Results(
	ctx context.Context, raw providers.Handle, each func(providers.BatchAnswer) error,
) error {
	h, err := b.read(raw)
	if err != nil {
		return err
	}
	found, err := b.job(ctx, h)
	if err != nil {
		return err
	}
	key, err := b.outputKey(&found)
	if err != nil {
		return err
	}
	err = b.files.Lines(ctx, key, func(line []byte) error { return b.line(ctx, found.Model, line, each) })
	var absent *providers.Error
	if errors.As(err, &absent) && absent.Code == "NoSuchKey" && found.Status != "Completed" {
		return nil
	}
	return err
}

// outputKey is the key of the answers, which lie in our bucket.
func (b *batcher) outputKey(found *job) (string, error) {
	folder, ours := strings.CutPrefix(found.Output.S3.URI, "s3://"+b.files.Name+"/")
	if !ours {
		return "", b.fault(providers.KindInvalid, "", "the batch writes to another bucket than that of "+envFolder)
	}
	return path.Join(folder, found.id(), path.Base(found.Input.S3.URI)+".out"), nil
}

// line reads a line of the answers and hands it over.
func (b *batcher) line(
	ctx context.Context, model string, line []byte, each func(providers.BatchAnswer) error,
) error {
	var came outcome
	if err := json.Unmarshal(line, &came); err != nil {
		e := b.fault(providers.KindServer, "", "a line of the answers is no JSON")
		e.Charge = providers.ChargeUnknown
		return e
	}
	if came.ID == "" {
		return nil // whose it is cannot be told: its line counts as unanswered
	}
	answer := providers.BatchAnswer{ID: came.ID}
	status, body := came.failure()
	reply, err := b.Came(ctx, model, status, "", body)
	if err == nil {
		answer.Reply = reply
		return each(answer)
	}
	if !errors.As(err, &answer.Err) {
		return err
	}
	if status != http.StatusOK {
		answer.Err.Charge = providers.ChargeNone // what failed in a batch is not billed
	}
	return each(answer)
}

// failure returns what a live call would have been answered: its status and its body.
func (o *outcome) failure() (status int, body []byte) {
	if o.Error == nil {
		return http.StatusOK, o.Output
	}
	word := string(bytes.Trim(o.Error.Code, `"`))
	status, err := strconv.Atoi(word)
	if err != nil || status < 400 || status > 599 {
		status = cmp.Or(statuses[word], http.StatusBadRequest)
	}
	return status, plainjson.Of(map[string]string{"__type": word, "message": o.Error.Message})
}

// statuses are those of the exceptions that tell more than that a record was refused.
var statuses = map[string]int{
	"InternalServerException":     http.StatusInternalServerError,
	"ModelErrorException":         http.StatusFailedDependency,
	"ModelTimeoutException":       http.StatusRequestTimeout,
	"ServiceUnavailableException": http.StatusServiceUnavailable,
	"ThrottlingException":         http.StatusTooManyRequests,
}
