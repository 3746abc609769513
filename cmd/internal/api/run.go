package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
	"dreamlab/tasks/notebook"
)

// runs are trainings that people run on machines of their own.
type runs struct {
	store   *store.Store
	objects objects
}

func (h runs) board() notebook.Board {
	return notebook.Board{Bucket: h.objects.bucket, Now: time.Now}
}

// notebook hands out the notebook of a tune's run, or the same as a script. Asked again it is
// the same run, so that a session goes on where another stopped.
func (h runs) notebook(w http.ResponseWriter, c *wire.Call) error {
	query := c.URL.Query()
	address, err := addressOf(c, query.Get("address"))
	if err != nil {
		return err
	}
	run, err := h.begin(c.Context(), c.Tenant, c.PathValue("id"), query.Get("base"))
	if err != nil {
		return err
	}
	switch query.Get("format") {
	case "", "notebook":
		book, err := run.Notebook(address, time.Now())
		if err != nil {
			return err
		}
		return wire.Write(w, http.StatusOK, "application/x-ipynb+json", book)
	case "script":
		return wire.Write(w, http.StatusOK, "text/x-python; charset=utf-8", []byte(run.Script(address, time.Now())))
	}
	return &wire.Fault{
		Status: http.StatusBadRequest, Code: "invalid_request", Param: "format", Message: "The format is notebook or script.",
	}
}

// addressOf is where a machine elsewhere finds this server: as it was told, or as it was asked.
func addressOf(c *wire.Call, given string) (string, error) {
	scheme := "http"
	if c.TLS != nil || strings.EqualFold(c.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	address := strings.TrimRight(cmp.Or(given, scheme+"://"+c.Host), "/")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return "", &wire.Fault{
			Status: http.StatusBadRequest, Code: "invalid_request", Param: "address",
			Message: "The address is that by which the training's machine reaches this server, such as https://lab.example.com.",
		}
	}
	return address, nil
}

// begin makes the run of a tune's dataset and base, or finds it.
func (h runs) begin(ctx context.Context, tenant, id, base string) (notebook.Run, error) {
	tune, err := h.store.Tune(ctx, tenant, id)
	if err != nil {
		return notebook.Run{}, gate.OrMissing(err, "tune")
	}
	if made := stateOf(tune).Source.Training; made != "" {
		return notebook.Run{}, &wire.Fault{
			Status: http.StatusConflict, Code: "invalid_request", Message: "The tune trains nothing: it serves what " + made + " made.",
		}
	}
	if tune.Dataset == "" {
		return notebook.Run{}, &wire.Fault{
			Status: http.StatusConflict, Code: "invalid_request", Message: "The tune has no dataset yet: ask again when it has.",
		}
	}
	data, err := h.store.Dataset(ctx, tenant, tune.Dataset)
	if err != nil {
		return notebook.Run{}, gate.OrMissing(err, "dataset")
	}
	if data.Manifest.Method == string(tasks.MethodDPO) {
		return notebook.Run{}, &wire.Fault{
			Status: http.StatusConflict, Code: "invalid_request",
			Message: "The tune learns from preference pairs (dpo), which the notebook can not: start a tune with the method sft.",
		}
	}
	weights := base
	if weights == "" {
		if weights, err = h.weights(ctx, tune); err != nil {
			return notebook.Run{}, err
		}
	}
	var sized tasks.Hyper
	if err := json.Unmarshal(data.Manifest.Hyper, &sized); err != nil {
		return notebook.Run{}, fmt.Errorf("read the hyper-parameters of %s: %w", data.ID, err)
	}
	run := notebook.Run{
		ID: notebook.ID(tune.ID, data.SHA256, weights), Tune: tune.ID, Data: data.Object, SHA256: data.SHA256, Base: weights,
		Epochs: sized.Epochs, BatchSize: cmp.Or(sized.BatchSize, notebook.Batch), LearningRate: sized.LearningRate * sized.Multiplier,
		Rank: sized.Rank, Alpha: sized.Alpha, Seed: sized.Seed,
	}
	made, err := h.board().Begin(ctx, run)
	if errors.Is(err, blob.ErrExists) {
		return h.board().Run(ctx, run.ID)
	}
	return made, err
}

// weights is the name by which a tune's training knows its base.
func (h runs) weights(ctx context.Context, tune learn.Tune) (string, error) {
	_, model, _ := strings.Cut(tune.Base, "/")
	if tune.Training == "" {
		return model, nil
	}
	training, err := h.store.Training(ctx, tune.Tenant, tune.Training)
	if err != nil {
		return "", gate.OrMissing(err, "training")
	}
	var spec tasks.TrainingSpec
	if err := json.Unmarshal(training.Spec, &spec); err != nil {
		return "", fmt.Errorf("read the spec of %s: %w", training.ID, err)
	}
	return cmp.Or(spec.Weights, model), nil
}

// signed finds the run of an address that it signed.
func (h runs) signed(c *wire.Call, part string) (notebook.Run, error) {
	run, err := h.find(c)
	if err != nil || !h.board().Allows(run, c.Method, part, c.URL.Query()) {
		return run, cmp.Or(err, error(&wire.Fault{
			Status: http.StatusForbidden, Code: "forbidden",
			Message: "The address was not signed by its run, or not for this, or is older than a week: get the notebook again.",
		}))
	}
	return run, nil
}

// find finds the run that a path names.
func (h runs) find(c *wire.Call) (notebook.Run, error) {
	run, err := h.board().Run(c.Context(), c.PathValue("run"))
	if errors.Is(err, notebook.ErrRefused) || err == nil && run.Tune != c.PathValue("id") {
		err = db.ErrNotFound
	}
	if err != nil {
		return run, gate.OrMissing(err, "run")
	}
	return run, nil
}

// refusedRun tells a run what is wrong with what it sent.
func refusedRun(err error) error {
	if errors.Is(err, notebook.ErrRefused) {
		return &wire.Fault{Status: http.StatusConflict, Code: "invalid_request", Message: "This is refused: " + err.Error() + "."}
	}
	return err
}

func (h runs) state(w http.ResponseWriter, c *wire.Call) error {
	run, err := h.signed(c, "")
	if err != nil {
		return err
	}
	now, err := h.board().State(c.Context(), run)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, now)
}

func (h runs) data(w http.ResponseWriter, c *wire.Call) error {
	run, err := h.signed(c, "data")
	if err != nil {
		return err
	}
	return h.objects.send(w, c, run.Data, "application/jsonl")
}

func (h runs) file(w http.ResponseWriter, c *wire.Call) error {
	run, err := h.signed(c, "files")
	if err != nil {
		return err
	}
	name, err := run.Object(c.PathValue("name"))
	if err != nil {
		return gate.OrMissing(db.ErrNotFound, "file")
	}
	if err := h.objects.send(w, c, name, "application/octet-stream"); err != nil {
		return gate.OrMissing(err, "file")
	}
	return nil
}

func (h runs) put(w http.ResponseWriter, c *wire.Call) error {
	run, err := h.signed(c, "files")
	if err != nil {
		return err
	}
	if err := h.board().Put(c.Context(), run, c.PathValue("name"), c.Body); err != nil {
		return uploadFault(refusedRun(err))
	}
	return wire.WriteJSON(w, http.StatusOK, map[string]string{"object": "run.file", "name": c.PathValue("name")})
}

// receive takes a message of a run, which its seal lets in.
func (h runs) receive(w http.ResponseWriter, c *wire.Call) error {
	run, err := h.find(c)
	if err != nil {
		return err
	}
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	if len(body) > notebook.MaxMessage {
		return &wire.Fault{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request",
			Message: fmt.Sprintf("A message has at most %d bytes.", notebook.MaxMessage)}
	}
	now, err := h.board().Receive(c.Context(), run, notebook.Sealed{
		Timestamp: c.Header.Get("X-Dreamlab-Timestamp"), Sequence: c.Header.Get("X-Dreamlab-Sequence"),
		Signature: c.Header.Get("X-Dreamlab-Signature"), Body: body,
	})
	if err != nil {
		return refusedRun(err)
	}
	return wire.WriteJSON(w, http.StatusOK, now)
}
