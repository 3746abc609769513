package openai

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// Call is one exchange with the vendor.
type Call struct {
	Method string
	URL    string
	In     any        // encoded as JSON; nil for none
	Form   url.Values // sent instead of In
	Raw    io.Reader  // sent instead of In, as it is, Size bytes long
	Size   int64
	Kind   string // of Raw. Defaults to application/octet-stream
	Out    any    // takes the JSON of the answer; nil where it does not matter
	// Lines takes the answer line by line instead. An error of it is returned as it is.
	Lines func(line []byte) error

	Model string // set where the call is about a model: a 404 is then the model's
}

// How long an exchange that is no chat may take.
const (
	callPatience   = time.Minute
	uploadPatience = time.Hour
)

// Do makes one exchange that is no chat, within a minute, or an hour where Raw
// is sent or Lines are read. It fails with an [*providers.Error]. The header is also returned with
// a redirect, which fails with its status.
func (c *Client) Do(ctx context.Context, call Call) (http.Header, error) {
	slow := &providers.LimitError{Limit: "total", After: callPatience}
	if call.Raw != nil || call.Lines != nil {
		slow.After = uploadPatience
	}
	ctx, cancel := context.WithTimeoutCause(ctx, slow.After, slow)
	defer cancel()
	answer, err := c.send(ctx, call)
	if err != nil {
		if answer != nil {
			return answer.Header, err
		}
		return nil, err
	}
	defer answer.close()
	if call.Lines != nil {
		return answer.Header, answer.eachLine(call.Lines)
	}
	body, err := answer.read()
	if err != nil {
		return answer.Header, err
	}
	if call.Out == nil {
		return answer.Header, nil
	}
	if err := json.Unmarshal(body, call.Out); err != nil {
		return answer.Header, answer.unreadable("the answer is not the JSON that was expected", err)
	}
	return answer.Header, nil
}

// answer is a response whose status is a success.
type answer struct {
	*http.Response
	ctx       context.Context
	client    *Client
	model     string
	translate func([]byte) []byte // of a chat: into OpenAI's form; nil where it has that
	body      *bufio.Reader       // of a chat: the body from what it says on
	bound     *io.LimitedReader   // below body
}

// open makes the body of a chat's answer readable, up to the limit in bytes, and
// tells whether it is a stream.
func (a *answer) open(limit int64) (streamed bool) {
	a.bound = &io.LimitedReader{R: a.Body, N: limit}
	if wire := a.client.dialect.Wire; wire != nil {
		return a.openWire(wire)
	}
	a.body = bufio.NewReaderSize(a.bound, streamBuffer)
	return isStream(a.Header, a.body)
}

// send makes the request and turns everything but a success into an error.
func (c *Client) send(ctx context.Context, call Call) (*answer, error) {
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	request, err := c.request(httptrace.WithClientTrace(ctx, trace), call)
	if err != nil {
		return nil, c.Refused(call.Model, err)
	}
	response, err := c.http.Do(request)
	a := &answer{Response: response, ctx: ctx, client: c, model: call.Model}
	if err != nil {
		e := a.broken("no answer came", err)
		if !sent.Load() {
			e.Charge = providers.ChargeNone
		}
		return nil, e
	}
	providers.Heard(ctx, allowances(response.Header))
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return a, nil
	}
	defer a.close()
	return a, c.failure(a)
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	var body io.Reader
	kind := ""
	switch {
	case call.Raw != nil:
		body, kind = io.NopCloser(call.Raw), cmp.Or(call.Kind, "application/octet-stream")
	case call.Form != nil:
		body, kind = bytes.NewReader([]byte(call.Form.Encode())), "application/x-www-form-urlencoded"
	case call.In != nil:
		encoded, err := plainjson.Encode(call.In)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body, kind = bytes.NewReader(encoded), "application/json"
	}
	request, err := http.NewRequestWithContext(ctx, call.Method, call.URL, body)
	if err != nil {
		return nil, errors.New("the vendor's base URL is no URL: mend its setting")
	}
	if call.Raw != nil {
		request.ContentLength = call.Size
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	request.Header.Set("User-Agent", "dreamlab/1")
	if trace := providers.TraceOf(ctx); trace != "" {
		request.Header.Set("Traceparent", trace)
	}
	if c.dialect.Authorize != nil {
		if err := c.dialect.Authorize(request); err != nil {
			return nil, fmt.Errorf("authorise the request: %w", err)
		}
	} else if c.dialect.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.dialect.Key)
	}
	return request, nil
}

// read takes in a whole body, up to the limit.
func (a *answer) read() ([]byte, error) {
	var body bytes.Buffer
	if n := a.ContentLength; n > 0 && n <= maxBody {
		body.Grow(int(n) + bytes.MinRead)
	}
	source := io.Reader(a.Body)
	if a.body != nil {
		source = a.body
	}
	if _, err := body.ReadFrom(io.LimitReader(source, maxBody+1)); err != nil {
		e := a.broken("the answer broke off", err)
		if e.Kind == providers.KindServer {
			e.Kind = providers.KindTruncated
		}
		return nil, e
	}
	if body.Len() > maxBody || a.bound != nil && a.bound.N <= 0 {
		return nil, a.tooLarge("the answer")
	}
	return body.Bytes(), nil
}

func (a *answer) close() { a.Body.Close() }

// broken is the error of a transport that failed. Whether the vendor charges
// for it is not known.
func (a *answer) broken(what string, err error) *providers.Error {
	kind, ended := providers.ContextKind(a.ctx)
	if ended {
		err = context.Cause(a.ctx)
	} else {
		kind, err = transportKind(err)
	}
	return a.fault(kind, what, err)
}

// unreadable is the error of a success that can not be read. It tells the type of
// the answer, which is often the page of a proxy.
func (a *answer) unreadable(what string, err error) *providers.Error {
	if kind, _, fault := mime.ParseMediaType(a.Header.Get("Content-Type")); fault == nil {
		what += " (" + kind + ")"
	}
	return a.fault(providers.KindUnreadable, what, err)
}

// tooLarge is the error of an answer beyond its limit, which would be as large
// another time.
func (a *answer) tooLarge(what string) *providers.Error {
	e := a.fault(providers.KindUnreadable, what+" is larger than the limit", nil)
	e.NoRetry = true
	return e
}

func (a *answer) fault(kind providers.Kind, what string, err error) *providers.Error {
	e := &providers.Error{
		Kind: kind, Provider: a.client.dialect.Provider, Model: a.model,
		Message: what, Charge: providers.ChargeUnknown, Err: err,
	}
	if err != nil {
		e.Message += ": " + a.client.scrub(err.Error())
	}
	if a.Response != nil {
		e.Status, e.RequestID = a.StatusCode, a.client.requestID(a.Header)
	}
	return e
}

// transportKind tells slow from failed, and takes the URL out of the error,
// since it may hold what is secret.
func transportKind(err error) (providers.Kind, error) {
	var about *url.Error
	if errors.As(err, &about) {
		err = about.Err
	}
	var slow interface{ Timeout() bool }
	if errors.As(err, &slow) && slow.Timeout() {
		return providers.KindTimeout, err
	}
	return providers.KindServer, err
}
