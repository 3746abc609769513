package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// A client in the middle of its stream is told by its worker that the chat was
// cancelled: in these words, which its own look at the job does not have.
func TestChatCancelledInTheMiddle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		w := r.writer(run)
		if err := w.Data(ctx, []byte(firstChunk)); err != nil {
			return nil, err
		}
		<-ctx.Done()
		return &tasks.End{State: job.StateCancelled, Then: w.Cancelled}, nil
	})
	res := r.open(request{method: "POST", path: "/v1/chat/completions", body: askStream})
	r.post("/v1/jobs/"+res.Header.Get("X-Dreamlab-Job")+"/cancel", "").want(t, 200, "")
	all := events(t, res)
	if len(all) != 2 || all[1].kind != "error" || !strings.Contains(all[1].data, "stream_interrupted") ||
		!strings.Contains(all[1].data, "was cancelled") {
		t.Errorf("events %v", all)
	}
}

// A client whose chat no worker has is told by whoever cancels it.
func TestChatCancelledWhileQueued(t *testing.T) {
	t.Parallel()
	for _, body := range []string{askWhole, askStream} {
		r := newRig(t)
		queued := make(chan string, 1)
		r.on(tasks.ChatRun, func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			queued <- run.Job.ID
			return &tasks.End{State: job.StateQueued, After: time.Hour}, nil
		})
		answered := make(chan answer, 1)
		go func() { answered <- r.do(request{method: "POST", path: "/v1/chat/completions", body: body}) }()
		id := <-queued
		r.post("/v1/jobs/"+id+"/cancel", "").want(t, 200, "")
		a := <-answered
		a.want(t, 409, "invalid_request")
		if !strings.Contains(a.text(t, "error", "message"), "was cancelled") {
			t.Errorf("told: %s", a.body)
		}
		if j := r.finished(id); j.State != job.StateCancelled {
			t.Errorf("the job is %s", j.State)
		}
	}
}
