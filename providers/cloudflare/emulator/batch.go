package emulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// maxQueued bounds what is queued at once, in bytes.
const maxQueued = 10_000_000

// queueAsk is what the one route of queued requests is asked: to queue some, or how far
// they are.
type queueAsk struct {
	Requests []json.RawMessage `json:"requests"`
	ID       string            `json:"request_id"`
}

// queue answers for queued requests
// (https://developers.cloudflare.com/workers-ai/features/batch-api), which cost as much as
// live ones, are never listed and never cancelled.
func (e *emulator) queue(w http.ResponseWriter, r *http.Request, by entry, body json.RawMessage) *lab.Failure {
	var ask queueAsk
	switch err := json.Unmarshal(body, &ask); {
	case err != nil:
		return badInput("%v", err)
	case len(body) > maxQueued:
		return &lab.Failure{Status: http.StatusRequestEntityTooLarge}
	case !by.queued || by.brain == nil:
		return badInput("the model does not support queued requests")
	case ask.ID != "":
		return e.progress(w, by, ask.ID)
	case len(ask.Requests) == 0:
		return badInput("required properties at '/' are 'requests'")
	}
	return e.enqueue(w, r, by, ask.Requests)
}

func (e *emulator) enqueue(w http.ResponseWriter, r *http.Request, by entry, requests []json.RawMessage) *lab.Failure {
	lines := make([]work.BatchLine, len(requests))
	for i, request := range requests {
		var asked struct {
			Reference string          `json:"external_reference"`
			Prompt    string          `json:"prompt"`
			Messages  json.RawMessage `json:"messages"`
		}
		if err := json.Unmarshal(request, &asked); err != nil {
			return badInput("'/requests/%d': %v", i, err)
		}
		if asked.Prompt == "" && (by.prompts || len(asked.Messages) == 0) {
			return badInput("required properties at '/requests/%d' are 'prompt'", i)
		}
		lines[i] = work.BatchLine{ID: strconv.Itoa(i) + " " + asked.Reference, Body: request}
	}
	made, refused := e.account.Batches.Order(r, work.BatchOrder{
		Batch: work.Batch{ID: lab.NewID(""), Model: by.id, Percent: 100}, Requests: lines,
		Answer: func(line json.RawMessage) (work.BatchSaid, *lab.Failure) { return e.answerLine(by, line) },
	})
	if refused != nil {
		return refused
	}
	lab.WriteJSON(w, http.StatusOK, envelope(map[string]any{"status": "queued", "request_id": made.ID, "model": by.id}))
	return nil
}

// answerLine answers a queued request as a live one, but for streams.
func (e *emulator) answerLine(by entry, line json.RawMessage) (work.BatchSaid, *lab.Failure) {
	a, refused := read(line)
	if refused == nil {
		refused = a.check(by)
	}
	if refused != nil {
		return work.BatchSaid{}, refused
	}
	answer := &lab.Answer{Model: by.id, Ask: &a.Ask}
	if refused := e.lab.Complete(answer, by.brain); refused != nil {
		return work.BatchSaid{}, refused
	}
	return work.BatchSaid{Body: said(answer), Usage: answer.Usage}, nil
}

// progress tells how far queued requests are, or what came of them. How a failure as a
// whole and an expiry are told was never recorded.
func (e *emulator) progress(w http.ResponseWriter, by entry, id string) *lab.Failure {
	b, refused := e.account.Batches.Batch(id)
	if refused != nil || b.Model != by.id {
		return badInput("there is no request %s", id)
	}
	result := map[string]any{"request_id": id, "model": by.id}
	switch state := b.State(e.lab.Now()); state {
	case work.BatchValidating, work.BatchQueued:
		result["status"] = "queued"
	case work.BatchFailed:
		result["status"], result["error"] = "failed", b.Bad[0].Message
	case work.BatchCompleted, work.BatchExpired:
		if state == work.BatchExpired {
			result["status"] = "expired"
		}
		results, refused := e.account.Batches.Results(id)
		if refused != nil {
			return refused
		}
		result["responses"], result["usage"] = responses(results)
	default:
		result["status"] = "running"
	}
	lab.WriteJSON(w, http.StatusOK, envelope(result))
	return nil
}

// responses are what came of the requests, and what they used together. Those whose turn
// never came are left out.
func responses(results []work.BatchResult) (list []any, usage map[string]any) {
	in, out := int64(0), int64(0)
	list = []any{}
	for _, r := range results {
		if r.Missed {
			continue
		}
		index, reference, _ := strings.Cut(r.ID, " ")
		id, err := strconv.Atoi(index)
		if err != nil { // it was written by enqueue
			panic(err)
		}
		object := map[string]any{"id": id, "success": r.Failure == nil, "external_reference": lab.OrNil(reference)}
		if r.Failure != nil {
			object["errors"] = failure(*r.Failure)["errors"]
		} else {
			object["result"] = r.Body
		}
		in, out, list = in+r.Usage.In, out+r.Usage.Out, append(list, object)
	}
	return list, map[string]any{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out}
}
