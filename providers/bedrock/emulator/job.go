package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// jobID takes the id out of an ARN, which has to be whole.
func jobID(r *http.Request) (string, *lab.Failure) {
	found := jobARN.FindStringSubmatch(r.PathValue("id"))
	if found == nil {
		return "", refuse("The provided ARN is invalid")
	}
	return found[1], nil
}

func (e *emulator) job(r *http.Request) (any, *lab.Failure) {
	id, refused := jobID(r)
	if refused != nil {
		return nil, refused
	}
	found, refused := e.batches.Batch(id)
	if refused != nil {
		return nil, refused
	}
	return e.jobObject(found), nil
}

// stop asks a batch to end; one that is over conflicts.
func (e *emulator) stop(r *http.Request) (any, *lab.Failure) {
	id, refused := jobID(r)
	if refused != nil {
		return nil, refused
	}
	if _, refused = e.batches.Cancel(id); refused != nil && refused.Status == http.StatusConflict {
		refused.Status, refused.Type = http.StatusBadRequest, "ConflictException"
	}
	return map[string]any{}, refused
}

// jobs lists batches by a part of their names and by when they were made.
func (e *emulator) jobs(r *http.Request) (any, *lab.Failure) {
	all, refused := e.batches.List()
	if refused != nil {
		return nil, refused
	}
	query := r.URL.Query()
	part, status := query.Get("nameContains"), query.Get("statusEquals")
	first := lab.Between(query.Get("nextToken"), 0, len(all), 0)
	most := lab.Between(query.Get("maxResults"), 1, 1000, 100)
	list, answer := []any{}, map[string]any{}
	for i := first; i < len(all); i++ {
		if len(list) == most {
			answer["nextToken"] = strconv.Itoa(i)
			break
		}
		object := e.jobObject(all[i])
		if strings.Contains(all[i].Name, part) && (status == "" || object["status"] == status) {
			list = append(list, object)
		}
	}
	answer["invocationJobSummaries"] = list
	return answer, nil
}

// jobStatus is Bedrock's word for where a batch is.
func jobStatus(state work.BatchState) string {
	return map[work.BatchState]string{
		work.BatchValidating: "Validating", work.BatchQueued: "Scheduled", work.BatchRunning: "InProgress",
		work.BatchFinalizing: "InProgress", work.BatchCancelling: "Stopping", work.BatchCancelled: "Stopped",
		work.BatchFailed: "Failed", work.BatchExpired: "Expired", work.BatchCompleted: "Completed",
	}[state]
}

func (e *emulator) jobObject(b work.Batch) map[string]any {
	asked, now := orderOf(&b), e.lab.Now()
	state := b.State(now)
	object := map[string]any{
		"jobArn": arnOf(b.ID), "jobName": b.Name, "modelId": b.Model, "roleArn": asked.Role, "status": jobStatus(state),
		"clientRequestToken": asked.Token, "modelInvocationType": asked.Type, "timeoutDurationInHours": asked.Hours,
		"submitTime": stamp(b.Created), "lastModifiedTime": stamp(now), "jobExpirationTime": stamp(b.Created.Add(b.Window)),
		"inputDataConfig": map[string]any{"s3InputDataConfig": map[string]any{
			"s3Uri": asked.In.S3.URI, "s3InputFormat": asked.In.S3.Format,
		}},
		"outputDataConfig": map[string]any{"s3OutputDataConfig": map[string]any{"s3Uri": asked.Out.S3.URI}},
		"totalRecordCount": b.Lines, "processedRecordCount": b.Done(now), "successRecordCount": b.Done(now),
		"errorRecordCount": 0,
	}
	if b.Delivered {
		object["successRecordCount"], object["errorRecordCount"] = b.Good, b.Wrong
	}
	if state.Ended() {
		object["endTime"] = stamp(b.Stops())
	}
	if len(b.Bad) > 0 && state == work.BatchFailed {
		object["message"] = b.Bad[0].Message
	}
	return object
}

// stamp is how Bedrock writes a time.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
