package cloudflare

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// What one batch may hold (https://developers.cloudflare.com/workers-ai/features/batch-api).
// Its bytes are the vendor's limit; so few lines that all answers can be read at once. No
// window is promised: within a day they were always answered.
const (
	maxLines = 500
	maxBytes = 10_000_000
	window   = 24 * time.Hour
)

// promptAlone are the beginnings of the names of models whose queued requests take a
// prompt and no messages, by Cloudflare's own types.
var promptAlone = []string{"@cf/meta/llama-3.3-70b"}

// batcher drives queued requests: they cost as much as live ones, are not listed, and can
// not be cancelled.
type batcher struct {
	*driver
	line openai.EncodeLine // in OpenAI's form
}

// Batcher answers many requests later.
func (d *driver) Batcher() providers.Batcher { return batcher{d, d.BatchLines("")} }

// Batchable asks the list of models, which tells what can be queued.
func (b batcher) Batchable(ctx context.Context, model string) (providers.BatchLimits, error) {
	limits := providers.BatchLimits{MaxLines: maxLines, MaxBytes: maxBytes, Window: window}
	records, err := b.records(ctx)
	if err != nil {
		return limits, err
	}
	for _, r := range records {
		if r.Name == model && r.property("async_queue") == "true" && r.Task.Name == "Text Generation" {
			return limits, nil
		}
	}
	return limits, b.fault(providers.KindModelGone, model, "the vendor queues no requests to the model")
}

func (b batcher) fault(kind providers.Kind, model, message string) *providers.Error {
	return &providers.Error{
		Kind: kind, Provider: name, Model: model, Message: message, Charge: providers.ChargeNone,
	}
}

// handle is what finds queued requests again, and what the vendor does not tell of them.
type handle struct {
	ID      string    `json:"id"`
	Model   string    `json:"model"`
	Name    string    `json:"name"`
	Lines   int       `json:"lines"`
	Created time.Time `json:"created"`
}

// queued is what is told of queued requests.
type queued struct {
	Result struct {
		Status    string     `json:"status"`
		ID        string     `json:"request_id"`
		Error     string     `json:"error"`
		Responses []response `json:"responses"`
	} `json:"result"`
}

// response is what came of one request.
type response struct {
	Reference *string         `json:"external_reference"`
	Success   bool            `json:"success"`
	Result    json.RawMessage `json:"result"`
	Errors    json.RawMessage `json:"errors"`
	Error     json.RawMessage `json:"error"`
}

// Submit queues the requests.
func (b batcher) Submit(ctx context.Context, spec providers.BatchSpec) (providers.Batch, error) {
	file, err := openai.NewBatchFile(spec, b.encodeLine)
	if err != nil {
		return providers.Batch{}, b.Refused(spec.Model, err)
	}
	if file.Size > maxBytes {
		return providers.Batch{}, b.fault(providers.KindTooLarge, spec.Model, "the requests are more than 10 MB")
	}
	lines, err := read(file)
	if err != nil {
		return providers.Batch{}, b.Refused(spec.Model, file.Cause(err))
	}
	made, err := b.call(ctx, spec.Model, map[string]any{"requests": lines})
	if err != nil {
		return providers.Batch{}, err
	}
	if made.Result.ID == "" {
		return providers.Batch{}, b.Garbled("the answer names no queued requests")
	}
	h := handle{ID: made.Result.ID, Model: spec.Model, Name: spec.Name, Lines: len(lines), Created: b.now().UTC()}
	return b.batch(h, made), nil
}

// encodeLine makes the object of one request, on one line. Its reference holds how long
// its answer may be, since the answer does not say that it was cut.
func (b batcher) encodeLine(model string, asked providers.BatchLine) ([]byte, error) {
	encoded, err := b.line(model, asked)
	if err != nil {
		return nil, err
	}
	var line struct {
		Body map[string]json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(encoded, &line); err != nil {
		return nil, err
	}
	delete(line.Body, "model") // it stands in the path
	if alone(model) {
		prompt, err := promptOf(asked.Request)
		if err != nil {
			return nil, err
		}
		delete(line.Body, "messages")
		line.Body["prompt"] = completion.Quoted(prompt)
	}
	line.Body["external_reference"] = completion.Quoted(asked.ID + "." + string(line.Body["max_tokens"]))
	return append(plainjson.Of(line.Body), '\n'), nil
}

func alone(model string) bool {
	for _, beginning := range promptAlone {
		if strings.HasPrefix(model, beginning) {
			return true
		}
	}
	return false
}

// promptOf makes a prompt of a conversation that is one question, with what the system
// says before it. The vendor puts it into the model's template.
func promptOf(req *providers.Request) (string, error) {
	var texts []string
	for _, m := range req.Messages {
		if m.Role != "system" && m.Role != "developer" && m.Role != "user" || len(texts) > 0 && m.Role != "user" {
			return "", openai.Unsupported("messages", "queued requests to the model take one question")
		}
		texts = append(texts, m.Text())
	}
	if len(req.Tools) > 0 {
		return "", openai.Unsupported("tools", "queued requests to the model take none")
	}
	return strings.Join(texts, "\n\n"), nil
}

// read takes the lines of a file in.
func read(file *openai.BatchFile) ([]json.RawMessage, error) {
	content := file.Open()
	defer content.Close()
	lines := make([]json.RawMessage, 0, file.Lines)
	scanner := bufio.NewScanner(content)
	scanner.Buffer(nil, maxBytes)
	for scanner.Scan() {
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	return lines, scanner.Err()
}

// call asks the one route that queued requests have.
func (b batcher) call(ctx context.Context, model string, in any) (queued, error) {
	var out queued
	_, err := b.Do(ctx, openai.Call{
		Method: http.MethodPost, URL: b.ai + "/run/" + model + "?queueRequest=true", In: in, Out: &out, Model: model,
	})
	return out, err
}

// Find finds nothing: queued requests are not listed.
func (b batcher) Find(context.Context, providers.BatchSpec, time.Time) (providers.Batch, bool, error) {
	return providers.Batch{}, false, b.fault(providers.KindUnsupported, "", "the vendor does not list queued requests")
}

// Cancel cancels nothing.
func (b batcher) Cancel(context.Context, providers.Handle) (providers.Batch, error) {
	return providers.Batch{}, b.fault(providers.KindUnsupported, "", "queued requests can not be cancelled")
}

// Delete deletes nothing: Cloudflare keeps no files, and forgets answers by itself.
func (b batcher) Delete(context.Context, providers.Handle) error { return nil }

// Poll tells how far the requests are.
func (b batcher) Poll(ctx context.Context, raw providers.Handle) (providers.Batch, error) {
	h, now, err := b.poll(ctx, raw)
	if err != nil {
		return providers.Batch{}, err
	}
	return b.batch(h, now), nil
}

func (b batcher) poll(ctx context.Context, raw providers.Handle) (h handle, now queued, err error) {
	if json.Unmarshal(raw, &h) != nil || h.ID == "" || h.Model == "" {
		e := b.fault(providers.KindInvalid, "", "the handle is none that Submit returned")
		e.Param = "handle"
		return h, now, e
	}
	now, err = b.call(ctx, h.Model, map[string]any{"request_id": h.ID})
	return h, now, err
}

// states maps the vendor's words. Answers are the end without a word.
var states = map[string]providers.BatchState{
	"queued": providers.BatchQueued, "failed": providers.BatchFailed, "error": providers.BatchFailed,
	"errored": providers.BatchFailed, "expired": providers.BatchExpired, "cancelled": providers.BatchCancelled,
}

func (b batcher) batch(h handle, now queued) providers.Batch {
	made := providers.Batch{
		ID: h.ID, Name: h.Name, Handle: plainjson.Of(h), State: providers.BatchRunning, Status: now.Result.Status,
		Lines: h.Lines, Created: h.Created,
	}
	if state, known := states[strings.ToLower(now.Result.Status)]; known {
		made.State = state
	} else if now.Result.Responses != nil {
		made.State, made.Status = providers.BatchEnded, "answered"
	}
	for _, r := range now.Result.Responses {
		if r.Success {
			made.Done++
		} else {
			made.Failed++
		}
	}
	if made.State.Over() { // the vendor does not say when
		made.Ended, made.Reason = b.now().UTC(), providers.Redact(now.Result.Error)
	}
	return made
}

// Results hands over the answers.
func (b batcher) Results(ctx context.Context, raw providers.Handle, each func(providers.BatchAnswer) error) error {
	h, now, err := b.poll(ctx, raw)
	if err != nil {
		return err
	}
	for i := range now.Result.Responses {
		answer, err := b.answer(ctx, h, &now.Result.Responses[i])
		if err != nil {
			return err
		}
		if answer.ID == "" {
			continue // whose it is cannot be told: its request counts as unanswered
		}
		if err := each(answer); err != nil {
			return err
		}
	}
	return nil
}

// answer reads what came of one request. What failed is not billed.
func (b batcher) answer(ctx context.Context, h handle, r *response) (providers.BatchAnswer, error) {
	var made providers.BatchAnswer
	if r.Reference == nil {
		return made, nil
	}
	id, bound, _ := strings.Cut(*r.Reference, ".")
	tokens, err := strconv.Atoi(bound)
	if err != nil {
		return made, nil // it is not ours
	}
	made.ID = id
	body := []byte(plainjson.Of(r.failure()))
	if r.Success {
		req := &providers.Request{Model: h.Model, Settings: completion.Settings{MaxTokens: tokens}}
		body = translate(req)(plainjson.Of(map[string]json.RawMessage{"result": r.Result}))
	}
	made.Reply, err = b.Came(ctx, h.Model, http.StatusOK, h.ID, body)
	if err != nil && !errors.As(err, &made.Err) {
		return made, err
	}
	if made.Err != nil && !r.Success {
		made.Err.Charge = providers.ChargeNone
	}
	return made, nil
}

// failure is the body of an error that says why a request was not answered.
func (r *response) failure() map[string]json.RawMessage {
	body := map[string]json.RawMessage{"success": []byte("false")}
	switch {
	case completion.Present(r.Errors):
		body["errors"] = r.Errors
	case completion.Present(r.Error):
		body["error"] = r.Error
	default:
		body["error"] = completion.Quoted("the vendor gave no reason")
	}
	return body
}
