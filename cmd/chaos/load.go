package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// clientWait bounds a request: a waiting chat expires after a minute.
	clientWait = 80 * time.Second
	// clients bounds the concurrent requests.
	clients = 64
	// insist bounds how long a job is sent again until it is accepted.
	insist = 90 * time.Second
)

// promise is what the API has answered to a client about a job.
type promise struct {
	job       string
	key       string // its idempotency key
	answered  bool   // the whole answer was received
	cancelled bool   // its cancellation was confirmed as done
	crash     bool   // PostgreSQL was killed directly after the answer
}

// load is the clients, and the answers that they got.
type load struct {
	lab    *lab
	client *http.Client
	rate   float64
	rand   *rand.Rand
	counts *tally
	last   atomic.Int64 // number of the last request

	mu       sync.Mutex
	promises []promise
	shown    []shown
	floods   []flood
	files    map[string]string // a training file of each tenant, by its key
	requests map[string]string // a file of a batch's requests, likewise
	tunes    []placedTune      // by the faults
}

func newLoad(l *lab, o options) *load {
	return &load{
		lab: l, rate: o.rate, counts: newTally(), rand: rand.New(rand.NewPCG(o.seed, 99)),
		files: map[string]string{}, requests: map[string]string{},
		client: &http.Client{Timeout: clientWait, Transport: &http.Transport{MaxIdleConnsPerHost: clients}},
	}
}

// loadNotes are the results of the clients.
type loadNotes struct {
	promises []promise
	shown    []shown
	floods   []flood
	counts   *tally
}

// notes returns the results.
func (c *load) notes() loadNotes {
	c.mu.Lock()
	defer c.mu.Unlock()
	return loadNotes{promises: c.promises, shown: c.shown, floods: c.floods, counts: c.counts}
}

func (c *load) note(p promise) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.promises = append(c.promises, p)
}

// ask is one request of the load. All of it is decided before it is sent.
type ask struct {
	number int64
	kind   string
	key    string // the tenant's
	model  string // that a training is of. Defaults to Together's.
	api    int
	pause  time.Duration // before it is cancelled
}

// kinds of request and their percentages.
var kinds = []struct {
	name  string
	share int
}{
	{"job", 31}, {"chat", 18}, {"stream", 18}, {"twice", 6}, {"cancel", 12}, {"stop", 3},
	{"dream", 2}, {"later dream", 2}, {"batch", 1}, {"train", 3}, {"untrain", 2}, {"tune", 2},
}

func (c *load) next() ask {
	a := c.askOf("", c.rand.IntN(tenants))
	a.api, a.pause = c.rand.IntN(len(c.lab.apis)), time.Duration(c.rand.IntN(3000))*time.Millisecond
	draw := c.rand.IntN(100)
	for _, k := range kinds {
		if a.kind = k.name; draw < k.share {
			break
		}
		draw -= k.share
	}
	return a
}

// askOf makes a numbered request of a tenant.
func (c *load) askOf(kind string, tenant int) ask {
	number := c.last.Add(1)
	return ask{number: number, kind: kind, key: c.lab.keys[tenant], api: int(number) % len(c.lab.apis)}
}

// begin waits until each api answers a chat, and brings the tenants' files.
func (c *load) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for i := range c.lab.apis {
		for !c.chat(ctx, c.firstOf(i)) {
			if !pause(ctx, startPoll) {
				return fmt.Errorf("api %d does not answer a chat within a minute: its log is in %s", i, c.lab.dir)
			}
		}
	}
	for i := range tenants {
		if err := retry(ctx, func() error { return c.upload(ctx, i) }); err != nil {
			return fmt.Errorf("bring a tenant's files: %w", err)
		}
	}
	return nil
}

func (c *load) firstOf(api int) ask {
	a := c.askOf("first", 0)
	a.api = api
	return a
}

// run sends requests at the rate until the faults are over, and returns when all
// were answered or given up.
func (c *load) run(ctx, stormy context.Context) error {
	ticker := time.NewTicker(time.Duration(float64(time.Second) / c.rate))
	defer ticker.Stop()
	var all errgroup.Group // bounds them; none has an error to tell
	all.SetLimit(clients)
	for {
		select {
		case <-stormy.Done():
			return all.Wait()
		case <-ticker.C:
		}
		a := c.next()
		all.Go(func() error { c.send(ctx, a); return nil })
	}
}

func (c *load) send(ctx context.Context, a ask) {
	switch a.kind {
	case "job":
		c.job(ctx, a)
	case "chat", "stream":
		c.chat(ctx, a)
	case "twice":
		var both sync.WaitGroup
		both.Go(func() { c.job(ctx, a) })
		both.Go(func() { c.job(ctx, a) })
		both.Wait()
	case "cancel":
		if id := c.job(ctx, a); id != "" {
			pause(ctx, a.pause/10)
			c.cancel(ctx, a, id)
		}
	case "stop":
		c.stop(ctx, a)
	case "dream":
		c.post(ctx, a, "/v1/dreams", "", `{"limit":12}`)
	case "later dream":
		c.post(ctx, a, "/v1/dreams", "", `{"limit":12,"mode":"batch"}`)
	case "batch":
		c.batch(ctx, a)
	case "train", "untrain":
		c.train(ctx, a)
	case "tune":
		c.post(ctx, a, "/v1/tunes", "", `{"min_examples":2}`)
	}
}

// errand asks for work of a kind beside the others: a fault waits for it.
func (c *load) errand(ctx context.Context, kind string) { c.send(ctx, c.askOf(kind, 0)) }

// body is a chat of a conversation of its own.
func (a ask) body(model string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%t,"metadata":{"conversation_id":"c-%d"},`+
		`"messages":[{"role":"user","content":"Question %d: how do I get a refund for order %d?"}]}`,
		model, stream, a.number, a.number, a.number*37)
}

// trace is a W3C traceparent: by it the vendors' log tells whose a call was.
func (a ask) trace() string { return fmt.Sprintf("00-%032x-%016x-01", a.number, a.number) }

// job has a chat done in the background.
func (c *load) job(ctx context.Context, a ask) (id string) {
	body := `{"kind":"chat","input":` + a.body("assistant", false) + `}`
	answer := c.insist(ctx, a, "/v1/jobs", body, http.StatusAccepted)
	if id = textOf(answer, "id"); id != "" {
		c.note(promise{job: id, key: a.key + a.idemKey()})
	}
	return id
}

func (a ask) idemKey() string { return fmt.Sprintf("key-%d", a.number) }

// insist sends a request again, under one key, until it is accepted.
func (c *load) insist(ctx context.Context, a ask, path, body string, accepted int) []byte {
	ctx, cancel := context.WithTimeout(ctx, insist)
	defer cancel()
	for try := 0; ; try++ {
		a.api = (a.api + 1) % len(c.lab.apis)
		status, answer := c.post(ctx, a, path, a.idemKey(), body)
		if status == accepted {
			return answer
		}
		if !pause(ctx, min(time.Duration(50<<try)*time.Millisecond, 2*time.Second)) {
			return nil
		}
	}
}

// textOf reads a field of a JSON object, "" where there is none.
func textOf(answer []byte, path ...string) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(answer, &object) != nil {
		return ""
	}
	if len(path) > 1 {
		return textOf(object[path[0]], path[1:]...)
	}
	var text string
	if json.Unmarshal(object[path[0]], &text) != nil {
		return ""
	}
	return text
}

// chat waits for an answer, whole or streamed, and tells whether it came.
func (c *load) chat(ctx context.Context, a ask) bool {
	answer, err := c.do(ctx, a, http.MethodPost, "/v1/chat/completions", "", a.body("assistant", a.kind == "stream"))
	if err != nil {
		c.counts.add(a.kind + ": no answer")
		return false
	}
	text, err := io.ReadAll(answer.Body)
	err = errors.Join(err, answer.Body.Close())
	whole := err == nil && answer.StatusCode == http.StatusOK
	job := answer.Header.Get(jobHeader)
	if a.kind == "stream" && answer.StatusCode == http.StatusOK {
		s := readShown(job, text, err != nil)
		c.noteShown(s)
		whole = s.done
	}
	if whole {
		c.note(promise{job: job, answered: true})
	}
	c.counts.add(fmt.Sprintf("%s: %d, whole %t", a.kind, answer.StatusCode, whole))
	return whole
}

const jobHeader = "X-Dreamlab-Job"

func (c *load) post(ctx context.Context, a ask, path, key, body string) (int, []byte) {
	return c.call(ctx, a, http.MethodPost, path, key, body)
}

func (c *load) call(ctx context.Context, a ask, method, path, key, body string) (int, []byte) {
	answer, err := c.do(ctx, a, method, path, key, body)
	if err != nil {
		c.counts.add(a.kind + ": no answer")
		return 0, nil
	}
	text, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		c.counts.add(a.kind + ": broken answer")
		return 0, nil
	}
	c.counts.add(fmt.Sprintf("%s: %d", a.kind, answer.StatusCode))
	return answer.StatusCode, text
}

func (c *load) do(ctx context.Context, a ask, method, path, key, body string) (*http.Response, error) {
	url := c.lab.apis[a.api] + path
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	request.Header.Set("Content-Type", "application/json")
	if path == "/v1/experiences" {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	request.Header.Set("Traceparent", a.trace())
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	return c.client.Do(request)
}
