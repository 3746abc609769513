package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"dreamlab/store"
	"dreamlab/tasks"
)

// jobView is a job as clients see it.
type jobView struct {
	ID          string          `json:"id"`
	Object      string          `json:"object"`
	Kind        string          `json:"kind"`
	Task        string          `json:"task"`
	Status      string          `json:"status"`
	Subject     *string         `json:"subject"`
	Priority    int             `json:"priority"`
	Attempt     int             `json:"attempt"`
	MaxAttempts int             `json:"max_attempts"`
	Input       json.RawMessage `json:"input,omitempty"`  // left out of lists
	Result      json.RawMessage `json:"result,omitempty"` // left out of lists
	Error       *store.JobError `json:"error"`
	CostUSD     usd             `json:"cost_usd"`
	Metadata    json.RawMessage `json:"metadata"`
	RunAt       *int64          `json:"run_at"`
	ExpiresAt   *int64          `json:"expires_at"`
	CreatedAt   *int64          `json:"created_at"`
	StartedAt   *int64          `json:"started_at"`
	FinishedAt  *int64          `json:"finished_at"`
}

// statusOf shows a wake-up that is on its way as what it is to a client: queued.
func statusOf(state store.JobState) string {
	if state == store.JobDispatched {
		return string(store.JobQueued)
	}
	return string(state)
}

func viewJob(job store.Job, cost int64) jobView {
	view := briefJob(job, cost)
	view.Input, view.Result = shownInput(job), rawOr(job.Result, "null")
	return view
}

// briefJob is a job in a list.
func briefJob(job store.Job, cost int64) jobView {
	return jobView{
		ID: job.ID, Object: "job", Kind: tasks.Kind(job.Kind).Noun(), Task: job.Kind, Status: statusOf(job.State),
		Subject: orNull(job.Subject), Priority: job.Priority, Attempt: job.Tries(), MaxAttempts: job.MaxAttempts,
		Error: job.Error, CostUSD: usd(cost), Metadata: rawOr(job.Metadata, "{}"),
		RunAt: seconds(job.RunAt), ExpiresAt: seconds(job.ExpiresAt),
		CreatedAt: seconds(job.Created), StartedAt: seconds(job.Started), FinishedAt: seconds(job.Finished),
	}
}

// shownInput returns the body that the noun's own route takes: a chat's input
// holds it beside what we worked out of it.
func shownInput(job store.Job) json.RawMessage {
	if job.Kind != string(tasks.ChatRun) {
		return rawOr(job.Input, "{}")
	}
	var input tasks.ChatInput
	if err := json.Unmarshal(job.Input, &input); err != nil {
		return rawOr(job.Input, "{}")
	}
	return rawOr(input.Request, "{}")
}

// showJob adds what the job cost.
func (s *Server) showJob(ctx context.Context, job store.Job) (any, error) {
	spent, err := s.spent(ctx, job)
	return viewJob(job, spent), err
}

// spent is what a job has cost so far, nano-dollars. One that was never claimed
// is not asked for: it has no calls, and no children.
func (s *Server) spent(ctx context.Context, job store.Job) (int64, error) {
	if job.Epoch == 0 {
		return 0, nil
	}
	spend, err := s.Store.JobSpend(ctx, job.ID)
	return spend.Settled, err
}

// spentBy is what the jobs of the rows of a list have cost so far.
func spentBy[T any](ctx context.Context, s *Server, rows []T, job func(T) string) (map[string]store.Spend, error) {
	jobs := make([]string, len(rows))
	for i, row := range rows {
		jobs[i] = job(row)
	}
	return s.Store.JobSpends(ctx, jobs)
}

// newJob is the body of POST /v1/jobs.
type newJob struct {
	Kind        string          `json:"kind"`
	Input       json.RawMessage `json:"input"`
	RunAt       int64           `json:"run_at"`     // unix seconds
	ExpiresIn   int64           `json:"expires_in"` // seconds
	Priority    int             `json:"priority"`
	MaxAttempts *int            `json:"max_attempts"`
	WebhookURL  string          `json:"webhook_url"`
	Metadata    json.RawMessage `json:"metadata"`
}

func (n newJob) check(webhooks tasks.WebhookRules) error {
	if n.WebhookURL != "" {
		if err := webhooks.Check(n.WebhookURL); err != nil {
			return err
		}
	}
	switch {
	case n.Priority < 0 || n.Priority > 9:
		return invalid("priority", "priority is a number from 0 to 9, 9 first.")
	case n.MaxAttempts != nil && (*n.MaxAttempts < 1 || *n.MaxAttempts > 20):
		return invalid("max_attempts", "max_attempts is a number from 1 to 20.")
	case n.ExpiresIn < 0 || n.ExpiresIn > 30*24*3600:
		return invalid("expires_in", "expires_in is a number of seconds, at most 30 days.")
	case n.RunAt < 0 || n.RunAt > time.Now().Add(366*24*time.Hour).Unix():
		return invalid("run_at", "run_at is a time in unix seconds, at most a year ahead.")
	}
	return checkMetadata(n.Metadata)
}

// checkMetadata holds metadata to OpenAI's rule: an object of at most 16 texts,
// with names of at most 64 characters and values of at most 512
// (https://platform.openai.com/docs/api-reference/chat/create).
func checkMetadata(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var pairs map[string]string
	if err := json.Unmarshal(raw, &pairs); err != nil || len(pairs) > 16 {
		return invalid("metadata", "metadata is an object of at most 16 strings.")
	}
	for name, value := range pairs {
		if utf8.RuneCountInString(name) > 64 || utf8.RuneCountInString(value) > 512 {
			return invalid("metadata", "metadata has names of at most 64 characters, and values of at most 512.")
		}
	}
	return nil
}

func (n newJob) fill(job *store.NewJob) {
	job.Priority, job.WebhookURL = n.Priority, n.WebhookURL
	if n.MaxAttempts != nil {
		job.MaxAttempts = *n.MaxAttempts
	}
	job.ExpiresIn = time.Duration(n.ExpiresIn) * time.Second
	if n.RunAt > 0 {
		job.RunAt = time.Unix(n.RunAt, 0)
	}
	if len(n.Metadata) > 0 && string(n.Metadata) != "null" {
		job.Metadata = n.Metadata
	}
}

func (s *Server) createJob(w http.ResponseWriter, c *call) error {
	body, err := jsonBody(c)
	if err != nil {
		return err
	}
	var n newJob
	if err := decode(body, &n); err != nil {
		return err
	}
	if err := n.check(s.Webhooks); err != nil {
		return err
	}
	a, err := s.askFor(c, n)
	if err != nil {
		return underInput(err)
	}
	n.fill(&a.job)
	a.hash = hashOf(c, body)
	job, _, err := s.accept(c, a)
	if err != nil {
		return err
	}
	return s.background(w, c, job, "/v1/jobs/"+job.ID, s.showJob)
}

// askFor reads the input as the noun's own route would.
func (s *Server) askFor(c *call, n newJob) (asked, error) {
	input := n.Input
	if len(bytes.TrimSpace(input)) == 0 || string(input) == "null" {
		input = json.RawMessage("{}")
	}
	switch n.Kind {
	case "chat":
		return s.askChat(c, input)
	case "dream":
		return s.askDream(c, input)
	case "tune":
		return s.askTune(c, input)
	}
	return asked{}, invalid("kind", "kind is chat, dream or tune.")
}

// underInput names a parameter as the client wrote it: below input.
func underInput(err error) error {
	f := faultOf(err)
	if f.Param == "" || f.Param == "kind" || f.Status >= http.StatusInternalServerError {
		return err
	}
	inside := *f
	inside.Param = "input." + f.Param
	return &inside
}

func (s *Server) listJobs(w http.ResponseWriter, c *call) error {
	page, err := paged(c, "kind", "status")
	if err != nil {
		return err
	}
	query := c.URL.Query()
	filter := store.JobFilter{Noun: query.Get("kind"), Status: query.Get("status"), Brief: true}
	if err := oneOf("kind", filter.Noun, "chat", "experience", "dream", "tune", "schedule", "webhook"); err != nil {
		return err
	}
	err = oneOf("status", filter.Status,
		"queued", "running", "waiting", "succeeded", "failed", "cancelled", "expired")
	if err != nil {
		return err
	}
	jobs, more, err := s.Store.Jobs(c.Context(), c.key.Tenant, filter, page)
	if err != nil {
		return err
	}
	spent, err := spentBy(c.Context(), s, jobs, func(j store.Job) string { return j.ID })
	if err != nil {
		return err
	}
	view := func(j store.Job) jobView { return briefJob(j, spent[j.ID].Settled) }
	return writeList(w, jobs, more, view, func(v jobView) string { return v.ID })
}

// ownJob finds the job of the path.
func (s *Server) ownJob(c *call) (store.Job, error) {
	c.job = c.PathValue("id")
	job, err := s.Store.Job(c.Context(), c.key.Tenant, c.job)
	return job, orMissing(err, "job")
}

// orMissing says what is not there.
func orMissing(err error, what string) error {
	if errors.Is(err, store.ErrNotFound) {
		return missing(what)
	}
	return err
}

func (s *Server) answerJob(w http.ResponseWriter, c *call, job store.Job) error {
	view, err := s.showJob(c.Context(), job)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, view)
}

func (s *Server) getJob(w http.ResponseWriter, c *call) error {
	job, err := s.ownJob(c)
	if err != nil {
		return err
	}
	if job, _, err = s.awaited(w, c, job); err != nil {
		return err
	}
	if err := s.answerJob(w, c, job); err != nil {
		return err
	}
	return s.clearShown(c, job)
}

// clearShown forgets a background chat with "store": false once its answer was
// shown.
func (s *Server) clearShown(c *call, job store.Job) error {
	if job.Kind != string(tasks.ChatRun) || len(job.Result) == 0 {
		return nil
	}
	input, err := chatInput(job)
	if err != nil {
		return err
	}
	return s.clear(c, job.ID, input)
}

func (s *Server) cancelJob(w http.ResponseWriter, c *call) error {
	c.job = c.PathValue("id")
	job, err := s.Engine.Cancel(c.Context(), c.key.Tenant, c.job)
	if err != nil {
		return orMissing(err, "job")
	}
	if job.Attached && job.State == store.JobCancelled { // else its worker tells the client
		if err := s.Replies.Cancelled(c.Context(), job.ID, job.Epoch); err != nil {
			s.Log.Warn().Err(err).Str("job", job.ID).Msg("a client that waits is told by its own look at the job")
		}
	}
	return s.answerJob(w, c, job)
}

func (s *Server) retryJob(w http.ResponseWriter, c *call) error {
	c.job = c.PathValue("id")
	job, err := s.Engine.Retry(c.Context(), c.key.Tenant, c.job)
	if errors.Is(err, store.ErrConflict) {
		return &fault{
			Status: http.StatusConflict, Code: "invalid_request", err: err,
			Message: "Only a job that failed, was cancelled or expired can be tried again, and only while " +
				"nothing else does its work.",
		}
	}
	if err != nil {
		return orMissing(err, "job")
	}
	return s.background(w, c, job, "/v1/jobs/"+job.ID, s.showJob)
}
