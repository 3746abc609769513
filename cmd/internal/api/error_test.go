package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// TestFailureIsToldWhole has a vendor ask to wait and name a parameter: by the
// reply, and by the job's row where there is no reply. The log has no word of it.
func TestFailureIsToldWhole(t *testing.T) {
	t.Parallel()
	for _, replied := range []bool{true, false} {
		r := newRig(t)
		r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
			f := tasks.Fail("rate_limit_exceeded", "your prompt SECRET-PROMPT is one too many")
			f.After, f.Param = time.Hour, "n"
			if replied {
				must(t, r.writer(run).Error(ctx, plainjson.Of(f.JobError())))
			}
			return nil, f
		})
		for _, body := range []string{askWhole, askStream} {
			a := r.post("/v1/chat/completions", body).want(t, 429, "rate_limit_exceeded")
			after, err := strconv.Atoi(a.header.Get("Retry-After"))
			if err != nil || after < 3500 || after > 3600 {
				t.Errorf("replied %v: Retry-After is %q", replied, a.header.Get("Retry-After"))
			}
			if replied && !strings.Contains(string(a.body), `"param":"n"`) {
				t.Errorf("the parameter is not named: %s", a.body)
			}
		}
		if strings.Contains(r.log.String(), "SECRET-PROMPT") {
			t.Errorf("the log holds the vendor's words: %s", r.log.String())
		}
	}
}

// TestClientGoneIsNoErrorOfOurs has a client leave before it is answered.
func TestClientGoneIsNoErrorOfOurs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	began := make(chan struct{}, 1)
	r.on(tasks.ChatRun, func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) {
		began <- struct{}{}
		<-ctx.Done()
		return nil, context.Cause(ctx)
	})
	front := httptest.NewServer(r.server.Handler())
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-began; leave() }()
	q := r.build(request{method: "POST", path: "/v1/chat/completions", body: askWhole}).WithContext(ctx)
	q.URL.Host = front.Listener.Addr().String()
	if a, err := http.DefaultClient.Do(q); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, %v", a, err)
	}
	front.Close() // waits for the request's end
	if log := r.log.String(); !strings.Contains(log, `"status":499`) {
		t.Errorf("the log does not tell that the client left: %s", log)
	}
	if log := r.log.String(); strings.Contains(log, `"level":"error"`) {
		t.Errorf("the log tells of an error: %s", log)
	}
}
