package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/operate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

type tunes struct {
	store  *store.Store
	engine Engine
	gate   *gate.Gate
	wait   waits
	bases  bases
	reap   reaping
	// servable tells whether a vendor serves tuned models; nil takes every one.
	servable func(host string) error
}

type tuneView struct {
	ID            string          `json:"id"`
	Object        string          `json:"object"`
	Job           string          `json:"job"`
	Status        string          `json:"status"`
	Error         *job.Error      `json:"error"`
	Alias         string          `json:"alias"`
	Base          string          `json:"base"`
	Stage         string          `json:"stage"`
	Dataset       *string         `json:"dataset"`
	FineTuningJob *string         `json:"fine_tuning_job"`
	Model         *string         `json:"model"`
	Evaluation    *string         `json:"evaluation"`
	Method        *string         `json:"method"`
	MethodReason  *string         `json:"method_reason"`
	Mix           *learn.Mix      `json:"mix"`
	Exam          *examView       `json:"exam"`
	Plan          json.RawMessage `json:"plan"`
	Decision      *learn.Decision `json:"decision"`
	CostUSD       money.USD       `json:"cost_usd"`
	CreatedAt     *int64          `json:"created_at"`
	FinishedAt    *int64          `json:"finished_at"`
	TaintedAt     *int64          `json:"tainted_at"`
	AgedAt        *int64          `json:"aged_at"`
}

func viewTune(t learn.Tune, cost int64) tuneView {
	state := stateOf(t)
	made := cmp.Or(state.Source.Training, t.Training) // its own row only serves the weights of that one
	return tuneView{
		ID: t.ID, Object: "tune", Job: t.Job, Status: statusOf(t.Status), Error: t.Error, Alias: t.Alias,
		Base: t.Base, Stage: t.Stage, Dataset: wire.OrNull(t.Dataset), FineTuningJob: wire.OrNull(made),
		Model:      wire.OrNull(state.Source.Model),
		Evaluation: wire.OrNull(t.Evaluation), Exam: viewExam(t.Exam), Plan: state.Plan, Decision: t.Decision,
		Method: wire.OrNull(state.Method), MethodReason: wire.OrNull(state.MethodReason), Mix: state.Mix,
		CostUSD: money.USD(cost), CreatedAt: wire.Seconds(t.Created),
		FinishedAt: wire.Seconds(t.Finished), TaintedAt: wire.Seconds(t.Tainted),
		AgedAt: wire.Seconds(t.Aged),
	}
}

// tuneState is what clients see of how far a tune is.
type tuneState struct {
	Method       string          `json:"method"`
	MethodReason string          `json:"method_reason"`
	Mix          *learn.Mix      `json:"mix"`
	Plan         json.RawMessage `json:"plan"` // the ways to a tuned model, or null before they were looked for
	// Source is the tuned model that is registered at another place, and the training that made it.
	Source struct{ Model, Training string } `json:"source"`
}

// stateOf reads it; one that can not be read is as good as none.
func stateOf(t learn.Tune) tuneState {
	var state tuneState
	if json.Unmarshal(t.State, &state) != nil {
		return tuneState{}
	}
	return state
}

func (h tunes) show(ctx context.Context, job job.Job) (any, error) {
	tune, err := h.store.Tune(ctx, job.Tenant, job.Subject)
	if err != nil {
		return nil, gate.OrMissing(err, "tune")
	}
	spent, err := spent(ctx, h.store, job)
	return viewTune(tune, spent), err
}

// ask asks for a tune and the row that holds it.
func (h tunes) ask(c *wire.Call, body []byte) (gate.Asked, error) {
	input, err := tasks.ParseTune(body)
	if err != nil {
		return gate.Asked{}, err
	}
	named, stage := input.Base != "", "curate"
	if input.Model != "" {
		stage = "price"
		err = h.fillModel(c, input)
	} else {
		err = h.fillBase(c, input)
	}
	if err != nil {
		return gate.Asked{}, err
	}
	kept := *input
	if !named { // then any vendor may train the weights
		kept.Base = ""
	}
	if err := h.checkAlias(c, input.Alias); err != nil {
		return gate.Asked{}, err
	}
	job := job.NewJob{ID: db.NewID("job_"), Kind: string(tasks.TuneCurate), Subject: db.NewID("tun_"),
		Alias: input.Alias, Input: plainjson.Of(kept)}
	tune := learn.Tune{
		ID: job.Subject, Tenant: c.Tenant, Alias: input.Alias, Base: input.Base, Job: job.ID,
		Stage: stage, State: []byte("{}"),
	}
	write := func(ctx context.Context, q *store.Queries) error {
		err := q.AddTune(ctx, tune)
		if errors.Is(err, db.ErrConflict) {
			return &wire.Fault{
				Status: http.StatusConflict, Code: "invalid_request", Param: "alias", Err: errTuneRuns,
				Message: "A tune of this alias is running: wait for it, or cancel it first.",
			}
		}
		return err
	}
	refused := func(ctx context.Context, err error) error { return h.naming(ctx, tune, err) }
	return gate.Asked{Job: job, Hash: gate.HashOf(c, body), Write: write, Refused: refused}, nil
}

// errTuneRuns says that another tune of an alias is running.
var errTuneRuns = errors.New("a tune of the alias is running")

// naming names the tune that is running, for which another one is refused. It may have ended since.
func (h tunes) naming(ctx context.Context, asked learn.Tune, refusal error) error {
	if !errors.Is(refusal, errTuneRuns) {
		return refusal
	}
	id, err := learn.RunningTune(ctx, &h.store.TuneQueries, asked.Tenant, asked.Alias)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return refusal
	case err != nil:
		return err
	}
	return &wire.Fault{
		Status: http.StatusConflict, Code: "invalid_request", Param: "alias", Err: errTuneRuns,
		Message: fmt.Sprintf("The tune %s of this alias is running: wait for it, or cancel it first.", id),
	}
}

// fillBase takes the team's base where the client names none, and makes sure that
// one which it names can be fine-tuned.
func (h tunes) fillBase(c *wire.Call, input *tasks.TuneInput) error {
	if input.Base == "" {
		input.Base = h.bases.base
		return nil
	}
	provider, base, err := h.bases.find(c, input.Base, tasks.MethodSFT) // whether by DPO is what the plan says
	if err != nil {
		f := gate.FaultOf(err)
		f.Param = "base"
		return f
	}
	input.Base = provider + "/" + base
	return nil
}

// fillModel takes alias and base of a tuned model that is to be served at another place, and makes sure that a place
// which the client names serves tuned models.
func (h tunes) fillModel(c *wire.Call, input *tasks.TuneInput) error {
	model, err := h.store.Model(c.Context(), c.Tenant, input.Model)
	if errors.Is(err, db.ErrNotFound) {
		return refusedName("model", fmt.Sprintf("There is no tuned model %.100q: GET /v1/models lists those that there are.",
			input.Model))
	}
	if err != nil {
		return err
	}
	if model.Alias != "" && input.Alias != "" && input.Alias != model.Alias {
		return wire.Invalid("alias", "%.100q was tuned for the alias %s, and is examined for that one: leave alias out.",
			model.Name, model.Alias)
	}
	input.Alias, input.Base = cmp.Or(input.Alias, model.Alias, learn.DefaultAlias), model.Base
	if input.Host == "" || h.servable == nil {
		return nil
	}
	var refused *tasks.Failure
	if err := h.servable(input.Host); errors.As(err, &refused) {
		return refusedName("host", refused.Message)
	}
	return nil
}

// refusedName refuses a name that a body has: the request is wrong, not its path.
func refusedName(param, message string) *wire.Fault {
	f := wire.Coded("model_not_found", message)
	f.Status, f.Param = http.StatusBadRequest, param
	return f
}

// checkAlias tells a misspelt alias from one that has too few examples.
func (h tunes) checkAlias(c *wire.Call, alias string) error {
	if alias == learn.DefaultAlias {
		return nil
	}
	_, err := h.store.Route(c.Context(), c.Tenant, alias)
	if errors.Is(err, db.ErrNotFound) {
		f := wire.Coded("model_not_found", fmt.Sprintf("There is no alias %.100q: GET /v1/routes lists those that there are.",
			alias))
		f.Param = "alias"
		return f
	}
	return err
}

func (h tunes) create(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.ObjectBody(c)
	if err != nil {
		return err
	}
	a, err := h.ask(c, body)
	if err != nil {
		return err
	}
	job, _, err := h.gate.Accept(c, a)
	if err != nil {
		return err
	}
	return h.wait.accepted(w, c, job, "/v1/tunes/"+job.Subject, h.show)
}

func jobOfTune(t learn.Tune) string { return t.Job }

func (h tunes) list(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "tun_", gate.Known(h.store.Tune), operate.JobStatuses()...)
	if err != nil {
		return err
	}
	tunes, more, err := h.store.Tunes(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	spent, err := spentBy(c.Context(), h.store, tunes, jobOfTune)
	if err != nil {
		return err
	}
	view := func(t learn.Tune) tuneView { return viewTune(t, spent[t.Job].Settled) }
	return wire.WriteList(w, tunes, more, view, func(v tuneView) string { return v.ID })
}

func (h tunes) get(w http.ResponseWriter, c *wire.Call) error {
	tune, err := h.store.Tune(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "tune")
	}
	return h.wait.shown(w, c, tune.Job, h.show)
}

func (h tunes) cancel(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	tune, err := h.store.Tune(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "tune")
	}
	job, err := h.engine.Cancel(c.Context(), c.Tenant, tune.Job)
	if err != nil {
		return err
	}
	h.reap.after(c.Context(), job)
	return h.wait.shown(w, c, tune.Job, h.show)
}

// Tunable tells whether a vendor fine-tunes a base model by a method. It fails with a
// [*tasks.Failure], which is final where it does not.
type Tunable func(ctx context.Context, provider, base string, method tasks.Method) error

// bases find what is to be fine-tuned.
type bases struct {
	store   *store.Store
	models  Models
	tunable Tunable // nil takes every base
	base    string  // provider/model, whose provider has the models without one
}

// find returns the base that a client names: an alias stands for the model that it
// is served by, or for that one's base. It fails where that can not be fine-tuned by the method.
func (b bases) find(c *wire.Call, name string, method tasks.Method) (provider, base string, err error) {
	if name, err = b.behind(c, name); err != nil {
		return "", "", err
	}
	provider, base = b.split(name)
	return provider, base, b.check(c.Context(), provider, base, method)
}

// behind returns the base model behind a name.
func (b bases) behind(c *wire.Call, name string) (string, error) {
	route, err := b.store.Route(c.Context(), c.Tenant, name)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return "", err
	}
	if primary, found := route.Primary(); found {
		name = primary.Model
	}
	tuned, err := b.store.Model(c.Context(), c.Tenant, name)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return name, nil
	case err != nil:
		return "", err
	case route.Alias == "":
		return "", wire.Invalid("model", "%.100q is fine-tuned already: fine-tune its base %s.", name, tuned.Base)
	}
	return tuned.Base, nil
}

// split parts provider/model; a model alone is the vendor's that tunes start at.
func (b bases) split(model string) (provider, base string) {
	if _, ok := b.models.Find(model); ok {
		provider, base, _ = strings.Cut(model, "/")
		return provider, base
	}
	provider, _, _ = strings.Cut(b.base, "/")
	if first, rest, ok := strings.Cut(model, "/"); ok && first == provider {
		return provider, rest
	}
	return provider, model
}

// tunablePatience bounds the question whether a base can be fine-tuned.
const tunablePatience = 10 * time.Second

// check asks the vendor. One that gives no answer now does not refuse: the job asks
// again.
func (b bases) check(ctx context.Context, provider, base string, method tasks.Method) error {
	if b.tunable == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tunablePatience)
	defer cancel()
	err := b.tunable(ctx, provider, base, method)
	var refused *tasks.Failure
	if !errors.As(err, &refused) || !refused.Final {
		return nil
	}
	f := wire.Coded(refused.Code, refused.Message)
	f.Param, f.Err = cmp.Or(refused.Param, "model"), err
	if f.Status == http.StatusNotFound {
		f.Status = http.StatusBadRequest // the request is wrong, not its path
	}
	return f
}
