// Package held keeps an answer of a handler in memory, for one that asks another in
// the same process.
package held

import (
	"bytes"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/wire"
)

// Answer keeps an answer until it is known whether it will do. The largest is
// asynqmon's own script, two megabytes.
type Answer struct {
	Status int
	header http.Header
	body   bytes.Buffer
}

// New returns an answer that a handler can write.
func New() *Answer { return &Answer{header: http.Header{}, Status: http.StatusOK} }

// Bytes returns the body.
func (h *Answer) Bytes() []byte { return h.body.Bytes() }

// Header returns the headers that will be sent.
func (h *Answer) Header() http.Header { return h.header }

// WriteHeader notes the status.
func (h *Answer) WriteHeader(status int) { h.Status = status }

// Write keeps the bytes.
func (h *Answer) Write(p []byte) (int, error) { return h.body.Write(p) }

// SetReadDeadline has nothing to wait for: no network stands between.
func (h *Answer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is as SetReadDeadline.
func (h *Answer) SetWriteDeadline(time.Time) error { return nil }

// Flush does nothing: the answer is read when it is whole.
func (h *Answer) Flush() {}

// Pass writes the answer on, with another body where that was changed.
func (h *Answer) Pass(w http.ResponseWriter, body []byte) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	contentType := h.header.Get("Content-Type")
	if contentType == "" {
		contentType = "text/plain; charset=utf-8"
	}
	if err := wire.Write(w, h.Status, contentType, body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}
