package batch

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store/batch"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// request is what a line asks: a client's body, or the request of a step.
func (b *batchRun) request(l *batch.Line) (*providers.Request, error) {
	if l.Job != "" {
		var request providers.Request
		if err := json.Unmarshal(l.Request, &request); err != nil {
			return nil, tasks.Fail("internal", "the stored request of line %d can not be read: make another batch", l.Number)
		}
		return &request, nil
	}
	body, err := tasks.ParseChat(l.Request)
	if err != nil { // it was checked when the file was read
		return nil, tasks.Fail("internal", "the stored request of line %d can not be read: make another batch", l.Number)
	}
	request := handlers.RequestOf(body)
	return &request, nil
}

// failed ends a line with the error that a live call would have been answered with.
func failed(l *batch.Line, err error) {
	told := handlers.Failure(err)
	status := http.StatusInternalServerError
	var vendor *providers.Error
	if errors.As(err, &vendor) && vendor.Status >= http.StatusBadRequest {
		status = vendor.Status
	}
	kind := "server_error"
	if status < http.StatusInternalServerError {
		kind = "invalid_request_error"
	}
	l.State, l.Status, l.Entry = batch.LineFailed, status, ""
	l.Response = plainjson.Of(map[string]any{"error": map[string]any{
		"message": told.Message, "type": kind, "code": cmp.Or(told.Code, "internal"), "param": orNull(told.Param),
	}})
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
