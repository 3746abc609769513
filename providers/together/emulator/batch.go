package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// halfPrice is the one model whose batches cost half; all others cost what live calls do
// (https://docs.together.ai/docs/batch-inference).
const halfPrice = "meta-llama/Llama-3.3-70B-Instruct-Turbo"

// batches answers for batches.
type batches struct {
	*inference
	batches *work.Batches
}

func (bs *batches) routes(mux *http.ServeMux) {
	bs.batches.Dress(work.Dressing{Line: batchLine})
	mux.HandleFunc("POST /v1/batches", lab.Take(bs.vendor, bs.create))
	mux.HandleFunc("GET /v1/batches", bs.vendor.Answer(bs.list))
	mux.HandleFunc("GET /v1/batches/{id}", bs.vendor.Answer(bs.get))
	mux.HandleFunc("POST /v1/batches/{id}/cancel", bs.vendor.Answer(bs.cancel))
}

// batchLine makes a line of the files of answers and of errors.
func batchLine(_ work.Batch, result work.BatchResult) any {
	switch {
	case result.Missed:
		return map[string]any{"custom_id": result.ID, "error": map[string]any{"code": "timeout", "message": "The request timed out."}}
	case result.Failure != nil:
		f := words().Complete(*result.Failure)
		return map[string]any{"custom_id": result.ID, "error": map[string]any{"code": f.Code, "message": f.Message}}
	}
	return map[string]any{
		"custom_id": result.ID, "response": map[string]any{"status_code": http.StatusOK, "body": result.Body},
	}
}

// parseLine reads a line of a file of requests, which has neither method nor URL.
func parseLine(line []byte) (work.BatchLine, *work.BatchFault) {
	var asked struct {
		ID   string          `json:"custom_id"`
		Body json.RawMessage `json:"body"`
	}
	if json.Unmarshal(line, &asked) != nil || asked.ID == "" || len(asked.ID) > 64 || len(asked.Body) == 0 {
		return work.BatchLine{}, &work.BatchFault{Message: "a line must be an object of custom_id and body"}
	}
	return work.BatchLine{ID: asked.ID, Body: asked.Body}, nil
}

// answer answers a line as a live call.
func (bs *batches) answer(line json.RawMessage) (work.BatchSaid, *lab.Failure) {
	var ask ask
	if err := json.Unmarshal(line, &ask); err != nil {
		return work.BatchSaid{}, invalidInput("", err.Error())
	}
	ask.Ask.Stop = ask.Stop
	by, refused := bs.sound(&ask)
	if refused == nil && by.deployment != "" {
		refused = lab.Invalid("model", "dedicated endpoints take no batches")
	}
	answer := &lab.Answer{Model: ask.Model, Ask: &ask.Ask}
	if refused == nil {
		refused = bs.lab.Complete(answer, by.brain)
	}
	if refused != nil {
		return work.BatchSaid{}, refused
	}
	return work.BatchSaid{Body: whole(answer), Usage: answer.Usage}, nil
}

type batchAsk struct {
	File     string `json:"input_file_id"`
	Endpoint string `json:"endpoint"`
	Window   string `json:"completion_window"`
}

func (bs *batches) create(r *http.Request, ask *batchAsk) (any, *lab.Failure) {
	if ask.Endpoint != "/v1/chat/completions" {
		return nil, lab.Invalid("endpoint", "invalid endpoint %q", ask.Endpoint)
	}
	lines, faults, refused := bs.batches.Lines(ask.File, parseLine)
	if refused != nil {
		return nil, refused
	}
	var first struct{ Model string }
	if len(lines) > 0 && json.Unmarshal(lines[0].Body, &first) != nil || first.Model == "" {
		faults = append(faults, work.BatchFault{Message: "the first line names no model"})
	}
	order := work.BatchOrder{
		Batch:    work.Batch{ID: lab.NewID("batch-"), Model: first.Model, File: ask.File, Window: 24 * time.Hour},
		Requests: lines, Faults: faults, Answer: bs.answer,
	}
	if first.Model == halfPrice {
		order.Percent = 50
	}
	b, refused := bs.batches.Order(r, order)
	if refused != nil {
		return nil, refused
	}
	return map[string]any{"job": bs.object(b), "warning": ""}, nil
}

// object is a batch as Together describes it: it counts no lines, and writes times as text.
func (bs *batches) object(b work.Batch) any {
	now := bs.lab.Now()
	state := b.State(now)
	object := map[string]any{
		"id": b.ID, "user_id": userID, "input_file_id": b.File, "file_size_bytes": 0, "status": batchStatus(state),
		"endpoint": "/v1/chat/completions", "progress": 100 * float64(b.Done(now)) / float64(max(b.Lines, 1)),
		"model_id": b.Model, "job_deadline": stamp(b.Created.Add(b.Window)), "created_at": stamp(b.Created),
	}
	if state.Ended() {
		object["completed_at"] = stamp(b.Stops())
		object["output_file_id"], object["error_file_id"] = b.Output, b.Errors
	}
	if len(b.Bad) > 0 && state.Ended() {
		object["error"] = b.Bad[0].Message
	}
	return object
}

// batchStatus is Together's word for where a batch is.
func batchStatus(state work.BatchState) string {
	switch state {
	case work.BatchQueued, work.BatchRunning, work.BatchFinalizing, work.BatchCancelling:
		return "IN_PROGRESS"
	}
	return strings.ToUpper(string(state))
}

func (bs *batches) described(b work.Batch, refused *lab.Failure) (any, *lab.Failure) {
	if refused != nil {
		return nil, refused
	}
	return bs.object(b), nil
}

func (bs *batches) get(r *http.Request) (any, *lab.Failure) {
	return bs.described(bs.batches.Batch(r.PathValue("id")))
}

func (bs *batches) cancel(r *http.Request) (any, *lab.Failure) {
	return bs.described(bs.batches.Cancel(r.PathValue("id")))
}

// list answers with a bare array: the vendor wraps it in nothing.
func (bs *batches) list(*http.Request) (any, *lab.Failure) {
	all, refused := bs.batches.List()
	if refused != nil {
		return nil, refused
	}
	slices.Reverse(all)
	return lab.Objects(all, bs.object), nil
}
