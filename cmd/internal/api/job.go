package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/operate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

type jobs struct {
	store    *store.Store
	engine   Engine
	gate     *gate.Gate
	wait     waits
	chats    *chat.Chats
	dreams   dreams
	tunes    tunes
	reap     reaping
	webhooks tasks.WebhookRules
}

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
	Error       *job.Error      `json:"error"`
	CostUSD     money.USD       `json:"cost_usd"`
	WebhookURL  *string         `json:"webhook_url"`
	Metadata    json.RawMessage `json:"metadata"`
	RunAt       *int64          `json:"run_at"`
	ExpiresAt   *int64          `json:"expires_at"`
	CreatedAt   *int64          `json:"created_at"`
	StartedAt   *int64          `json:"started_at"`
	FinishedAt  *int64          `json:"finished_at"`
	// Models were trained on the conversation that the job forgets.
	Models []string `json:"models,omitzero"`
}

// statusOf shows a wake-up that is on its way as what it is to a client: queued.
func statusOf(state job.State) string {
	if state == job.StateDispatched {
		return string(job.StateQueued)
	}
	return string(state)
}

func viewJob(job job.Job, cost int64) jobView {
	view := briefJob(job, cost)
	view.Input, view.Result = chat.ShownInput(job), wire.RawOr(job.Result, "null")
	return view
}

// briefJob is a job in a list.
func briefJob(job job.Job, cost int64) jobView {
	return jobView{
		ID: job.ID, Object: "job", Kind: tasks.Kind(job.Kind).Noun(), Task: job.Kind, Status: statusOf(job.State),
		Subject: wire.OrNull(job.Subject), Priority: job.Priority, Attempt: job.Tries(), MaxAttempts: job.MaxAttempts,
		Error: job.Error, CostUSD: money.USD(cost), WebhookURL: wire.OrNull(job.WebhookURL), Metadata: wire.RawOr(job.Metadata, "{}"),
		RunAt: wire.Seconds(job.RunAt), ExpiresAt: wire.Seconds(job.ExpiresAt), CreatedAt: wire.Seconds(job.Created),
		StartedAt: wire.Seconds(job.Started), FinishedAt: wire.Seconds(job.Finished),
	}
}

// show adds what the job cost.
func (h jobs) show(ctx context.Context, job job.Job) (any, error) {
	spent, err := spent(ctx, h.store, job)
	return viewJob(job, spent), err
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
		return wire.Invalid("priority", "priority is a number from 0 to 9, 9 first.")
	case n.MaxAttempts != nil && (*n.MaxAttempts < 1 || *n.MaxAttempts > 20):
		return wire.Invalid("max_attempts", "max_attempts is a number from 1 to 20.")
	case n.ExpiresIn < 0 || n.ExpiresIn > 30*24*3600:
		return wire.Invalid("expires_in", "expires_in is a number of seconds, at most 30 days.")
	case n.RunAt < 0 || n.RunAt > time.Now().Add(366*24*time.Hour).Unix():
		return wire.Invalid("run_at", "run_at is a time in unix seconds, at most a year ahead.")
	case n.ExpiresIn > 0 && n.RunAt >= time.Now().Unix()+n.ExpiresIn:
		return wire.Invalid("expires_in", "The job would expire before run_at: allow it longer.")
	}
	return tasks.CheckMetadata(n.Metadata)
}

func (n newJob) fill(job *job.NewJob) {
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

func (h jobs) create(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	var n newJob
	if err := wire.Decode(body, &n); err != nil {
		return err
	}
	if err := n.check(h.webhooks); err != nil {
		return err
	}
	if n.WebhookURL != "" && c.Identity {
		return wire.Invalid("webhook_url", "webhook_url is signed with the secret of an API key, and a token has none: "+
			"register an address by POST /v1/webhooks, or use a key.")
	}
	a, err := h.askFor(c, n)
	if err != nil {
		return underInput(err)
	}
	n.fill(&a.Job)
	a.Hash = gate.HashOf(c, body)
	job, _, err := h.gate.Accept(c, a)
	if err != nil {
		return err
	}
	return h.wait.accepted(w, c, job, "/v1/jobs/"+job.ID, h.show)
}

// askFor reads the input as the noun's own route would.
func (h jobs) askFor(c *wire.Call, n newJob) (gate.Asked, error) {
	input := n.Input
	if len(bytes.TrimSpace(input)) == 0 || string(input) == "null" {
		input = json.RawMessage("{}")
	}
	switch n.Kind {
	case "chat":
		return h.chats.Ask(c, input)
	case "dream":
		return h.dreams.ask(c, input)
	case "tune":
		return h.tunes.ask(c, input)
	}
	return gate.Asked{}, wire.Invalid("kind", "kind is chat, dream or tune.")
}

// underInput names a parameter as the client wrote it: below input.
func underInput(err error) error {
	f := gate.FaultOf(err)
	if f.Param == "" || f.Param == "kind" || f.Status >= http.StatusInternalServerError {
		return err
	}
	inside := *f
	inside.Param = "input." + f.Param
	return &inside
}

func (h jobs) list(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "job_", gate.Known(h.store.Job), operate.JobStatuses()...)
	if err != nil {
		return err
	}
	filter := job.Filter{
		Noun: c.URL.Query().Get("kind"), Status: f.Status, Key: f.Key, Alias: f.Alias, Provider: f.Provider, Model: f.Model,
		Text: f.Text, Conversation: c.URL.Query().Get("conversation_id"), Brief: true,
	}
	if err := operate.JobFilter(filter.Noun, filter.Status); err != nil {
		return err
	}
	jobs, more, err := h.store.Jobs(c.Context(), c.Tenant, filter, page)
	if err != nil {
		return err
	}
	spent, err := spentBy(c.Context(), h.store, jobs, func(j job.Job) string { return j.ID })
	if err != nil {
		return err
	}
	view := func(j job.Job) jobView { return briefJob(j, spent[j.ID].Settled) }
	return wire.WriteList(w, jobs, more, view, func(v jobView) string { return v.ID })
}

// accepted answers with a job that was just made.
func (h jobs) accepted(w http.ResponseWriter, c *wire.Call, j job.Job) error {
	return h.wait.accepted(w, c, j, "/v1/jobs/"+j.ID, h.show)
}

// own finds the job of the path.
func (h jobs) own(c *wire.Call) (job.Job, error) {
	c.Job = c.PathValue("id")
	job, err := h.store.Job(c.Context(), c.Tenant, c.Job)
	return job, gate.OrMissing(err, "job")
}

func (h jobs) answer(w http.ResponseWriter, c *wire.Call, job job.Job) error {
	view, err := h.show(c.Context(), job)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, view)
}

func (h jobs) get(w http.ResponseWriter, c *wire.Call) error {
	job, err := h.own(c)
	if err != nil {
		return err
	}
	if job, _, err = h.wait.until(w, c, job); err != nil {
		return err
	}
	return h.answer(w, c, job)
}

func (h jobs) cancel(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	c.Job = c.PathValue("id")
	job, err := h.engine.Cancel(c.Context(), c.Tenant, c.Job)
	if err != nil {
		return gate.OrMissing(err, "job")
	}
	h.chats.Cancelled(c.Context(), job)
	h.reap.after(c.Context(), job)
	return h.answer(w, c, job)
}

func (h jobs) retry(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	c.Job = c.PathValue("id")
	job, err := h.engine.Retry(c.Context(), c.Tenant, c.Job)
	if errors.Is(err, db.ErrConflict) {
		return &wire.Fault{
			Status: http.StatusConflict, Code: "invalid_request", Err: err,
			Message: "Only a job that failed, was cancelled or expired can be tried again, and only while " +
				"nothing else does its work.",
		}
	}
	if err != nil {
		return gate.OrMissing(err, "job")
	}
	return h.wait.accepted(w, c, job, "/v1/jobs/"+job.ID, h.show)
}

// stream resumes a chat's reply.
func (h jobs) stream(w http.ResponseWriter, c *wire.Call) error {
	job, err := h.own(c)
	if err != nil {
		return err
	}
	return h.chats.Stream(w, c, job)
}

// reaping has what a cancelled or withdrawn thing left at its vendor ended at once.
// Where that can not be asked for, a clock does it in a while.
type reaping struct {
	store  *store.Store
	engine Engine
	log    zerolog.Logger
}

// after ends what a cancelled job has at its vendor.
func (r reaping) after(ctx context.Context, job job.Job) {
	training := job.Subject
	switch {
	case strings.HasPrefix(job.Subject, "tun_"):
		tune, err := r.store.Tune(ctx, job.Tenant, job.Subject)
		if err != nil || tune.Training == "" {
			return // nothing was started, or the clock finds it
		}
		training = tune.Training
	case !strings.HasPrefix(job.Subject, "ftjob-"):
		return
	}
	r.now(ctx, tasks.ReapInput{Tenant: job.Tenant, Training: training})
}

func (r reaping) now(ctx context.Context, in tasks.ReapInput) {
	_, _, err := r.engine.Accept(ctx, job.NewJob{
		Tenant: engine.SystemTenant, Kind: string(tasks.TuneReap), Input: plainjson.Of(in),
	}, nil)
	if err != nil {
		r.log.Warn().Err(err).Msg("end what a job left at its vendor; the reaper does it in a while")
	}
}
