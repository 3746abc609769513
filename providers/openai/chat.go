package openai

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"dreamlab/providers"
)

// What is spent on reaching the end of a body whose stream has ended, which
// lets the connection be used again.
const (
	drainPatience = 100 * time.Millisecond
	drainBytes    = 4 << 10
)

// Chat asks for one completion, as [providers.Driver] says.
func (c *Client) Chat(
	ctx context.Context, req *providers.Request, sink providers.Sink,
) (*providers.Reply, error) {
	call, err := c.chatCall(req, sink != nil && c.Streams(req))
	if err != nil {
		return nil, c.Refused(req.Model, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer, err := c.send(ctx, call)
	if err != nil {
		return nil, err
	}
	defer answer.close()
	reply := &providers.Reply{
		RequestID: c.requestID(answer.Header),
		Sandbox:   answer.Header.Get("X-Dreamlab-Sandbox") == "true",
	}
	if c.dialect.Translate != nil {
		answer.translate = c.dialect.Translate(req)
	}
	switch streamed := answer.open(streamLimit(req)); {
	case streamed:
		return c.stream(answer, reply, sink, cancel)
	case sink != nil:
		return c.wholeAsStream(answer, reply, sink)
	}
	return c.whole(answer, reply)
}

// chatCall is the exchange that asks for a completion.
func (c *Client) chatCall(req *providers.Request, streamed bool) (Call, error) {
	call := Call{Method: http.MethodPost, URL: c.at(RouteChat, req.Model), Model: req.Model}
	var err error
	if wire := c.dialect.Wire; wire != nil {
		var path string
		path, call.In, err = wire.Ask(req, streamed)
		call.URL = c.dialect.Base + path
		return call, err
	}
	call.In, err = c.words(req, streamed)
	return call, err
}

// words puts a request into the vendor's words, or refuses it.
func (c *Client) words(req *providers.Request, streamed bool) (any, error) {
	req = c.prefilled(req)
	body := newBody(req, streamed)
	if c.dialect.Encode != nil {
		if err := c.dialect.Encode(req, body); err != nil {
			return nil, err
		}
	}
	return c.encode(req, body)
}

// Streams tells whether the answer to a request can be streamed, as
// [providers.Streamer] says.
func (c *Client) Streams(req *providers.Request) bool {
	return c.dialect.InOnePiece == nil || !c.dialect.InOnePiece(req)
}

// at returns the URL of a route.
func (c *Client) at(route, model string) string {
	if c.dialect.URL != nil {
		return c.dialect.URL(route, model)
	}
	return c.dialect.Base + route
}

// Refused completes the error of a dialect that would not send the request.
func (c *Client) Refused(model string, err error) error {
	var e *providers.Error
	if !errors.As(err, &e) {
		e = &providers.Error{Kind: providers.KindInvalid, Charge: providers.ChargeNone, Err: err}
	}
	e.Provider, e.Model = c.dialect.Provider, model
	return e
}

// requestID finds the vendor's id of the request, or that of a front.
func (c *Client) requestID(h http.Header) string {
	fronts := []string{"X-Request-Id", "Apim-Request-Id", "X-Amzn-Requestid", "Cf-Ray"}
	for _, name := range slices.Concat(c.dialect.Words.RequestIDs, fronts) {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}
