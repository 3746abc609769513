package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"dreamlab/cmd/internal/web/queues"
	"dreamlab/handlers/forget"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/job"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is the whole stack in one process: SQLite, the embedded queue, an engine
// with a worker, and the API on a port of its own.
type rig struct {
	t       testing.TB
	store   *store.Store
	engine  *engine.Engine
	queue   *redis.Queue
	replies *redis.Replies
	reader  *redis.Reader
	bucket  *blob.Dir
	server  *Server
	options Options
	url     string
	document
	key   string // of the tenant "one"
	admin string
	other string // of the tenant "two"
	log   *lockedBuffer

	mu     sync.Mutex
	script map[tasks.Kind]tasks.Handler
}

// lockedBuffer takes the log of several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// listedModels is a catalogue of two models.
type listedModels []Model

func (l listedModels) List() []Model { return l }

func (l listedModels) TakesOption(name string) bool { return name == "top_k" }

func (l listedModels) Find(name string) (Model, bool) {
	for _, m := range l {
		if m.Name == name {
			return m, true
		}
	}
	return Model{}, false
}

func catalogue() Models {
	return listedModels{
		{Name: "together/base", Context: 1000, MostOutput: 100, Can: []string{"tools"}, State: "active",
			Price: &ModelPrice{
				ModelRates: ModelRates{Input: 50_000_000, CachedInput: 25_000_000, Output: 200_000_000},
				Batch:      &ModelRates{Input: 25_000_000, CachedInput: 25_000_000, Output: 100_000_000},
				From:       time.Unix(1, 0),
			}},
		{Name: "groq/maker/lead", Context: 8000, State: "retired", Shutdown: time.Unix(1, 0), Replacement: "together/base"},
	}
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	r := stillRig(t, storetest.SQLite(t), change...)
	r.start()
	return r
}

// stillRig is a rig over a store whose processes do not run.
func stillRig(t testing.TB, s *store.Store, change ...func(*Options)) *rig {
	t.Helper()
	queue, err := redis.Open("")
	must(t, err)
	r := &rig{
		t: t, store: s, queue: queue, replies: redis.NewReplies(queue.Client),
		reader: redis.NewReader(queue.Client, string(tasks.Chat)), document: openDocument(t), log: &lockedBuffer{},
		script: map[tasks.Kind]tasks.Handler{},
	}
	t.Cleanup(func() { must(t, queue.Close()) })
	r.bucket, err = blob.Directory(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, r.bucket.Close()) })
	r.script[tasks.ConversationForget] = forget.Conversation(forget.Deps{Bucket: r.bucket, Replies: r.replies, Cache: cacheIn(queue)})
	r.engine, err = engine.New(engine.Options{Store: r.store, Redis: queue.Client})
	must(t, err)
	o := Options{Pages: pagesOf(t, r.store),
		Engine: r.engine, Store: r.store, Replies: r.reader, Bucket: r.bucket, Models: catalogue(),
		Base: "together/base", Sandbox: true, Log: zerolog.New(r.log), Absence: 50 * time.Millisecond,
		Grace:   time.Second,
		MaxBody: 1 << 20, MaxUpload: 4 << 20, Queues: queues.New(queue.Client, ""),
	}
	for _, fn := range change {
		fn(&o)
	}
	r.options = o
	r.server, err = New(o)
	must(t, err)
	r.keys()
	return r
}

// start runs every process of the stack until the test ends.
func (r *rig) start() {
	handlers := map[tasks.Kind]tasks.Handler{}
	for _, kind := range tasks.Kinds() {
		handlers[kind] = r.handler(kind)
	}
	worker, err := r.engine.Worker(engine.WorkerOptions{Handlers: handlers, Grace: time.Second})
	must(r.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(r.t, err)
	r.url = "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	run := func(fn func(context.Context) error) {
		all.Go(func() {
			if err := fn(ctx); err != nil {
				r.t.Error(err)
			}
		})
	}
	run(worker.Run)
	run(r.engine.Dispatcher().Run)
	run(r.engine.Reconciler().Run)
	run(r.reader.Run)
	server := r.server
	run(func(ctx context.Context) error { return server.Run(ctx, listener) })
	r.t.Cleanup(func() { stop(); all.Wait(); http.DefaultClient.CloseIdleConnections() })
}

// handler runs what the test scripted for a kind, or an honest small one.
func (r *rig) handler(kind tasks.Kind) tasks.Handler {
	return func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		r.mu.Lock()
		scripted := r.script[kind]
		r.mu.Unlock()
		switch {
		case scripted != nil:
			return scripted(ctx, run)
		case kind == tasks.ChatRun:
			return r.echo(ctx, run)
		}
		return &tasks.End{Result: json.RawMessage(`{"done":true}`)}, nil
	}
}

func (r *rig) on(kind tasks.Kind, h tasks.Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script[kind] = h
}

// writer opens a chat's reply.
func (r *rig) writer(run *tasks.Run) *redis.Writer {
	return r.replies.Writer(string(tasks.Chat), run.Job.ID, run.Job.Epoch)
}

const (
	chunkStart = `{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,`
	firstChunk = chunkStart + `"delta":{"content":"he"}}]}`
	nextChunk  = chunkStart + `"delta":{"content":"llo"}}]}`
)

func completionOf(job string) []byte {
	return []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"assistant",` +
		`"choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"total_tokens":3},` +
		`"dreamlab":{"job":"` + job + `","provider":"together","model":"base","calls":1,"cost_usd":0.000001,` +
		`"cache":"bypass","vendor_ms":1,"sandbox":true}}`)
}

// echo answers hello, whole or as two chunks.
func (r *rig) echo(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.ChatInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	w, body := r.writer(run), bytes.Replace(completionOf(run.Job.ID), []byte("bypass"), []byte(cacheState(in)), 1)
	if in.Stream {
		w.Head([]byte(`{"job":"` + run.Job.ID + `","provider":"together","model":"base","calls":1,"cache":"` + cacheState(in) + `"}`))
		if err := w.Data(ctx, []byte(firstChunk), []byte(nextChunk)); err != nil {
			return nil, err
		}
	}
	return &tasks.End{Result: body, Then: func(ctx context.Context) error {
		last := []byte("[DONE]")
		if !in.Stream {
			last = body
		}
		return errors.Join(w.Data(ctx, last), w.End(ctx))
	}}, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is a reply that was read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// value returns what stands under a path of keys, nil where nothing does.
func (a answer) value(path ...string) any {
	var at any
	if json.Unmarshal(a.body, &at) != nil {
		return nil
	}
	for _, key := range path {
		object, _ := at.(map[string]any)
		at = object[key]
	}
	return at
}

// field returns what stands under a path of keys.
func (a answer) field(t *testing.T, path ...string) any {
	t.Helper()
	var at any
	must(t, json.Unmarshal(a.body, &at))
	for _, key := range path {
		object, ok := at.(map[string]any)
		if !ok {
			t.Fatalf("no %v in %s", path, a.body)
		}
		at = object[key]
	}
	return at
}

func (a answer) text(t *testing.T, path ...string) string {
	t.Helper()
	text, ok := a.field(t, path...).(string)
	if !ok {
		t.Fatalf("%v is no text in %s", path, a.body)
	}
	return text
}

// want fails the test unless the status, and the error's code if there is one, are these.
func (a answer) want(t *testing.T, status int, code string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if code != "" && a.text(t, "error", "code") != code {
		t.Fatalf("want code %s: %s", code, a.body)
	}
	if a.header.Get("X-Request-Id") == "" {
		t.Fatal("no x-request-id")
	}
	return a
}

// wantHeaders holds headers to their values.
func wantHeaders(t *testing.T, header http.Header, wanted map[string]string) {
	t.Helper()
	for name, want := range wanted {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// request is what a test sends; its zero value is a GET with the tenant's key.
type request struct {
	method, path, body, key string
	header                  map[string]string
}

func (r *rig) build(q request) *http.Request {
	r.t.Helper()
	if q.method == "" {
		q.method = "GET"
	}
	if q.key == "" {
		q.key = r.key
	}
	req, err := http.NewRequestWithContext(r.t.Context(), q.method, r.url+q.path,
		bytes.NewReader([]byte(q.body)))
	must(r.t, err)
	if q.key != "none" {
		req.Header.Set("Authorization", "Bearer "+q.key)
	}
	if q.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range q.header {
		req.Header.Set(name, value)
	}
	return req
}

// do sends a request and holds its reply to the document.
func (r *rig) do(q request) answer {
	r.t.Helper()
	req := r.build(q)
	res, err := http.DefaultClient.Do(req)
	must(r.t, err)
	body, err := io.ReadAll(res.Body)
	must(r.t, err)
	must(r.t, res.Body.Close())
	a := answer{res.StatusCode, res.Header, body}
	r.hold(req, a)
	return a
}

// pattern returns the line of the table that a request goes to.
func (r *rig) pattern(req *http.Request) string {
	_, pattern := r.server.handler.Handler(req)
	return pattern
}

// hold checks a reply against the document's schema for its route.
func (r *rig) hold(req *http.Request, a answer) {
	r.t.Helper()
	pattern := r.pattern(httptest.NewRequest(req.Method, req.URL.RequestURI(), nil))
	if faults := r.document.check(pattern, a); len(faults) > 0 {
		r.t.Errorf("%s answers %d not as the document says: %v\n%s", pattern, a.status, faults, a.body)
	}
}

func (r *rig) get(path string) answer { r.t.Helper(); return r.do(request{path: path}) }

func (r *rig) post(path, body string) answer {
	r.t.Helper()
	return r.do(request{method: "POST", path: path, body: body})
}

// finished asks for a job until it has ended, by waiting for it.
func (r *rig) finished(id string) job.Job {
	r.t.Helper()
	job, err := r.store.AnyJob(r.t.Context(), id)
	must(r.t, err)
	job, err = r.engine.Wait(r.t.Context(), job.Tenant, id, 20*time.Second)
	must(r.t, err)
	if !job.State.Ended() {
		r.t.Fatalf("%s is still %s", id, job.State)
	}
	return job
}
