package client

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"dreamlab/store/backoff"
)

// Event is something that happened at the server.
type Event struct {
	ID   string
	Type string // job.ended, dream.stage, tune.stage, route.changed
	Data string // an object in JSON
}

// idle is the pause before a stream is taken up again of which nothing came.
const idle = time.Second

// Events passes events on as they happen, until the context ends or each returns an error. A stream
// that ends is taken up behind its last event.
func (c *Client) Events(ctx context.Context, each func(Event) error) error {
	last := ""
	for {
		ask := request{method: http.MethodGet, path: "/v1/events"}
		if last != "" {
			ask.header = http.Header{"Last-Event-Id": {last}}
		}
		answer, err := c.send(ctx, ask)
		if err != nil {
			return err
		}
		before := last
		err = readEvents(answer, func(e Event) error {
			last = e.ID
			return each(e)
		})
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return err
		}
		pause := between
		if last == before {
			pause = idle
		}
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// readEvents reads a stream to its end. That it broke off is no error: it is taken up again.
func readEvents(answer *http.Response, each func(Event) error) error {
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 0, 64<<10), maxBody)
	var now Event
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			now.ID = value
		case "event":
			now.Type = value
		case "data":
			now.Data += value
		case "":
			if value == "" && now.Data != "" {
				if err := each(now); err != nil {
					return err
				}
				now = Event{ID: now.ID}
			}
		}
	}
	return nil
}
