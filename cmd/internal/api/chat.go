package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"dreamlab/store"
	"dreamlab/tasks"
)

// startWithin is how long a chat may wait for a worker while its client waits.
const startWithin = 60 * time.Second

// interactive is the priority of a chat whose client waits: it goes before what
// its tenant has left to the background.
const interactive = 9

// finding finds the route of an alias.
type finding func(context.Context, aliasOf) (store.Route, error)

// readChat reads a chat and finds out who is to answer it.
func (s *Server) readChat(c *call, body []byte, find finding) (tasks.ChatInput, served, error) {
	request, err := tasks.ParseChat(body)
	if err != nil {
		return tasks.ChatInput{}, served{}, err
	}
	by, err := s.served(c, request.Model, find)
	if err != nil {
		return tasks.ChatInput{}, by, err
	}
	return request.Input(body, by.Alias), by, request.CheckContext(by.context)
}

// askChat asks for the job of a chat that nobody waits on: it goes by the route
// that is in force when it runs.
func (s *Server) askChat(c *call, body []byte) (asked, error) {
	input, _, err := s.readChat(c, body, s.aliases.read)
	return askedChat(c, body, input), err
}

func askedChat(c *call, body []byte, input tasks.ChatInput) asked {
	return asked{job: store.NewJob{Kind: string(tasks.ChatRun), Input: encoded(input)}, hash: hashOf(c, body)}
}

// served is who answers to a model's name: an alias' route, or with none of it a
// model. Its context is how many tokens it takes; 0 where that is not known.
type served struct {
	store.Route
	context int
}

// served finds out who answers to a name.
func (s *Server) served(c *call, name string, find finding) (served, error) {
	if m, ok := s.Models.Find(name); ok {
		return served{context: m.Context}, nil
	}
	r, err := find(c.Context(), aliasOf{c.key.Tenant, name})
	if err == nil {
		m, _ := s.firstTarget(r)
		return served{r, m.Context}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return served{}, err
	}
	m, err := s.Store.Model(c.Context(), c.key.Tenant, name)
	if err != nil {
		return served{}, orNoModel(err, name)
	}
	priced, _ := s.Models.Find(m.Priced)
	return served{context: priced.Context}, nil
}

// createChat lets a chat travel through the queue while its client waits on
// the reply stream.
func (s *Server) createChat(w http.ResponseWriter, c *call) error {
	began := time.Now()
	body, err := jsonBody(c)
	if err != nil {
		return err
	}
	t, existed, err := s.begin(c, body, true)
	if errors.Is(err, store.ErrRouteChanged) {
		t, existed, err = s.begin(c, body, false)
	}
	if err != nil {
		return err
	}
	t.began = began
	w.Header().Set("X-Dreamlab-Job", t.job.ID)
	if existed {
		if t.input, err = chatInput(t.job); err != nil {
			return err
		}
		if t.job.State.Ended() {
			return s.answerAgain(w, c, t.job, t.input)
		}
	}
	if t.input.Stream {
		return t.stream(w, place{})
	}
	return t.whole(w)
}

// begin makes the job of a chat whose client waits, or finds the one that the
// same key made before. From memory it goes by the route as another chat found it,
// and is made only if that is in force.
func (s *Server) begin(c *call, body []byte, memory bool) (t *turn, existed bool, err error) {
	find := s.aliases.read
	if memory {
		find = s.aliases.recall
	}
	input, by, err := s.readChat(c, body, find)
	if err != nil {
		return nil, false, err
	}
	input.Targets = by.Targets
	a := askedChat(c, body, input)
	a.job.Attached, a.job.ExpiresIn, a.job.Priority = true, startWithin, interactive
	if memory {
		a.job.Route = by.Route
	}
	job, existed, err := s.accept(c, a)
	return &turn{server: s, call: c, job: job, input: input}, existed, err
}

func chatInput(job store.Job) (tasks.ChatInput, error) {
	var input tasks.ChatInput
	err := json.Unmarshal(job.Input, &input)
	return input, err
}

// answerAgain gives a stored answer to a client that asks with the same
// Idempotency-Key.
func (s *Server) answerAgain(w http.ResponseWriter, c *call, job store.Job, input tasks.ChatInput) error {
	if job.State != store.JobSucceeded {
		return endedFault(job)
	}
	if len(job.Result) == 0 {
		return coded("stream_gone", "The answer to this Idempotency-Key was delivered and not kept (store: "+
			"false): take a new key.")
	}
	if !input.Stream {
		return writeAnswer(w, job.Result, 0)
	}
	events, err := chunksOf(job.Result, input.Usage)
	if err != nil {
		return err
	}
	out := newSSE(w, s.Sandbox)
	for _, event := range events {
		if err := out.data("", event); err != nil {
			return err
		}
	}
	return nil
}

// endedFault tells why a job ended without an answer.
func endedFault(job store.Job) *fault {
	switch {
	case job.Error != nil:
		told := *job.Error
		if job.State == store.JobFailed && !job.RunAt.IsZero() {
			told.RetryAfter = max(0, time.Until(job.RunAt))
		}
		return jobFault(told)
	case job.State == store.JobCancelled:
		return cancelledFault()
	}
	return coded("internal", "The job "+job.ID+" ended without an answer: ask again.")
}

func cancelledFault() *fault {
	return &fault{Status: http.StatusConflict, Code: "invalid_request",
		Message: "The job was cancelled: ask again, with a new Idempotency-Key if you sent one."}
}

// toldOurs is what an answer says of itself under "dreamlab".
type toldOurs struct {
	Ours struct {
		Job      string      `json:"job"`
		Provider string      `json:"provider"`
		Model    string      `json:"model"`
		Calls    json.Number `json:"calls"`
		CostUSD  json.Number `json:"cost_usd"`
		Cache    string      `json:"cache"`
		VendorMS *int64      `json:"vendor_ms"`
		Sandbox  bool        `json:"sandbox"`
	} `json:"dreamlab"`
}

// writeAnswer answers with a whole completion, and shows in headers what it
// says of itself. Total is how long the client has waited so far, 0 where the
// answer was there before.
func writeAnswer(w http.ResponseWriter, body []byte, total time.Duration) error {
	var told toldOurs
	if err := json.Unmarshal(body, &told); err != nil {
		return err
	}
	o := told.Ours
	for name, value := range map[string]string{
		"Provider": o.Provider, "Model": o.Model, "Calls": o.Calls.String(), "Cost-Usd": o.CostUSD.String(),
		"Cache": o.Cache,
	} {
		if value != "" {
			w.Header().Set("X-Dreamlab-"+name, value)
		}
	}
	if o.VendorMS != nil && total > 0 {
		w.Header().Set("X-Dreamlab-Overhead-Ms", overhead(total, *o.VendorMS))
	}
	if o.Sandbox {
		w.Header().Set("X-Dreamlab-Sandbox", "true")
	}
	return write(w, http.StatusOK, "application/json", body)
}

func overhead(total time.Duration, vendor int64) string {
	ours := max(0, total-time.Duration(vendor)*time.Millisecond)
	return string(decimal(ours.Microseconds(), 3))
}

// clear forgets what a chat with "store": false held, once it was delivered.
func (s *Server) clear(c *call, job string, input tasks.ChatInput) error {
	if input.Keep {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 10*time.Second)
	defer cancel()
	return s.Store.Tx(ctx, store.Relaxed, func(q *store.Queries) error {
		if err := q.ClearEffects(ctx, job); err != nil {
			return err
		}
		return q.ClearJob(ctx, job)
	})
}
