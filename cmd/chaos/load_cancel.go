package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// slowModel stops in the middle of each stream, by the vendors' script.
	slowModel  = "groq/openai/gpt-oss-20b"
	slowScript = `{"vendor":"groq","model":"openai/gpt-oss-20b","route":"chat/completions","fault":"stall","chunks":3}`
	// maxCancelDelay bounds the time from a cancellation to the job's end while no fault is injected.
	maxCancelDelay = 2 * time.Second
	// confirmTries is how often, twice a second, a client looks whether the job has ended.
	confirmTries = 40
)

// cancel cancels a job, and notes when that is confirmed.
func (c *load) cancel(ctx context.Context, a ask, id string) {
	for range confirmTries {
		status, answer := c.post(ctx, a, "/v1/jobs/"+id+"/cancel", "", "")
		if status == http.StatusOK {
			if state := textOf(answer, "status"); ended(state) {
				c.confirmed(a, id, state)
				return
			}
		}
		if !pause(ctx, 500*time.Millisecond) {
			return
		}
		a.api = (a.api + 1) % len(c.lab.apis)
	}
	c.counts.add(a.kind + ": not confirmed")
}

func (c *load) confirmed(a ask, id, state string) {
	c.counts.add(a.kind + ": confirmed as " + state)
	if state == "cancelled" {
		c.note(promise{job: id, cancelled: true})
	}
}

// stop cancels a chat in the middle of its stream, and measures how soon the stream ends.
func (c *load) stop(ctx context.Context, a ask) {
	ctx, cancel := context.WithTimeout(ctx, clientWait)
	defer cancel()
	answer, err := c.do(ctx, a, http.MethodPost, "/v1/chat/completions", "", a.body(slowModel, true))
	if err != nil {
		c.counts.add("stop: no answer")
		return
	}
	defer answer.Body.Close()
	stream := bufio.NewReader(answer.Body)
	if _, err := stream.ReadString('\n'); err != nil || answer.StatusCode != http.StatusOK {
		c.counts.add(fmt.Sprintf("stop: no stream, %d", answer.StatusCode))
		return
	}
	var reading sync.WaitGroup
	began := time.Now()
	reading.Go(func() {
		_, err := io.Copy(io.Discard, stream)
		switch {
		case err != nil:
			c.counts.add("stop: stream broke off")
		case time.Since(began) > maxCancelDelay:
			c.counts.add("stop: stream ended late")
		default:
			c.counts.add("stop: stream ended within 2 s")
		}
	})
	c.cancel(ctx, a, answer.Header.Get(jobHeader))
	reading.Wait()
}
