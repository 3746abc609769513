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
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// clientWait bounds a request: a chat that waits expires after a minute.
	clientWait = 80 * time.Second
	// clients bounds the requests that are under way.
	clients = 64
	// insist is how long a job is sent again until it is accepted.
	insist = 90 * time.Second
)

// promise is what the API has told a client about a job.
type promise struct {
	job       string
	key       string // the idempotency key that it came with
	answered  bool   // the whole answer was received
	cancelled bool   // its cancellation was confirmed as done
}

// load is the clients, and what they were promised.
type load struct {
	lab    *lab
	client *http.Client
	rate   float64
	rand   *rand.Rand
	counts *tally

	mu       sync.Mutex
	promises []promise
}

func newLoad(l *lab, o options) *load {
	return &load{
		lab: l, rate: o.rate, counts: newTally(), rand: rand.New(rand.NewPCG(o.seed, 99)),
		client: &http.Client{Timeout: clientWait, Transport: &http.Transport{MaxIdleConnsPerHost: clients}},
	}
}

// notes returns what was promised and counted.
func (c *load) notes() loadNotes {
	c.mu.Lock()
	defer c.mu.Unlock()
	return loadNotes{promises: c.promises, counts: c.counts}
}

// loadNotes is what the clients have to say in the end.
type loadNotes struct {
	promises []promise
	counts   *tally
}

func (c *load) note(p promise) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.promises = append(c.promises, p)
}

// ask is one request of the load, all of it decided before it is sent.
type ask struct {
	number int
	kind   string
	key    string // the tenant's
	api    int
}

// kinds of request, and how many in a hundred.
var kinds = []struct {
	name  string
	share int
}{{"job", 42}, {"chat", 20}, {"stream", 20}, {"twice", 6}, {"cancel", 10}, {"dream", 2}}

func (c *load) next(number int) ask {
	a := ask{number: number, key: c.lab.keys[c.rand.IntN(tenants)], api: c.rand.IntN(len(c.lab.apis))}
	draw := c.rand.IntN(100)
	for _, k := range kinds {
		if a.kind = k.name; draw < k.share {
			break
		}
		draw -= k.share
	}
	return a
}

// firstAnswer waits until the fleet answers a chat.
func (c *load) firstAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !c.chat(ctx, ask{kind: "first", key: c.lab.keys[0]}) {
		if !pause(ctx, startPoll) {
			return fmt.Errorf("the fleet does not answer a chat within a minute: its logs are in %s", c.lab.dir)
		}
	}
	return nil
}

// run sends requests at the rate until the storm is over, and returns when all
// were answered or given up.
func (c *load) run(ctx, stormy context.Context) error {
	ticker := time.NewTicker(time.Duration(float64(time.Second) / c.rate))
	defer ticker.Stop()
	var all errgroup.Group // bounds them; none has an error to tell
	all.SetLimit(clients)
	for number := 1; ; number++ {
		select {
		case <-stormy.Done():
			return all.Wait()
		case <-ticker.C:
		}
		a := c.next(number)
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
			c.cancel(ctx, a, id)
		}
	case "dream":
		c.post(ctx, a, "/v1/dreams", "", `{"limit":12}`)
	}
}

// body is a chat of a conversation of its own.
func (a ask) body(stream bool) string {
	return fmt.Sprintf(`{"model":"assistant","stream":%t,"metadata":{"conversation_id":"c-%d"},`+
		`"messages":[{"role":"user","content":"Question %d: how do I get a refund for order %d?"}]}`,
		stream, a.number, a.number, a.number*37)
}

// job has a chat done in the background, and insists until it is accepted.
func (c *load) job(ctx context.Context, a ask) (id string) {
	ctx, cancel := context.WithTimeout(ctx, insist)
	defer cancel()
	key := fmt.Sprintf("key-%d", a.number)
	body := `{"kind":"chat","input":` + a.body(false) + `}`
	for try := 0; ; try++ {
		a.api = (a.api + 1) % len(c.lab.apis)
		status, answer := c.post(ctx, a, "/v1/jobs", key, body)
		if status == http.StatusAccepted {
			id = idOf(answer)
			c.note(promise{job: id, key: a.key + key})
			return id
		}
		if !pause(ctx, min(time.Duration(50<<try)*time.Millisecond, 2*time.Second)) {
			return ""
		}
	}
}

func idOf(answer []byte) string {
	var object struct{ ID string }
	if err := json.Unmarshal(answer, &object); err != nil {
		return ""
	}
	return object.ID
}

// chat waits for an answer, whole or streamed, and tells whether it came.
func (c *load) chat(ctx context.Context, a ask) bool {
	answer, err := c.do(ctx, a, "/v1/chat/completions", "", a.body(a.kind == "stream"))
	if err != nil {
		c.counts.add(a.kind + ": no answer")
		return false
	}
	text, err := io.ReadAll(answer.Body)
	err = errors.Join(err, answer.Body.Close())
	whole := err == nil && answer.StatusCode == http.StatusOK &&
		(a.kind != "stream" || bytes.Contains(text, []byte("data: [DONE]")))
	if whole {
		c.note(promise{job: answer.Header.Get("X-Dreamlab-Job"), answered: true})
	}
	c.counts.add(fmt.Sprintf("%s: %d, whole %t", a.kind, answer.StatusCode, whole))
	return whole
}

// cancel asks for a job's end, and notes where the answer says that it has.
func (c *load) cancel(ctx context.Context, a ask, id string) {
	status, answer := c.post(ctx, a, "/v1/jobs/"+id+"/cancel", "", "")
	var job struct{ Status string }
	if status == http.StatusOK && json.Unmarshal(answer, &job) == nil && job.Status == "cancelled" {
		c.note(promise{job: id, cancelled: true})
	}
}

func (c *load) post(ctx context.Context, a ask, path, key, body string) (int, []byte) {
	answer, err := c.do(ctx, a, path, key, body)
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

func (c *load) do(ctx context.Context, a ask, path, key, body string) (*http.Response, error) {
	url := c.lab.apis[a.api] + path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	return c.client.Do(request)
}
