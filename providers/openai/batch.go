package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// Batches sets a vendor apart that takes batches as OpenAI does: a file of requests is
// uploaded, a batch is made of it, and its answers are fetched as files
// (https://platform.openai.com/docs/api-reference/batch).
type Batches struct {
	Base string // the routes /files and /batches stand below it
	// Route is what each line asks for, in the vendor's words: "/v1/chat/completions".
	Route string
	// Endpoint is what a batch is made for, where that is another word. Defaults to Route.
	Endpoint string
	// Look is the time between two looks at an uploaded file, where the vendor has to
	// check it before a batch may be made of it. Defaults to no look.
	Look time.Duration
	// Limits returns what one batch of a model may hold, false where it takes none.
	Limits func(model string) (providers.BatchLimits, bool)
	// Unlisted says that the vendor's list of models does not tell what takes batches.
	Unlisted bool
	// Window is the vendor's word for a window. Defaults to "24h".
	Window func(time.Duration) string
	// Purpose is the vendor's word for files of requests. Defaults to "batch".
	Purpose string
	// Bare leaves method and url out of the lines.
	Bare bool
	// Upload sends a file of requests and returns its id. Defaults to one form.
	Upload func(ctx context.Context, name string, file *BatchFile) (id string, err error)
}

// batcher drives batches by a client.
type batcher struct {
	*Client
	Batches
}

// NewBatcher returns the batches of a client's vendor.
func NewBatcher(client *Client, batches Batches) providers.Batcher {
	batches.Base = strings.TrimRight(batches.Base, "/")
	batches.Purpose, batches.Endpoint = cmp.Or(batches.Purpose, "batch"), cmp.Or(batches.Endpoint, batches.Route)
	b := &batcher{client, batches}
	if b.Upload == nil {
		b.Upload = b.uploadForm
	}
	return b
}

// Batchable tells what one batch of the model may hold.
func (b *batcher) Batchable(ctx context.Context, model string) (providers.BatchLimits, error) {
	limits, ok := b.Limits(model)
	if ok && !b.Unlisted {
		models, err := b.Models(ctx)
		if err != nil {
			return limits, err
		}
		ok = slices.ContainsFunc(models, func(m providers.ModelInfo) bool { return m.ID == model && m.Active })
	}
	if !ok {
		return limits, &providers.Error{
			Kind: providers.KindModelGone, Provider: b.dialect.Provider, Model: model, Charge: providers.ChargeNone,
			Message: "the vendor takes no batches of the model",
		}
	}
	return limits, nil
}

// Submit uploads the file of requests under the batch's name and makes the batch of it.
func (b *batcher) Submit(ctx context.Context, spec providers.BatchSpec) (providers.Batch, error) {
	route := b.Route
	if b.Bare {
		route = ""
	}
	file, err := NewBatchFile(spec, b.BatchLines(route))
	if err != nil {
		return providers.Batch{}, b.Refused(spec.Model, err)
	}
	id, err := b.Upload(ctx, fileName(spec.Name), file)
	if err != nil {
		return providers.Batch{}, b.Refused(spec.Model, file.Cause(err))
	}
	if err := b.checked(ctx, id); err != nil {
		return providers.Batch{}, err
	}
	window := "24h"
	if b.Window != nil {
		window = b.Window(spec.Window)
	}
	in := map[string]any{"input_file_id": id, "endpoint": b.Endpoint, "completion_window": window}
	if !b.Bare {
		in["metadata"] = map[string]string{"name": spec.Name}
	}
	made, err := b.one(ctx, spec.Name, Call{Method: http.MethodPost, URL: b.Base + "/batches", In: in})
	if providers.Declined(err) {
		err = errors.Join(err, b.deleteFile(ctx, id))
	}
	return made, err
}

// fileName is what the file of a batch's requests is called.
func fileName(batch string) string { return batch + ".jsonl" }

// one makes a call that is answered with a batch.
func (b *batcher) one(ctx context.Context, name string, call Call) (providers.Batch, error) {
	var found batch
	call.Out = &found
	if _, err := b.Do(ctx, call); err != nil {
		return providers.Batch{}, err
	}
	if found.ID == "" {
		return providers.Batch{}, b.Garbled("the answer names no batch")
	}
	return found.batch(name), nil
}

// Garbled is the error of an answer that does not hold what it must.
func (c *Client) Garbled(message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindServer, Provider: c.dialect.Provider, Message: message, Charge: providers.ChargeUnknown,
	}
}

// Find looks among all batches for the one that was made of a file with the name.
func (b *batcher) Find(ctx context.Context, spec providers.BatchSpec, notBefore time.Time) (providers.Batch, bool, error) {
	files, err := ListAll[batchInput](ctx, b.Client, b.Base+"/files")
	if err != nil {
		return providers.Batch{}, false, err
	}
	named := map[string]bool{}
	for _, f := range files {
		named[f.ID] = f.Name == fileName(spec.Name)
	}
	batches, err := ListAll[batch](ctx, b.Client, b.Base+"/batches")
	if err != nil {
		return providers.Batch{}, false, err
	}
	slices.SortStableFunc(batches, func(x, y batch) int { return x.Created.Compare(y.Created.Time) })
	for _, found := range batches {
		ours := found.Metadata.Name == spec.Name || named[found.File]
		if ours && !found.Created.Before(notBefore.Truncate(time.Second)) {
			return found.batch(spec.Name), true, nil
		}
	}
	return providers.Batch{}, false, nil
}

// batchHandle is what finds a batch again, and its answers.
type batchHandle struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (b *batcher) read(handle providers.Handle) (h batchHandle, err error) {
	if json.Unmarshal(handle, &h) != nil || h.ID == "" {
		return h, &providers.Error{
			Kind: providers.KindInvalid, Provider: b.dialect.Provider, Param: "handle", Charge: providers.ChargeNone,
			Message: "the handle is none that Submit returned",
		}
	}
	return h, nil
}

func (b *batcher) batchURL(id string) string { return b.Base + "/batches/" + url.PathEscape(id) }

// Poll tells how far a batch is.
func (b *batcher) Poll(ctx context.Context, handle providers.Handle) (providers.Batch, error) {
	h, err := b.read(handle)
	if err != nil {
		return providers.Batch{}, err
	}
	return b.one(ctx, h.Name, Call{Method: http.MethodGet, URL: b.batchURL(h.ID)})
}

// Cancel asks for the end. A vendor refuses to cancel what is over: then that is told.
func (b *batcher) Cancel(ctx context.Context, handle providers.Handle) (providers.Batch, error) {
	h, err := b.read(handle)
	if err != nil {
		return providers.Batch{}, err
	}
	now, err := b.one(ctx, h.Name, Call{Method: http.MethodPost, URL: b.batchURL(h.ID) + "/cancel", In: struct{}{}})
	var e *providers.Error
	if errors.As(err, &e) && (e.Status == http.StatusConflict || e.Status == http.StatusBadRequest) {
		if polled, failed := b.Poll(ctx, handle); failed == nil && polled.State.Over() {
			return polled, nil
		}
	}
	return now, err
}

// Results hands over the lines of the file of answers, then those of the file of what failed.
func (b *batcher) Results(ctx context.Context, handle providers.Handle, each func(providers.BatchAnswer) error) error {
	h, err := b.read(handle)
	if err != nil {
		return err
	}
	var made batch
	if _, err := b.Do(ctx, Call{Method: http.MethodGet, URL: b.batchURL(h.ID), Out: &made}); err != nil {
		return err
	}
	for _, file := range []string{made.Output, made.Errors} {
		if file == "" {
			continue
		}
		call := Call{Method: http.MethodGet, URL: b.Base + "/files/" + url.PathEscape(file) + "/content"}
		call.Lines = func(line []byte) error { return b.BatchLine(ctx, line, each) }
		if _, err := b.Do(ctx, call); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes the file of requests and those of the answers. The batch itself stays, and tells how it ended.
func (b *batcher) Delete(ctx context.Context, handle providers.Handle) error {
	h, err := b.read(handle)
	if err != nil {
		return err
	}
	var made batch
	_, err = b.Do(ctx, Call{Method: http.MethodGet, URL: b.batchURL(h.ID), Out: &made})
	if err != nil {
		return gone(err)
	}
	for _, file := range []string{made.File, made.Output, made.Errors} {
		if file == "" {
			continue
		}
		if err := b.deleteFile(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// deleteFile deletes a file. One that is gone is no error.
func (b *batcher) deleteFile(ctx context.Context, id string) error {
	_, err := b.Do(ctx, Call{Method: http.MethodDelete, URL: b.Base + "/files/" + url.PathEscape(id)})
	return gone(err)
}

// gone forgives that something is not there.
func gone(err error) error {
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// batchInput is a file as a list describes it.
type batchInput struct {
	ID   string `json:"id"`
	Name string `json:"filename"`
}

// batch is a batch as vendors describe it: some wrap it, some write times as text.
type batch struct {
	ID        string          `json:"id"`
	File      string          `json:"input_file_id"`
	Status    string          `json:"status"`
	Output    string          `json:"output_file_id"`
	Errors    string          `json:"error_file_id"`
	Fault     json.RawMessage `json:"errors"`
	Reason    string          `json:"error"`
	Created   Stamp           `json:"created_at"`
	Completed Stamp           `json:"completed_at"`
	Failed    Stamp           `json:"failed_at"`
	Expired   Stamp           `json:"expired_at"`
	Cancelled Stamp           `json:"cancelled_at"`
	Counts    struct {
		Total     int `json:"total"`
		Completed int `json:"completed"`
		Failed    int `json:"failed"`
	} `json:"request_counts"`
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

// UnmarshalJSON takes the batch out of the envelope that some put around it.
func (b *batch) UnmarshalJSON(data []byte) error {
	type plain batch
	var wrapped struct {
		Job *plain `json:"job"`
	}
	if json.Unmarshal(data, &wrapped) == nil && wrapped.Job != nil {
		*b = batch(*wrapped.Job)
		return nil
	}
	return json.Unmarshal(data, (*plain)(b))
}

// batchStates maps the words of all vendors. What is missing here is running.
var batchStates = map[string]providers.BatchState{
	"validating": providers.BatchQueued,
	"completed":  providers.BatchEnded,
	"expired":    providers.BatchExpired,
	"failed":     providers.BatchFailed,
	"cancelled":  providers.BatchCancelled,
	"canceled":   providers.BatchCancelled,
}

func (b *batch) batch(name string) providers.Batch {
	state, known := batchStates[strings.ToLower(b.Status)]
	if !known {
		state = providers.BatchRunning
	}
	made := providers.Batch{
		ID: b.ID, Name: name, Handle: plainjson.Of(batchHandle{ID: b.ID, Name: name}), State: state, Status: b.Status,
		Lines: b.Counts.Total, Done: max(b.Counts.Completed, 0), Failed: b.Counts.Failed, Created: b.Created.Time,
	}
	if state.Over() {
		made.Reason = cmp.Or(b.Reason, b.firstFault())
		for _, end := range []Stamp{b.Completed, b.Failed, b.Expired, b.Cancelled} {
			if made.Ended.IsZero() {
				made.Ended = end.Time
			}
		}
	}
	return made
}

// firstFault says what is wrong with the file of requests, which stands in a list or in
// an object around one.
func (b *batch) firstFault() string {
	type fault struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Line    int    `json:"line"`
	}
	faults, err := List[fault](b.Fault)
	if len(b.Fault) == 0 || err != nil || len(faults) == 0 {
		return ""
	}
	first := faults[0]
	said := cmp.Or(first.Message, first.Code)
	if first.Line > 0 {
		said = fmt.Sprintf("line %d: %s", first.Line, said)
	}
	return providers.Redact(said)
}
