package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Event is one thing that happened to a job, a dream, a tune or a route.
type Event struct {
	Type    string `json:"type"` // job.ended, dream.stage, tune.stage, route.changed
	ID      string `json:"id"`
	At      int64  `json:"at"` // unix seconds
	Kind    string `json:"kind"`
	Status  string `json:"status"`
	Subject string `json:"subject"`
	Code    string `json:"code"`
	Stage   string `json:"stage"`
	Version int64  `json:"version"`
	Reason  string `json:"reason"`
}

// Events shows what happens behind the event with an id ("": from now on) until the stream ends
// or the context does, and returns the id of the last event: what to go on behind.
func (c *Client) Events(ctx context.Context, last string, show func(Event)) (string, error) {
	r := request{method: http.MethodGet, path: "/v1/events", header: http.Header{"Accept": {"text/event-stream"}}}
	if last != "" {
		r.header.Set("Last-Event-ID", last)
	}
	answer, err := c.send(ctx, r)
	if err != nil {
		return last, err
	}
	lines := bufio.NewScanner(answer.Body)
	for err == nil && lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			last = value
		case "data":
			var e Event
			if err = json.Unmarshal([]byte(value), &e); err != nil {
				err = fmt.Errorf("read an event: %w", err)
				break
			}
			show(e)
		}
	}
	return last, errors.Join(err, lines.Err(), answer.Body.Close())
}
