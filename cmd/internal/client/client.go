// Package client asks Dream Lab's API for what the verbs of the program need. It
// knows HTTP and the shapes of the public contract, and nothing of what is behind
// them.
//
// It is not an SDK: other programs take any OpenAI client, or the OpenAPI
// document.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/store/backoff"
)

const (
	// maxBody bounds an answer, in bytes, so that a wrong server can not fill the memory.
	maxBody = 64 << 20
	// between is the shortest pause between two requests for the state of what runs.
	between = 50 * time.Millisecond
)

// Client asks one API with one key. It is safe for concurrent use.
type Client struct {
	base string
	key  string
	http *http.Client
}

// New returns a client of the API at a base URL, without its /v1.
func New(base, key string) *Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: 5 * time.Minute, MaxIdleConnsPerHost: 16,
	}
	base = strings.TrimSuffix(strings.TrimRight(base, "/"), "/v1")
	return &Client{base: base, key: key, http: &http.Client{Transport: transport}}
}

// URL returns where the API is, without its /v1.
func (c *Client) URL() string { return c.base }

// Close gives idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ErrUnreachable means that there was no answer.
var ErrUnreachable = errors.New("is Dream Lab running there?")

// Error is an answer that says no.
type Error struct {
	Status    int
	Code      string // of the closed set in the public contract
	Message   string // says what to do
	RequestID string
	// RetryAfter is how long the server asks to wait. Zero where it does not say.
	RetryAfter time.Duration
}

// Error returns the message, with the id by which the server's log names it.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (%s, HTTP %d, %s)", e.Message, e.Code, e.Status, e.RequestID)
}

// request is one question.
type request struct {
	method, path string
	kind         string // content type of the body
	body         io.Reader
	header       http.Header
	idempotency  string // key of a POST. Defaults to one of its own.
	keyless      bool   // a POST without a key
}

// maxRepeats is how often a request is sent again whose server could not start it just
// now: as often as OpenAI's clients do.
const maxRepeats = 2

// maxPause bounds the wait before it is sent again, whatever Retry-After says.
const maxPause = 5 * time.Second

// send asks and returns the answer of a status below 300; the caller closes it. It asks
// again where the queue was away for a moment, and nothing was started.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	for repeats := 0; ; repeats++ {
		answer, err := c.sendOnce(ctx, r)
		var refused *Error
		if !errors.As(err, &refused) || refused.Code != "queue_unavailable" || repeats == maxRepeats || !r.rewind() {
			return answer, err
		}
		if backoff.Sleep(ctx, min(refused.RetryAfter, maxPause)) != nil {
			return nil, err
		}
	}
}

// rewind makes the body ready to be sent again, and tells whether that can be done.
func (r request) rewind() bool {
	if r.body == nil {
		return true
	}
	body, seeks := r.body.(io.Seeker)
	if !seeks {
		return false
	}
	_, err := body.Seek(0, io.SeekStart)
	return err == nil
}

func (c *Client) sendOnce(ctx context.Context, r request) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, r.body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.path, err)
	}
	for name, values := range r.header {
		q.Header[name] = values
	}
	if c.key != "" {
		q.Header.Set("Authorization", "Bearer "+c.key)
	}
	if r.kind != "" {
		q.Header.Set("Content-Type", r.kind)
	}
	if r.method == http.MethodPost && !r.keyless {
		q.Header.Set("Idempotency-Key", cmp.Or(r.idempotency, rand.Text()))
	}
	answer, err := c.http.Do(q)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base, context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w %w", c.base, ErrUnreachable, err)
	}
	if answer.StatusCode < http.StatusMultipleChoices {
		return answer, nil
	}
	return nil, errors.Join(refusal(answer), answer.Body.Close())
}

func refusal(answer *http.Response) error {
	var body struct {
		Error struct{ Code, Message string }
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err != nil || body.Error.Message == "" {
		body.Error.Message = "the answer is not Dream Lab's: check DREAMLAB_URL"
	}
	return &Error{
		Status: answer.StatusCode, Code: body.Error.Code, Message: body.Error.Message,
		RequestID: answer.Header.Get("X-Request-Id"), RetryAfter: retryAfter(answer),
	}
}

// retryAfter reads the header of that name, in seconds as Dream Lab writes it.
func retryAfter(answer *http.Response) time.Duration {
	n, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// read asks and decodes the answer.
func (c *Client) read(ctx context.Context, r request, into any) error {
	answer, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return fmt.Errorf("read the answer of %s: %w", r.path, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", r.path, err)
	}
	return nil
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	return c.read(ctx, request{method: http.MethodGet, path: path}, into)
}

// Raw returns what stands at a path as the API shows it.
func (c *Client) Raw(ctx context.Context, path string) (json.RawMessage, error) {
	var text json.RawMessage
	err := c.get(ctx, path, &text)
	return text, err
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	return c.postOnce(ctx, path, "", body, into)
}

// postOnce asks under an idempotency key: asked again, it is answered as before.
func (c *Client) postOnce(ctx context.Context, path, key string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the question for %s: %w", path, err)
	}
	return c.read(ctx, request{
		method: http.MethodPost, path: path, kind: "application/json", body: bytes.NewReader(text), idempotency: key,
	}, into)
}

// object is what runs in the background.
type object interface{ Ended() bool }

// watch asks for what stands at a path until it has ended, and shows each look:
// one when it has ended, and one a second before.
func watch[T object](ctx context.Context, c *Client, path string, show func(T)) (T, error) {
	ask := request{method: http.MethodGet, path: path, header: http.Header{"Prefer": {"wait=1"}}}
	for {
		var seen T
		if err := c.read(ctx, ask, &seen); err != nil {
			return seen, err
		}
		show(seen)
		if seen.Ended() {
			return seen, nil
		}
		if err := backoff.Sleep(ctx, between); err != nil {
			return seen, fmt.Errorf("wait for %s: %w", path, err)
		}
	}
}
