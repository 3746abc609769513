package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/cmd/internal/web/held"
	"dreamlab/cmd/internal/web/say"
	"dreamlab/store/money"
)

// jobView is a job as pages show it.
type jobView struct {
	ID          string          `json:"id"`
	Kind        string          `json:"kind"`
	Task        string          `json:"task"`
	Status      string          `json:"status"`
	Subject     *string         `json:"subject"`
	Priority    int             `json:"priority"`
	Attempt     int             `json:"attempt"`
	MaxAttempts int             `json:"max_attempts"`
	Input       json.RawMessage `json:"input"`
	Result      json.RawMessage `json:"result"`
	Error       *jobError       `json:"error"`
	CostUSD     money.USD       `json:"cost_usd"`
	Metadata    json.RawMessage `json:"metadata"`
	RunAt       *int64          `json:"run_at"`
	CreatedAt   *int64          `json:"created_at"`
	StartedAt   *int64          `json:"started_at"`
	FinishedAt  *int64          `json:"finished_at"`
}

type jobError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Over tells whether the job has ended.
func (j jobView) Over() bool { return j.FinishedAt != nil }

// MayRetry tells whether the job can be queued again.
func (j jobView) MayRetry() bool {
	return j.Status == "failed" || j.Status == "cancelled" || j.Status == "expired"
}

// callView is one try at a vendor.
type callView struct {
	ID, Job, Step, Purpose, Provider, Model, State string
	Number                                         int
	Cause                                          *string
	InputTokens                                    int64      `json:"input_tokens"`
	OutputTokens                                   int64      `json:"output_tokens"`
	CostUSD                                        *money.USD `json:"cost_usd"`
	ReservedUSD                                    money.USD  `json:"reserved_usd"`
	CreatedAt                                      *int64     `json:"created_at"`
	DurationMS                                     *int64     `json:"duration_ms"`
}

// Took shows how long the call took.
func (c callView) Took() string {
	if c.DurationMS == nil {
		return "—"
	}
	return say.Span(time.Duration(*c.DurationMS) * time.Millisecond)
}

var (
	jobKinds    = []string{"chat", "embed", "batch", "conversation", "experience", "dream", "tune", "schedule", "webhook", "job"}
	jobStatuses = []string{"queued", "running", "waiting", "succeeded", "failed", "cancelled", "expired"}
)

// requestsView is the log of requests.
type requestsView struct {
	Jobs    paged[jobView]
	Filters url.Values
	Choices []field
	Peek    *requestView
	Close   string // the address without the peek
	Live    string // the address that pauses or resumes
	Tail    bool   // the list follows what happens
	MayAct  bool   // on all that the filters choose
}

// Narrow tells whether one of the filters is set that are folded away.
func (r requestsView) Narrow() bool {
	return anySet(r.Filters, "alias", "provider", "model", "conversation_id", "key", "created_after", "created_before")
}

// Bulk returns the query of an action on all that the filters choose.
func (r requestsView) Bulk(action string) string {
	query := url.Values{"action": {action}}
	for _, by := range madeBy(r.Filters) {
		query.Set(by.Name, by.Value)
	}
	return "?" + query.Encode()
}

// Filtered tells whether the list leaves something out.
func (r requestsView) Filtered() bool { return r.Narrow() || anySet(r.Filters, "kind", "status", "q") }

var jobFilters = []string{"kind", "status", "key", "conversation_id", "alias", "provider", "model", "q"}

func requestsPage(v *visit) error {
	body, err := v.requests()
	if err != nil {
		return err
	}
	if id := v.r.URL.Query().Get("peek"); id != "" {
		if body.Peek, err = v.request(id); err != nil {
			return err
		}
	}
	return v.show("requests", "Requests", body)
}

// requests reads the list that the page's address asks for.
func (v *visit) requests() (*requestsView, error) {
	jobs, err := listed[jobView](v, "/v1/jobs", jobFilters...)
	if err != nil {
		return nil, err
	}
	query := v.r.URL.Query()
	body := &requestsView{Jobs: jobs, Filters: query, Tail: query.Get("live") != "off" && !query.Has("after"),
		Choices: []field{
			newField("kind", "Kind", query.Get("kind"), jobKinds...), newField("status", "Status", query.Get("status"), jobStatuses...),
		},
		Close: without(query, "peek"), Live: without(query, "live")}
	if body.Tail {
		paused := v.r.URL.Query()
		paused.Set("live", "off")
		body.Live = "?" + paused.Encode()
	}
	body.MayAct = v.key.Has("use") && body.Filtered()
	return body, nil
}

func without(query url.Values, name string) string {
	rest := url.Values{}
	for key, values := range query {
		if key != name && key != "note" {
			rest[key] = values
		}
	}
	return "?" + rest.Encode()
}

// requestView is one request.
type requestView struct {
	Job      jobView
	Calls    []callView
	More     bool // there are more calls than are shown
	Messages []message
	Answer   string
	Model    string // that answered
	Models   []string
	Asked    string // the model that was asked for
	Unknown  int    // calls whose cost is not known
	Beside   *besideView
}

// besideView is another answer to the same question.
type besideView struct {
	Model, Text, Served string
	CostUSD             *money.USD
	Failed              string
}

// request reads a job with its calls.
func (v *visit) request(id string) (*requestView, error) {
	var body requestView
	at := "/v1/jobs/" + url.PathEscape(id)
	if err := v.get(at, nil, &body.Job); err != nil {
		return nil, err
	}
	var calls list[callView]
	if err := v.get(at+"/calls", url.Values{"limit": {"100"}, "order": {"asc"}}, &calls); err != nil {
		return nil, err
	}
	body.Calls, body.More = calls.Data, calls.HasMore
	for _, call := range calls.Data {
		if call.CostUSD == nil {
			body.Unknown++
		}
	}
	if body.Job.Kind == "chat" {
		body.read()
	}
	return &body, nil
}

// read takes the question and the answer out of a chat's job. What can not be read is shown as it is.
func (b *requestView) read() {
	var asked struct {
		Model    string
		Messages []message
	}
	if json.Unmarshal(b.Job.Input, &asked) == nil {
		b.Messages, b.Asked = asked.Messages, asked.Model
	}
	b.Answer, b.Model = answerOf(b.Job.Result)
}

// answerOf returns the text and the model of a completion.
func answerOf(result json.RawMessage) (text, model string) {
	var given struct {
		Model   string
		Choices []struct{ Message message }
	}
	if json.Unmarshal(result, &given) != nil || len(given.Choices) == 0 {
		return "", given.Model
	}
	return given.Choices[0].Message.Text(), given.Model
}

func requestPage(v *visit) error {
	body, err := v.request(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if body.Models, err = v.askable(); err != nil {
		return err
	}
	return v.show("request", "Request "+say.Brief(body.Job.ID), body)
}

// cancelRequest and retryRequest are what the buttons of a request do.
func cancelRequest(v *visit) error { return v.act("/v1/jobs/", "cancel", "requests/", "cancelled") }

func retryRequest(v *visit) error { return v.act("/v1/jobs/", "retry", "requests/", "retried") }

// act posts to the API's route of the id in the path and returns to its page.
func (v *visit) act(route, action, page, note string) error {
	id := v.r.PathValue("id")
	if err := v.ask(http.MethodPost, route+url.PathEscape(id)+"/"+action, nil, nil); err != nil {
		return err
	}
	return v.done(page+url.PathEscape(id), note)
}

// askAgain asks another model the same, keeping nothing, and shows both answers.
func askAgain(v *visit) error {
	body, err := v.request(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if body.Models, err = v.askable(); err != nil {
		return err
	}
	model := v.r.PostFormValue("model")
	ask := map[string]any{}
	if err := json.Unmarshal(body.Job.Input, &ask); err != nil {
		return &refusal{Status: http.StatusConflict, Message: "What this request asked is not kept any more."}
	}
	ask["model"], ask["store"], ask["stream"] = model, false, false
	delete(ask, "stream_options")
	ask["metadata"] = map[string]string{"origin": "page"}
	body.Beside = v.beside(ask, model)
	return v.show("request", "Request "+say.Brief(body.Job.ID), body)
}

func (v *visit) beside(ask map[string]any, model string) *besideView {
	var raw json.RawMessage
	if err := v.ask(http.MethodPost, "/v1/chat/completions", ask, &raw); err != nil {
		return &besideView{Model: model, Failed: err.Error()}
	}
	text, served := answerOf(raw)
	var ours struct {
		Dreamlab struct {
			CostUSD *money.USD `json:"cost_usd"`
		}
	}
	if err := json.Unmarshal(raw, &ours); err != nil {
		return &besideView{Model: model, Failed: fmt.Sprintf("the answer can not be read: %v", err)}
	}
	return &besideView{Model: model, Text: text, Served: served, CostUSD: ours.Dreamlab.CostUSD}
}

// Bounds of the live list of requests.
const (
	tailPause = time.Second      // between two lists, however much happens
	tailLife  = 15 * time.Second // then the browser connects again: less than a process has to stop
)

// tailRequests sends the list of requests, and sends it anew when the API's stream of events tells
// that a job has ended. A browser that connects again names the list that it had.
func tailRequests(v *visit) error {
	ctx, stop := context.WithTimeout(v.r.Context(), tailLife)
	ended, err := v.listen(ctx)
	if err != nil {
		stop()
		return err
	}
	out := wire.NewSSE(v.w, false)
	err = v.tail(ctx, out, ended)
	stop()
	for range ended { // until the API has seen that nobody listens
	}
	if out.Started() {
		return nil // the browser has gone, or connects again and is told what is wrong then
	}
	return err
}

func (v *visit) tail(ctx context.Context, out *wire.SSE, ended <-chan struct{}) error {
	last := v.r.Header.Get("Last-Event-ID")
	for {
		list, err := v.requestList()
		if err != nil {
			return err
		}
		if id := digest(list); id != last {
			err, last = out.Data(id, list), id
		} else {
			err = out.Beat()
		}
		if err != nil || !wait(ctx, time.After(tailPause)) || !wait(ctx, ended) {
			return err
		}
	}
}

// wait waits for a signal and tells whether it came before the end. A channel that is closed gives
// no more of them.
func wait[T any](ctx context.Context, signal <-chan T) bool {
	select {
	case <-ctx.Done():
		return false
	case _, open := <-signal:
		if !open {
			<-ctx.Done()
		}
		return open
	}
}

// requestList is the list as the page of requests shows it.
func (v *visit) requestList() ([]byte, error) {
	body, err := v.requests()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := v.templates["requests"].ExecuteTemplate(&out, "request-list", body); err != nil {
		return nil, fmt.Errorf("show the list of requests: %w", err)
	}
	return out.Bytes(), nil
}

// digest tells one list from another.
func digest(list []byte) string {
	sum := fnv.New64a()
	_, _ = sum.Write(list) // it never fails
	return strconv.FormatUint(sum.Sum64(), 36)
}

// listen returns a channel that is told when jobs have ended, and closed when the API tells no more.
func (v *visit) listen(ctx context.Context) (<-chan struct{}, error) {
	question, err := v.question(ctx, http.MethodGet, "/v1/events", nil)
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{}, 1)
	go func() {
		defer close(ended)
		v.api.ServeHTTP(held.NewBell("job.ended", ended), question)
	}()
	return ended, nil
}
