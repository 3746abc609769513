package dress

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// Line reads the lines of OpenAI's batch files
// (https://platform.openai.com/docs/guides/batch), all of which go to one route.
func Line(route string) work.ParseLine {
	return func(line []byte) (work.BatchLine, *work.BatchFault) {
		var asked struct {
			ID     string          `json:"custom_id"`
			Method string          `json:"method"`
			URL    string          `json:"url"`
			Body   json.RawMessage `json:"body"`
		}
		bad := func(code, param, message string) (work.BatchLine, *work.BatchFault) {
			return work.BatchLine{}, &work.BatchFault{Code: code, Param: param, Message: message}
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
		return work.BatchLine{ID: asked.ID, Body: asked.Body}, nil
	}
}

// Result makes a line of OpenAI's files of answers and of errors.
func Result(prefix string, errorBody func(lab.Failure) any) func(work.Batch, work.BatchResult) any {
	return func(_ work.Batch, result work.BatchResult) any {
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

// Status is OpenAI's word for where a batch is.
func Status(state work.BatchState) string {
	return map[work.BatchState]string{
		work.BatchValidating: "validating", work.BatchQueued: "in_progress", work.BatchRunning: "in_progress",
		work.BatchFinalizing: "finalizing", work.BatchCancelling: "cancelling", work.BatchCancelled: "cancelled",
		work.BatchFailed: "failed", work.BatchExpired: "expired", work.BatchCompleted: "completed",
	}[state]
}

// Object makes OpenAI's batch object
// (https://platform.openai.com/docs/api-reference/batch/object), but for what was
// asked: endpoint, completion_window and metadata.
func Object(b work.Batch, now time.Time) map[string]any {
	state := b.State(now)
	object := map[string]any{
		"id": b.ID, "object": "batch", "input_file_id": b.File, "status": Status(state), "errors": nil,
		"output_file_id": lab.OrNil(b.Output), "error_file_id": lab.OrNil(b.Errors),
		"created_at": b.Created.Unix(), "in_progress_at": since(b.Checked(), now),
		"finalizing_at": since(b.Answered, now), "expires_at": b.Created.Add(b.Window).Unix(),
		"cancelling_at": nil, "completed_at": nil, "failed_at": nil, "expired_at": nil, "cancelled_at": nil,
		"request_counts": counts(&b, now),
	}
	if !b.Cancelled.IsZero() {
		object["cancelling_at"] = b.Cancelled.Unix()
	}
	if state.Ended() {
		object[Status(state)+"_at"] = b.Stops().Unix()
	}
	if state == work.BatchFailed {
		object["in_progress_at"], object["finalizing_at"] = nil, nil
		object["errors"] = map[string]any{"object": "list", "data": lab.Objects(b.Bad, faultObject)}
	}
	return object
}

// counts tells how many lines there are, are answered and have failed.
func counts(b *work.Batch, now time.Time) map[string]any {
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

func faultObject(f work.BatchFault) any {
	object := map[string]any{"code": f.Code, "message": f.Message, "param": lab.OrNil(f.Param), "line": nil}
	if f.Line > 0 {
		object["line"] = f.Line
	}
	return object
}
