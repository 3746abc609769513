package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ChatRequest is a chat.
type ChatRequest struct {
	Model    string            `json:"model"`
	Messages []Message         `json:"messages"`
	Stream   bool              `json:"stream,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Store    *bool             `json:"store,omitempty"`

	MaxTokens      int             `json:"max_tokens,omitempty"`
	Temperature    *float64        `json:"temperature,omitempty"`
	ResponseFormat json.RawMessage `json:"response_format,omitempty"`
	Own            *ChatOptions    `json:"dreamlab,omitempty"`

	// Once is the idempotency key under which a whole answer is asked for: asked again
	// within a day, it is the same answer, and is not paid again. Defaults to a new one.
	Once string `json:"-"`
}

// ChatOptions are what a chat may be told beside OpenAI's parameters.
type ChatOptions struct {
	Cache string `json:"cache,omitempty"` // auto, off, refresh, only
}

// Served says which model answered.
type Served struct {
	Job      string      `json:"job"`
	Provider string      `json:"provider"`
	Model    string      `json:"model"`
	CostUSD  json.Number `json:"cost_usd"`
	Sandbox  bool        `json:"sandbox"`
	Cache    string      `json:"cache,omitempty"` // hit, miss, bypass and others
}

// Asked tells whether a model was asked for this answer.
func (s Served) Asked() bool { return s.Cache == "" || s.Cache == "miss" || s.Cache == "bypass" }

// ChatAnswer is the answer to a chat.
type ChatAnswer struct {
	Text   string `json:"text"`
	Finish string `json:"finish"`
	Served Served `json:"dreamlab"`
}

// body is a chat.completion or a chat.completion.chunk.
type body struct {
	Choices []struct {
		Message struct{ Content string }
		Delta   struct{ Content string }
		Finish  string `json:"finish_reason"`
	}
	Served *Served `json:"dreamlab"`
}

// Chat asks for a whole answer.
func (c *Client) Chat(ctx context.Context, r ChatRequest) (ChatAnswer, error) {
	var b body
	var answer ChatAnswer
	ask, err := r.request()
	if err == nil {
		err = c.read(ctx, ask, &b)
	}
	if err != nil {
		return answer, err
	}
	if len(b.Choices) == 0 || b.Served == nil {
		return answer, errors.New("read the answer: it holds no choice: is this Dream Lab?")
	}
	return ChatAnswer{b.Choices[0].Message.Content, b.Choices[0].Finish, *b.Served}, nil
}

// request is the question as it is sent. One that may be answered from the cache has no key of its own: it would be
// looked for in the jobs alone.
func (r ChatRequest) request() (request, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return request{}, fmt.Errorf("write the chat: %w", err)
	}
	return request{
		method: http.MethodPost, path: "/v1/chat/completions", kind: "application/json", body: bytes.NewReader(text),
		idempotency: r.Once, keyless: r.Once == "" && r.Own != nil && r.Own.Cache != "off",
	}, nil
}

// errBroken means that the connection ended before the answer did.
var errBroken = errors.New("the stream broke off before its end")

// resumes bounds how often a stream is taken up again.
const resumes = 3

// Stream asks for an answer piece by piece. A connection that breaks is taken up
// again behind the last piece that came.
func (c *Client) Stream(ctx context.Context, r ChatRequest, show func(piece string)) (ChatAnswer, error) {
	r.Stream, r.Once = true, ""
	ask, err := r.request()
	if err != nil {
		return ChatAnswer{}, err
	}
	s := &stream{show: show}
	for range resumes {
		err = c.follow(ctx, ask, s)
		if !errors.Is(err, errBroken) || s.job == "" || ctx.Err() != nil {
			return s.answer, err
		}
		ask = request{method: http.MethodGet, path: "/v1/jobs/" + s.job + "/stream",
			header: http.Header{"Last-Event-Id": {s.last}}}
	}
	return s.answer, err
}

// stream is how far an answer has come.
type stream struct {
	show      func(string)
	job, last string
	event     string // the kind of the event whose data comes next
	answer    ChatAnswer
}

func (c *Client) follow(ctx context.Context, ask request, s *stream) error {
	answer, err := c.send(ctx, ask)
	if err != nil {
		return err
	}
	if job := answer.Header.Get("X-Dreamlab-Job"); job != "" {
		s.job = job
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 0, 64<<10), maxBody)
	done := false
	for !done && err == nil && lines.Scan() {
		done, err = s.line(lines.Text())
	}
	if err == nil && !done {
		err = errBroken
	}
	return errors.Join(err, answer.Body.Close())
}

// line takes one line of an event stream
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
func (s *stream) line(line string) (done bool, err error) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch {
	case name == "id":
		s.last = value
	case name == "event":
		s.event = value
	case name == "" && value == "":
		s.event = ""
	case name == "data" && value == "[DONE]":
		return true, nil
	case name == "data" && s.event == "error":
		return false, streamError(value)
	case name == "data":
		return false, s.chunk([]byte(value))
	}
	return false, nil
}

func streamError(data string) error {
	var b struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(data), &b); err != nil {
		return fmt.Errorf("read the stream's error: %w", err)
	}
	return &Error{Status: http.StatusOK, Code: b.Error.Code, Message: b.Error.Message}
}

func (s *stream) chunk(data []byte) error {
	var b body
	if err := json.Unmarshal(data, &b); err != nil {
		return fmt.Errorf("read a piece of the stream: %w", err)
	}
	if b.Served != nil {
		s.answer.Served = *b.Served
	}
	for _, choice := range b.Choices {
		s.answer.Text += choice.Delta.Content
		if choice.Finish != "" {
			s.answer.Finish = choice.Finish
		}
		if choice.Delta.Content != "" {
			s.show(choice.Delta.Content)
		}
	}
	return nil
}
