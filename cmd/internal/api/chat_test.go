package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/store/job"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

const (
	askWhole  = `{"model":"assistant","messages":[{"role":"user","content":"hi"}]}`
	askStream = `{"model":"assistant","stream":true,"messages":[{"role":"user","content":"hi"}]}`
)

func TestChatWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.post("/v1/chat/completions", askWhole).want(t, 200, "")
	wantHeaders(t, a.header, map[string]string{
		"X-Dreamlab-Provider": "together", "X-Dreamlab-Model": "base", "X-Dreamlab-Calls": "1",
		"X-Dreamlab-Cost-Usd": "0.000001", "X-Dreamlab-Cache": "bypass", "X-Dreamlab-Sandbox": "true",
		"X-Dreamlab-Job": a.text(t, "dreamlab", "job"),
	})
	if a.header.Get("X-Dreamlab-Overhead-Ms") == "" {
		t.Error("no overhead")
	}
	job := r.get("/v1/jobs/"+a.text(t, "dreamlab", "job")).want(t, 200, "")
	if model := job.text(t, "input", "model"); model != "assistant" {
		t.Errorf("the job's input is not the body: %s", job.body)
	}
}

// event is a server-sent event.
type event struct{ id, kind, data string }

// events reads the events of a stream until its end.
func events(t *testing.T, res *http.Response) []event {
	t.Helper()
	var all []event
	var at event
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			at.id = value
		case "event":
			at.kind = value
		case "data":
			at.data += value
		case "":
			if at != (event{}) {
				all = append(all, at)
			}
			at = event{}
		}
	}
	must(t, lines.Err())
	must(t, res.Body.Close())
	return all
}

func (r *rig) open(q request) *http.Response {
	r.t.Helper()
	res, err := http.DefaultClient.Do(r.build(q))
	must(r.t, err)
	return res
}

func TestChatStreamAndResume(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.open(request{method: "POST", path: "/v1/chat/completions", body: askStream})
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("content type %s", kind)
	}
	job := res.Header.Get("X-Dreamlab-Job")
	wantHeaders(t, res.Header, map[string]string{
		"X-Dreamlab-Provider": "together", "X-Dreamlab-Model": "base", "X-Dreamlab-Calls": "1", "X-Dreamlab-Cache": "bypass",
	})
	all := events(t, res)
	want := []event{{"1-1.1", "", firstChunk}, {"1-1", "", nextChunk}, {"1-2", "", "[DONE]"}}
	if fmt.Sprint(all) != fmt.Sprint(want) {
		t.Fatalf("events %v", all)
	}
	for i := range want {
		again := events(t, r.open(request{
			path: "/v1/jobs/" + job + "/stream", header: map[string]string{"Last-Event-ID": want[i].id},
		}))
		if fmt.Sprint(again) != fmt.Sprint(want[i+1:]) {
			t.Errorf("behind %s came %v", want[i].id, again)
		}
	}
	r.do(request{path: "/v1/jobs/" + job + "/stream", key: r.other}).want(t, 404, "not_found")
	r.do(request{path: "/v1/jobs/" + job + "/stream", header: map[string]string{"Last-Event-ID": "x"}}).want(t,
		400, "invalid_request")
	must(t, r.queue.Client.FlushAll(t.Context()).Err())
	r.do(request{path: "/v1/jobs/" + job + "/stream",
		header: map[string]string{"Last-Event-ID": "1-1"}}).want(t, 410, "stream_gone")
	r.get("/v1/jobs/"+job+"/stream").want(t, 410, "stream_gone")
}

func TestChatIdempotency(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var runs atomic.Int32
	r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		runs.Add(1)
		return r.echo(ctx, run)
	})
	ask := func(key, body string) answer {
		return r.do(request{method: "POST", path: "/v1/chat/completions", body: body,
			header: map[string]string{"Idempotency-Key": key}})
	}
	first, second := ask("a", askWhole).want(t, 200, ""), ask("a", askWhole).want(t, 200, "")
	if string(first.body) != string(second.body) || runs.Load() != 1 {
		t.Errorf("%d runs: %s and %s", runs.Load(), first.body, second.body)
	}
	if first.header.Get("Idempotent-Replayed") != "" || second.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("replayed: %v, then %v", first.header, second.header)
	}
	ask("a", askStream).want(t, 409, "idempotency_conflict")
	header := map[string]string{"Idempotency-Key": "b"}
	stream := request{method: "POST", path: "/v1/chat/completions", body: askStream, header: header}
	job := r.open(stream)
	events(t, job)
	r.finished(job.Header.Get("X-Dreamlab-Job"))
	again := events(t, r.open(stream))
	if len(again) != 3 || !strings.Contains(again[0].data, `"content":"hello"`) || again[2].data != "[DONE]" ||
		runs.Load() != 2 {
		t.Errorf("%d runs, the stored answer streamed is %v", runs.Load(), again)
	}
}

// A job that failed gives its error, and runs again under the same key.
func TestChatFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	fail := func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		told := errors.New("no error was written")
		body := []byte(`{"code":"vendor_unavailable","message":"try later"}`)
		if err := r.writer(run).Error(ctx, body); err != nil {
			told = err
		}
		f := tasks.Fail("vendor_unavailable", "try later")
		f.Err = told
		return nil, f
	}
	r.on(tasks.ChatRun, fail)
	ask := request{method: "POST", path: "/v1/chat/completions", body: askWhole,
		header: map[string]string{"Idempotency-Key": "f"}}
	a := r.do(ask).want(t, 502, "vendor_unavailable")
	r.finished(a.header.Get("X-Dreamlab-Job"))
	stream := ask
	stream.body, stream.header = askStream, nil
	r.do(stream).want(t, 502, "vendor_unavailable")
	r.on(tasks.ChatRun, r.echo)
	r.do(ask).want(t, 200, "")
}

// A worker that ends a job without telling its reply is noticed.
func TestChatWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, shown := range map[string]bool{"nothing shown": false, "something shown": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
				if shown {
					must(t, r.writer(run).Data(ctx, []byte(firstChunk)))
				}
				return nil, tasks.Fail("vendor_timeout", "the vendor was silent")
			})
			q := request{method: "POST", path: "/v1/chat/completions", body: askStream}
			if !shown {
				r.do(q).want(t, 504, "vendor_timeout")
				return
			}
			all := events(t, r.open(q))
			last := all[len(all)-1]
			if len(all) != 2 || last.kind != "error" || !strings.Contains(last.data, "stream_interrupted") {
				t.Errorf("events %v", all)
			}
		})
	}
}

// The client that goes away takes its chat with it, unless it came with a key.
func TestChatClientGone(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "kept"} {
		t.Run("key "+key, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			running, release := make(chan string, 1), make(chan struct{})
			r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
				running <- run.Job.ID
				select {
				case <-ctx.Done():
					return nil, context.Cause(ctx)
				case <-release:
					return r.echo(ctx, run)
				}
			})
			ctx, leave := context.WithCancel(t.Context())
			q := r.build(request{method: "POST", path: "/v1/chat/completions", body: askWhole,
				header: map[string]string{"Idempotency-Key": key}})
			left := make(chan error, 1)
			go func() {
				_, err := http.DefaultClient.Do(q.WithContext(ctx))
				left <- err
			}()
			j := <-running
			leave()
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Fatalf("the client got %v", err)
			}
			if key != "" {
				close(release)
			}
			want := map[string]job.State{"": job.StateCancelled, "kept": job.StateSucceeded}[key]
			if got := r.finished(j).State; got != want {
				t.Errorf("the job is %s, want %s", got, want)
			}
		})
	}
}

// TestServerStopsBelowAChat has a server stop that waits no longer for the answer.
func TestServerStopsBelowAChat(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	running := make(chan string, 1)
	r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		running <- run.Job.ID
		<-ctx.Done()
		return nil, context.Cause(ctx)
	})
	ctx, stop := context.WithCancelCause(t.Context())
	front := httptest.NewUnstartedServer(r.server.Handler())
	front.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	front.Start()
	defer front.Close()
	r.url = front.URL
	go func() { <-running; stop(gate.ErrStopping) }()
	a := r.post("/v1/chat/completions", askWhole)
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" ||
		!strings.Contains(string(a.body), "stopping") {
		t.Errorf("the client was told %d %v %s", a.status, a.header, a.body)
	}
}

// elsewhere answers whether a client follows a reply only when one has resumed it
// at another server, and tells when it has answered.
type elsewhere struct {
	chat.Replies
	arrived, asked chan struct{}
}

func (e elsewhere) Arrive(ctx context.Context, job string) error {
	defer close(e.arrived)
	return e.Replies.Arrive(ctx, job)
}

func (e elsewhere) Present(ctx context.Context, job string) (bool, error) {
	defer close(e.asked)
	<-e.arrived
	return e.Replies.Present(ctx, job)
}

// another returns the address of a second server of the same stack.
func (r *rig) another(t *testing.T) string {
	t.Helper()
	second, err := New(r.options)
	must(t, err)
	front := httptest.NewServer(second.Handler())
	t.Cleanup(func() { front.Close(); second.Close() })
	return front.URL
}

// A client that resumed, in whatever process, keeps its chat.
func TestChatClientComesBack(t *testing.T) {
	t.Parallel()
	mark := elsewhere{arrived: make(chan struct{}), asked: make(chan struct{})}
	r := newRig(t, func(o *Options) { mark.Replies = o.Replies; o.Replies = mark })
	shown, release := make(chan string, 1), make(chan struct{})
	r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		w := r.writer(run)
		err := w.Data(ctx, []byte(firstChunk))
		shown <- run.Job.ID
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-release:
		}
		return &tasks.End{Result: completionOf(run.Job.ID), Then: func(ctx context.Context) error {
			return errors.Join(err, w.Data(ctx, []byte("[DONE]")), w.End(ctx))
		}}, nil
	})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	res, err := http.DefaultClient.Do(r.build(request{
		method: "POST", path: "/v1/chat/completions", body: askStream,
	}).WithContext(ctx))
	must(t, err)
	j := <-shown
	leave()
	must(t, res.Body.Close())
	r.url = r.another(t)
	back := make(chan []event, 1)
	resume := request{path: "/v1/jobs/" + j + "/stream", header: map[string]string{"Last-Event-ID": "1-1"}}
	go func() { back <- events(t, r.open(resume)) }()
	<-mark.asked
	close(release)
	if all := <-back; len(all) != 1 || all[0].data != "[DONE]" {
		t.Errorf("events %v", all)
	}
	if state := r.finished(j).State; state != job.StateSucceeded {
		t.Errorf("the job is %s", state)
	}
}

func TestChatNotStored(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.post("/v1/chat/completions", strings.Replace(askWhole, "{", `{"store":false,`, 1)).want(t, 200, "")
	job := r.finished(a.text(t, "dreamlab", "job"))
	if string(job.Input) != "{}" || job.Result != nil {
		t.Errorf("kept %s and %s", job.Input, job.Result)
	}
}

// A background chat that is not to be kept can be read for a while, as often as
// one likes; when it ends without an answer its input goes at once.
func TestJobNotStored(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ask := `{"kind":"chat","input":` + strings.Replace(askWhole, "{", `{"store":false,`, 1) + `}`
	id := r.post("/v1/jobs", ask).want(t, 202, "").text(t, "id")
	r.finished(id)
	for _, path := range []string{"/v1/jobs/" + id, "/v1/jobs/" + id, "/v1/jobs/" + id + "/stream", "/v1/jobs/" + id} {
		if got := r.get(path); path == "/v1/jobs/"+id && got.want(t, 200, "").field(t, "result") == nil {
			t.Errorf("the answer is not shown: %s", got.body)
		}
	}
	later := strings.Replace(ask, "{", fmt.Sprintf(`{"run_at":%d,`, time.Now().Add(time.Hour).Unix()), 1)
	id = r.post("/v1/jobs", later).want(t, 202, "").text(t, "id")
	r.post("/v1/jobs/"+id+"/cancel", "").want(t, 200, "")
	if job := r.finished(id); string(job.Input) != "{}" {
		t.Errorf("a cancelled chat keeps its input: %s", job.Input)
	}
	r.post("/v1/jobs/"+id+"/retry", "").want(t, 409, "")
}

// Without Redis a chat is refused and makes no job; background work is taken.
func TestQueueAway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	dead := redis.NewClient(&redis.Options{MaxRetries: -1, Dialer: func(context.Context, string,
		string) (net.Conn, error) {
		return nil, errors.New("away")
	}})
	t.Cleanup(func() { must(t, dead.Close()) })
	away, err := engine.New(engine.Options{Store: r.store, Redis: dead})
	must(t, err)
	o := r.options
	o.Engine = away
	r.server, err = New(o)
	must(t, err)
	t.Cleanup(r.server.Close)
	front := httptest.NewServer(r.server.Handler())
	t.Cleanup(front.Close)
	r.url = front.URL
	r.post("/v1/chat/completions", askWhole).want(t, 503, "queue_unavailable")
	if list := r.get("/v1/jobs").field(t, "data").([]any); len(list) != 0 {
		t.Errorf("jobs %v", list)
	}
	r.post("/v1/dreams", `{}`).want(t, 202, "")
	ready := r.get("/readyz").want(t, 200, "")
	if ready.text(t, "dependencies", "queue", "state") != "down" || ready.text(t, "status") != "degraded" {
		t.Errorf("ready says %s", ready.body)
	}
}
