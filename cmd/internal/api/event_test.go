package api

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// listening is an open stream of events.
type listening struct {
	t     *testing.T
	body  io.ReadCloser
	lines *bufio.Scanner
	id    string // of the last event
}

func (r *rig) listen(t *testing.T, key, last string) *listening {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	q := r.build(request{path: "/v1/events", key: key, header: map[string]string{"Last-Event-ID": last}}).WithContext(ctx)
	res, err := http.DefaultClient.Do(q)
	must(t, err)
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("status %d", res.StatusCode)
	}
	l := &listening{t: t, body: res.Body, lines: bufio.NewScanner(res.Body)}
	t.Cleanup(func() { stop(); must(t, l.body.Close()) })
	return l
}

// until reads events until the data of one holds a text, and returns all data by then.
func (l *listening) until(text string) string {
	l.t.Helper()
	var all strings.Builder
	for l.lines.Scan() {
		line := l.lines.Text()
		if id, is := strings.CutPrefix(line, "id: "); is {
			l.id = id
		}
		if data, is := strings.CutPrefix(line, "data: "); is {
			all.WriteString(data + "\n")
			if strings.Contains(data, text) {
				return all.String()
			}
		}
	}
	l.t.Fatalf("the stream ended before %s: %v\n%s", text, l.lines.Err(), all.String())
	return ""
}

// TestEvents tells a tenant of its jobs, dreams and routes alone, and goes on behind the last
// event that a client had.
func TestEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Look = 5 * time.Millisecond })
	events := r.listen(t, "", "")
	mine := r.post("/v1/chat/completions", askWhole).want(t, 200, "").text(t, "dreamlab", "job")
	data := events.until(mine)
	if !strings.Contains(data, `{"type":"job.ended","id":"`+mine+`"`) || !strings.Contains(data, `"kind":"chat","status":"succeeded"`) {
		t.Errorf("%s", data)
	}
	first := events.id
	theirs := r.do(request{method: "POST", path: "/v1/chat/completions", body: askWhole, key: r.other}).text(t, "dreamlab", "job")
	targets := `{"targets":[{"model":"together/base","weight":1,"tier":0}],"reason":"for the test"}`
	r.do(request{method: "PUT", path: "/v1/routes/assistant", body: targets, key: r.admin}).want(t, 200, "")
	data = events.until("route.changed")
	if strings.Contains(data, theirs) || !strings.Contains(data, `"version":2,"reason":"for the test"`) {
		t.Errorf("%s", data)
	}
	again := r.listen(t, "", first)
	again.until("route.changed")
	release := make(chan struct{})
	r.on(tasks.DreamPlan, func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return &tasks.End{}, nil
	})
	dream := r.post("/v1/dreams", "").want(t, 202, "").text(t, "id")
	events.until(`"stage":"seal"`)
	must(t, r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		return q.SetDream(t.Context(), learn.Dream{ID: dream, Stage: "reflect"})
	}))
	events.until(`"type":"dream.stage","id":"` + dream + `"`)
	close(release)
	events.until(`"subject":"` + dream + `"`)
	for _, wrong := range []string{"x", "-1"} {
		r.do(request{path: "/v1/events", header: map[string]string{"Last-Event-ID": wrong}}).want(t, 400, "invalid_request")
	}
}

// TestEventStreamsAreBounded refuses a tenant's 33rd stream.
func TestEventStreamsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 32 {
		r.listen(t, "", "")
	}
	r.get("/v1/events").want(t, 429, "rate_limit_exceeded")
	r.listen(t, r.other, "")
}
