package openai

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// BatchFile is a file of requests, which is written while it is sent: it is never whole
// in memory.
type BatchFile struct {
	Size  int64 // bytes
	Lines int

	encode EncodeLine
	spec   providers.BatchSpec
	failed error // why the lines could not be read while they were sent
}

// EncodeLine makes a line of a file of requests to a model, with its end.
type EncodeLine func(model string, asked providers.BatchLine) ([]byte, error)

// NewBatchFile measures the file of a batch's requests. Lines that the vendor has no
// words for are left out; it fails where none is left.
func NewBatchFile(spec providers.BatchSpec, encode EncodeLine) (*BatchFile, error) {
	file := &BatchFile{encode: encode, spec: spec}
	var left error
	for line, err := range file.lines(func(err error) { left = err }) {
		if err != nil {
			return nil, err
		}
		file.Size += int64(len(line))
		file.Lines++
	}
	if file.Lines == 0 {
		return nil, left
	}
	return file, nil
}

// lines encodes the requests. What is left out is told to leave.
func (f *BatchFile) lines(leave func(error)) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for asked, err := range f.spec.Requests {
			if err != nil {
				yield(nil, err)
				return
			}
			line, err := f.encode(f.spec.Model, asked)
			if providers.KindOf(err) == providers.KindUnsupported {
				leave(err)
				continue
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// BatchLines returns what makes OpenAI's lines, each of which names a route where one is
// given.
func (c *Client) BatchLines(route string) EncodeLine {
	return func(model string, asked providers.BatchLine) ([]byte, error) {
		return c.encodeLine(model, route, asked)
	}
}

func (c *Client) encodeLine(model, route string, asked providers.BatchLine) ([]byte, error) {
	request := *asked.Request
	request.Model = model
	body, err := c.words(&request, false)
	if err != nil {
		return nil, err
	}
	line := struct {
		ID     string `json:"custom_id"`
		Method string `json:"method,omitempty"`
		URL    string `json:"url,omitempty"`
		Body   any    `json:"body"`
	}{ID: asked.ID, Body: body}
	if route != "" {
		line.Method, line.URL = http.MethodPost, route
	}
	encoded, err := plainjson.Encode(line)
	return append(encoded, '\n'), err
}

// Open reads the file from its beginning. Its reader is closed when it is sent.
func (f *BatchFile) Open() io.ReadCloser {
	next, stop := iter.Pull2(f.lines(func(error) {}))
	return &lineReader{next: next, stop: stop, failed: &f.failed}
}

// Cause is why a file was not sent: that its lines could not be read comes first.
func (f *BatchFile) Cause(err error) error {
	if f.failed == nil {
		return err
	}
	return f.failed
}

// lineReader reads what an iterator of lines gives.
type lineReader struct {
	next   func() ([]byte, error, bool)
	stop   func()
	left   []byte
	failed *error
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		line, err, more := r.next()
		if err != nil {
			*r.failed = err
			return 0, err
		}
		if !more {
			return 0, io.EOF
		}
		r.left = line
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func (r *lineReader) Close() error {
	r.stop()
	return nil
}

// uploadForm sends a file in one form.
func (b *batcher) uploadForm(ctx context.Context, name string, file *BatchFile) (string, error) {
	content := file.Open()
	defer content.Close()
	var made batchInput
	err := b.UploadForm(ctx, Form{
		URL: b.Base + "/files", Purpose: b.Purpose, Name: name, Content: content, Size: file.Size,
	}, &made)
	if err == nil && made.ID == "" {
		err = b.Garbled("the answer to the upload names no file")
	}
	return made.ID, err
}

// maxLooks is how often an uploaded file is looked at.
const maxLooks = 30

// checked waits until the vendor has checked an uploaded file.
func (b *batcher) checked(ctx context.Context, id string) error {
	if b.Look == 0 {
		return nil
	}
	for range maxLooks {
		var file struct {
			Status string `json:"status"`
		}
		call := Call{Method: http.MethodGet, URL: b.Base + "/files/" + url.PathEscape(id), Out: &file}
		if _, err := b.Do(ctx, call); err != nil {
			return err
		}
		switch strings.ToLower(file.Status) {
		case "", "processed":
			return nil
		case "error", "deleted", "deleting":
			return b.fileFault(providers.KindInvalid, "the vendor refuses the file of requests")
		}
		select {
		case <-ctx.Done():
			kind, _ := providers.ContextKind(ctx)
			return b.fileFault(kind, "the vendor is still checking the file of requests")
		case <-time.After(b.Look):
		}
	}
	return b.fileFault(providers.KindCapacity, "the vendor is still checking the file of requests")
}

// fileFault is what is wrong with a file before a batch is made of it, which costs nothing.
func (b *batcher) fileFault(kind providers.Kind, message string) error {
	return &providers.Error{
		Kind: kind, Provider: b.dialect.Provider, Message: message, Charge: providers.ChargeNone,
	}
}
