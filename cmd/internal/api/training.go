package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// trainings are fine-tuning jobs: the training alone.
type trainings struct {
	store  *store.Store
	engine Engine
	bucket blob.Bucket
	gate   *gate.Gate
	wait   waits
	bases  bases
	reap   reaping
	// pausable tells whether a vendor pauses what it has begun; nil: none does.
	pausable func(provider string) bool
}

// trainingView is OpenAI's fine-tuning job
// (https://platform.openai.com/docs/api-reference/fine-tuning/object).
type trainingView struct {
	ID              string          `json:"id"`
	Object          string          `json:"object"`
	Model           string          `json:"model"`
	CreatedAt       *int64          `json:"created_at"`
	FinishedAt      *int64          `json:"finished_at"`
	FineTunedModel  *string         `json:"fine_tuned_model"`
	OrganizationID  string          `json:"organization_id"`
	Status          string          `json:"status"`
	TrainingFile    *string         `json:"training_file"`
	ValidationFile  *string         `json:"validation_file"`
	ResultFiles     []string        `json:"result_files"`
	Hyper           hyperView       `json:"hyperparameters"`
	Seed            int64           `json:"seed"`
	TrainedTokens   *int64          `json:"trained_tokens"`
	Error           trainingError   `json:"error"`
	Suffix          *string         `json:"user_provided_suffix"`
	Integrations    []string        `json:"integrations"`
	EstimatedFinish *int64          `json:"estimated_finish"`
	Method          json.RawMessage `json:"method"`
	// Metadata is the client's own, null where it gave none.
	Metadata map[string]string `json:"metadata"`
	Ours     trainingOurs      `json:"dreamlab"`
}

// hyperView shows "auto" where the configured value is taken.
type hyperView struct {
	Epochs     any `json:"n_epochs"`
	BatchSize  any `json:"batch_size"`
	Multiplier any `json:"learning_rate_multiplier"`
}

// trainingError is all null where nothing failed, as OpenAI has it.
type trainingError struct {
	Code    *string `json:"code"`
	Message *string `json:"message"`
	Param   *string `json:"param"`
}

type trainingOurs struct {
	Job        string    `json:"job"`
	Tune       *string   `json:"tune"`
	Dataset    *string   `json:"dataset"`
	Provider   string    `json:"provider"`
	VendorID   *string   `json:"vendor_id"`
	Phase      *string   `json:"phase"`
	CostUSD    money.USD `json:"cost_usd"`
	HostingUSD money.USD `json:"hosting_usd_per_hour"`
}

func auto[T int | float64](value T) any {
	if value == 0 {
		return "auto"
	}
	return value
}

func viewTraining(t learn.Training) (trainingView, error) {
	t = t.Shown()
	var spec tasks.TrainingSpec
	if err := json.Unmarshal(t.Spec, &spec); err != nil {
		return trainingView{}, fmt.Errorf("read the spec of %s: %w", t.ID, err)
	}
	hyper := hyperView{auto(spec.Hyper.Epochs), auto(spec.Hyper.BatchSize), auto(spec.Hyper.Multiplier)}
	view := trainingView{
		ID: t.ID, Object: "fine_tuning.job", Model: t.Provider + "/" + t.Base, CreatedAt: wire.Seconds(t.Created),
		FinishedAt: wire.Seconds(t.Finished), FineTunedModel: wire.OrNull(t.Model), OrganizationID: t.Tenant,
		Status:       t.Status,
		TrainingFile: wire.OrNull(t.File), ValidationFile: validationOf(spec),
		ResultFiles: []string{}, Hyper: hyper, Seed: spec.Hyper.Seed,
		Metadata: spec.Metadata,
		Suffix:   wire.OrNull(spec.Suffix), Integrations: []string{},
		Method: viewMethod(spec, hyper),
		Ours: trainingOurs{
			Job: t.Job, Tune: wire.OrNull(t.Tune), Dataset: wire.OrNull(spec.Dataset), Provider: t.Provider,
			VendorID: wire.OrNull(t.VendorID),
			Phase:    wire.OrNull(spec.Phase), CostUSD: money.USD(t.Cost), HostingUSD: money.USD(spec.NanoPerHour),
		},
	}
	if t.Tokens > 0 {
		view.TrainedTokens = &t.Tokens
	}
	if t.Error != "" {
		view.Error = trainingError{Code: new("training_failed"), Message: &t.Error}
	}
	return view, nil
}

// viewMethod is OpenAI's object of how a fine-tune learns.
func viewMethod(spec tasks.TrainingSpec, hyper hyperView) json.RawMessage {
	if spec.Method != tasks.MethodDPO {
		return plainjson.Of(map[string]any{"type": "supervised", "supervised": map[string]any{"hyperparameters": hyper}})
	}
	pairs := struct {
		hyperView
		Beta any `json:"beta"`
	}{hyper, auto(spec.Hyper.Beta)}
	return plainjson.Of(map[string]any{"type": "dpo", "dpo": map[string]any{"hyperparameters": pairs}})
}

func validationOf(spec tasks.TrainingSpec) *string {
	if spec.Validation == nil {
		return nil
	}
	return &spec.Validation.File
}

func (h trainings) show(ctx context.Context, job job.Job) (any, error) {
	t, err := h.store.Training(ctx, job.Tenant, job.Subject)
	if err != nil {
		return nil, gate.OrMissing(err, "fine-tuning job")
	}
	return viewTraining(t)
}

// create starts a fine-tune alone. OpenAI's clients expect 200 here.
func (h trainings) create(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	request, err := tasks.ParseTraining(body)
	if err != nil {
		return err
	}
	a, err := h.ask(c, request)
	if err != nil {
		return err
	}
	a.Hash = gate.HashOf(c, body)
	job, _, err := h.gate.Accept(c, a)
	if err != nil {
		return err
	}
	return h.wait.shown(w, c, job.ID, h.show)
}

func (h trainings) ask(c *wire.Call, request *tasks.TrainingRequest) (gate.Asked, error) {
	provider, base, err := h.bases.find(c, request.Model, request.Method)
	if err != nil {
		return gate.Asked{}, err
	}
	file, err := h.store.File(c.Context(), c.Tenant, request.File)
	if err != nil {
		return gate.Asked{}, aboutFile("training_file", gate.OrMissing(err, "file"))
	}
	checked, err := h.checkFile(c.Context(), "training_file", file, request.Method)
	if err != nil {
		return gate.Asked{}, err
	}
	validation, err := h.validation(c, request)
	if err != nil {
		return gate.Asked{}, err
	}
	job := job.NewJob{
		ID: db.NewID("job_"), Kind: string(tasks.TuneStart), Subject: db.NewID("ftjob-"),
	}
	if len(request.Metadata) > 0 {
		job.Metadata = plainjson.Of(request.Metadata)
	}
	job.Input = plainjson.Of(tasks.TrainInput{Training: job.Subject})
	t := learn.Training{
		ID: job.Subject, Tenant: c.Tenant, Job: job.ID, File: file.ID, Provider: provider, Base: base,
		Status: "validating_files",
		Spec: plainjson.Of(tasks.TrainingSpec{
			Suffix: request.Suffix, Method: request.Method, Hyper: request.Hyper, Metadata: request.Metadata, Object: file.Object,
			SHA256: checked.SHA256, Bytes: checked.Bytes, Validation: validation,
		}),
	}
	write := func(ctx context.Context, q *store.Queries) error { return q.AddTraining(ctx, t) }
	return gate.Asked{Job: job, Write: write}, nil
}

// validation finds and reads the file that a training is to be measured on.
func (h trainings) validation(c *wire.Call, request *tasks.TrainingRequest) (*tasks.ValidationFile, error) {
	if request.Validation == "" {
		return nil, nil
	}
	file, err := h.store.File(c.Context(), c.Tenant, request.Validation)
	if err != nil {
		return nil, aboutFile("validation_file", gate.OrMissing(err, "file"))
	}
	checked, err := h.checkFile(c.Context(), "validation_file", file, request.Method)
	if err != nil {
		return nil, err
	}
	return &tasks.ValidationFile{File: file.ID, SHA256: checked.SHA256, Object: file.Object, Bytes: checked.Bytes}, nil
}

// checkFile reads a whole file of rows before anything is paid for.
func (h trainings) checkFile(ctx context.Context, param string, file learn.File, method tasks.Method) (
	tasks.TrainingFile, error,
) {
	if file.Purpose != "fine-tune" {
		return tasks.TrainingFile{}, wire.Invalid(param,
			"The purpose of %s is %s: upload it with the purpose fine-tune.", file.ID, file.Purpose)
	}
	object, err := h.bucket.Open(ctx, file.Object)
	if err != nil {
		return tasks.TrainingFile{}, fmt.Errorf("open %s: %w", param, err)
	}
	checked, err := tasks.CheckTrainingFile(object, method)
	if err != nil {
		return checked, errors.Join(aboutFile(param, err), object.Close())
	}
	return checked, object.Close()
}

// aboutFile names the parameter that a fault is about.
func aboutFile(param string, err error) error {
	f := gate.FaultOf(err)
	f.Param = param
	return f
}

func (h trainings) list(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "ftjob-", gate.Known(h.store.Training),
		"validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled")
	if err != nil {
		return err
	}
	rows, more, err := h.store.Trainings(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	views := make([]trainingView, len(rows))
	for i, row := range rows {
		if views[i], err = viewTraining(row); err != nil {
			return err
		}
	}
	return wire.WriteJSON(w, http.StatusOK, wire.ListOf(views, more, func(v trainingView) string { return v.ID }))
}

// own finds the fine-tune of the path, with its spec.
func (h trainings) own(c *wire.Call) (t learn.Training, spec tasks.TrainingSpec, err error) {
	t, err = h.store.Training(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return t, spec, gate.OrMissing(err, "fine-tuning job")
	}
	c.Job = t.Job
	if err := json.Unmarshal(t.Spec, &spec); err != nil {
		return t, spec, fmt.Errorf("read the spec of %s: %w", t.ID, err)
	}
	return t, spec, nil
}

func (h trainings) get(w http.ResponseWriter, c *wire.Call) error {
	t, _, err := h.own(c)
	if err != nil {
		return err
	}
	view, err := viewTraining(t)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, view)
}

type trainingEventView struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	Type      string `json:"type"`
	Level     string `json:"level"`
	Message   string `json:"message"`
	Step      int    `json:"step"`
	CreatedAt *int64 `json:"created_at"`
}

// listEvents shows the newest first, as OpenAI does.
func (h trainings) listEvents(w http.ResponseWriter, c *wire.Call) error {
	page, err := wire.PageOf(c, wire.MaxPerPage)
	if err != nil {
		return err
	}
	t, spec, err := h.own(c)
	if err != nil {
		return err
	}
	return writeSlice(w, viewEvents(t, spec), page, func(v trainingEventView) string { return v.ID })
}

type checkpointView struct {
	ID        string         `json:"id"`
	Object    string         `json:"object"`
	CreatedAt *int64         `json:"created_at"`
	Model     string         `json:"fine_tuned_model_checkpoint"`
	Job       string         `json:"fine_tuning_job_id"`
	Metrics   map[string]int `json:"metrics"`
	Step      int            `json:"step_number"`
}

func (h trainings) listCheckpoints(w http.ResponseWriter, c *wire.Call) error {
	page, err := wire.PageOf(c, wire.MaxPerPage)
	if err != nil {
		return err
	}
	t, spec, err := h.own(c)
	if err != nil {
		return err
	}
	views := make([]checkpointView, len(spec.Checkpoints))
	for i, p := range spec.Checkpoints {
		views[len(views)-1-i] = checkpointView{
			ID: p.ID, Object: "fine_tuning.job.checkpoint", CreatedAt: wire.Seconds(p.Created), Model: t.Model, Job: t.ID,
			Metrics: map[string]int{"step": p.Step}, Step: p.Step,
		}
	}
	return writeSlice(w, views, page, func(v checkpointView) string { return v.ID })
}

// writeSlice answers with a page of a list that is at hand, newest first.
func writeSlice[V any](w http.ResponseWriter, all []V, page wire.Page, id func(V) string) error {
	if page.Ascending {
		for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
			all[i], all[j] = all[j], all[i]
		}
	}
	if page.After != "" {
		at := slices.IndexFunc(all, func(v V) bool { return id(v) == page.After })
		if at < 0 {
			return wire.Invalid("after", "after is an id of this list, as last_id gave it.")
		}
		all = all[at+1:]
	}
	more := len(all) > page.Limit
	if more {
		all = all[:page.Limit]
	}
	return wire.WriteJSON(w, http.StatusOK, wire.ListOf(all, more, id))
}

func (h trainings) cancel(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	t, _, err := h.own(c)
	if err != nil {
		return err
	}
	job, err := h.engine.Cancel(c.Context(), c.Tenant, t.Job)
	if err != nil {
		return err
	}
	h.reap.after(c.Context(), job)
	return h.get(w, c)
}
