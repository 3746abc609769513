package work

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// ParseLine reads a line of a file of requests, in a vendor's words.
type ParseLine func(line []byte) (BatchLine, *BatchFault)

// ReadLines reads the requests of a batch from a file of JSON lines, and what is wrong
// with them. The error is of reading, not of the file.
func ReadLines(file io.Reader, parse ParseLine) ([]BatchLine, []BatchFault, error) {
	var lines []BatchLine
	var faults []BatchFault
	seen := map[string]bool{}
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; scanner.Scan(); n++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		line, fault := parse(scanner.Bytes())
		if fault == nil && line.ID != "" && seen[line.ID] {
			fault = &BatchFault{Code: "duplicate_custom_id", Message: "The custom_id of this line was used before."}
		}
		if fault != nil {
			fault.Line = n
			faults = append(faults, *fault)
		}
		seen[line.ID] = true
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		faults = append(faults, BatchFault{Code: "empty_file", Message: "The file holds no requests."})
	}
	return lines, faults, scanner.Err()
}

// Lines reads the requests of a batch from an uploaded file.
func (bs *Batches) Lines(file string, parse ParseLine) ([]BatchLine, []BatchFault, *lab.Failure) {
	bs.mu.Lock()
	_, refused := bs.file(file)
	bs.mu.Unlock()
	if refused != nil {
		return nil, nil, refused
	}
	body, err := bs.lab.Shelf.Open(file)
	if err != nil {
		return nil, nil, lab.Invalid("input_file_id", "the bytes of %s have not been uploaded yet", file)
	}
	defer body.Close()
	lines, faults, err := ReadLines(body, parse)
	if err != nil {
		return nil, nil, lab.NotKept(err)
	}
	return lines, faults, nil
}

// OpenAILine reads the lines of OpenAI's batch files
// (https://platform.openai.com/docs/guides/batch), all of which go to one route.
func OpenAILine(route string) ParseLine {
	return func(line []byte) (BatchLine, *BatchFault) {
		var asked struct {
			ID     string          `json:"custom_id"`
			Method string          `json:"method"`
			URL    string          `json:"url"`
			Body   json.RawMessage `json:"body"`
		}
		bad := func(code, param, message string) (BatchLine, *BatchFault) {
			return BatchLine{}, &BatchFault{Code: code, Param: param, Message: message}
		}
		switch err := json.Unmarshal(line, &asked); {
		case err != nil:
			return bad("invalid_json_line", "", "This line is not parseable as valid JSON.")
		case asked.ID == "":
			return bad("missing_required_parameter", "custom_id", "Missing required parameter: 'custom_id'.")
		case asked.Method != http.MethodPost:
			return bad("invalid_method", "method", "Invalid value for method. Only POST is supported.")
		case asked.URL != route:
			return bad("url_mismatch", "url", fmt.Sprintf("The URL of this line is not the batch's %s.", route))
		case len(asked.Body) == 0:
			return bad("missing_required_parameter", "body", "Missing required parameter: 'body'.")
		}
		return BatchLine{ID: asked.ID, Body: asked.Body}, nil
	}
}

// OpenAIResult makes a line of OpenAI's files of answers and of errors.
func OpenAIResult(prefix string, errorBody func(lab.Failure) any) func(Batch, BatchResult) any {
	return func(_ Batch, result BatchResult) any {
		line := map[string]any{"id": lab.NewID(prefix), "custom_id": result.ID, "response": nil, "error": nil}
		said := map[string]any{"status_code": http.StatusOK, "request_id": lab.NewID("req_"), "body": result.Body}
		switch {
		case result.Missed:
			line["error"] = map[string]any{
				"code": "batch_expired", "message": "This request could not be executed before the completion window expired.",
			}
			return line
		case result.Failure != nil:
			said["status_code"], said["body"] = result.Failure.Status, errorBody(*result.Failure)
		}
		line["response"] = said
		return line
	}
}

// OpenAIStatus is OpenAI's word for where a batch is.
func OpenAIStatus(state BatchState) string {
	return map[BatchState]string{
		BatchValidating: "validating", BatchQueued: "in_progress", BatchRunning: "in_progress",
		BatchFinalizing: "finalizing", BatchCancelling: "cancelling", BatchCancelled: "cancelled",
		BatchFailed: "failed", BatchExpired: "expired", BatchCompleted: "completed",
	}[state]
}

// OpenAIBatch makes OpenAI's batch object
// (https://platform.openai.com/docs/api-reference/batch/object), but for what was
// asked: endpoint, completion_window and metadata.
func OpenAIBatch(b Batch, now time.Time) map[string]any {
	state := b.State(now)
	object := map[string]any{
		"id": b.ID, "object": "batch", "input_file_id": b.File, "status": OpenAIStatus(state), "errors": nil,
		"output_file_id": lab.OrNil(b.Output), "error_file_id": lab.OrNil(b.Errors),
		"created_at": b.Created.Unix(), "in_progress_at": since(b.Created.Add(batchChecking), now),
		"finalizing_at": since(b.Answered, now), "expires_at": b.Created.Add(b.Window).Unix(),
		"cancelling_at": nil, "completed_at": nil, "failed_at": nil, "expired_at": nil, "cancelled_at": nil,
		"request_counts": b.counts(now),
	}
	if !b.Cancelled.IsZero() {
		object["cancelling_at"] = b.Cancelled.Unix()
	}
	if state.Ended() {
		object[OpenAIStatus(state)+"_at"] = b.stops().Unix()
	}
	if state == BatchFailed {
		object["in_progress_at"], object["finalizing_at"] = nil, nil
		object["errors"] = map[string]any{"object": "list", "data": lab.Objects(b.Bad, BatchFault.object)}
	}
	return object
}

// counts tells how many lines there are, are answered and have failed.
func (b *Batch) counts(now time.Time) map[string]any {
	counts := map[string]any{"total": b.Lines, "completed": b.Done(now), "failed": 0}
	if b.Delivered {
		counts["completed"], counts["failed"] = b.Good, b.Wrong
	}
	return counts
}

// since is a unix time, or nil while it is ahead.
func since(at, now time.Time) any {
	if at.After(now) {
		return nil
	}
	return at.Unix()
}

func (f BatchFault) object() any {
	object := map[string]any{"code": f.Code, "message": f.Message, "param": lab.OrNil(f.Param), "line": nil}
	if f.Line > 0 {
		object["line"] = f.Line
	}
	return object
}
