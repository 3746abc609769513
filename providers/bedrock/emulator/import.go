package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// Of imported models
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-import-model.html).
const (
	importing  = 10 * time.Minute // takes an import, in lab time
	copyStarts = time.Minute      // takes a copy
	window     = 5 * time.Minute  // in which a copy is billed, and after which an idle one ends
	copyUnits  = 2                // custom model units of a copy
	unitMinute = 57_200_000       // nano-dollars
	maxWeights = 1 << 30
	maxRows    = 20_000
)

// architectures are those that can be imported.
func architectures() []string {
	return []string{
		"LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "GptOssForCausalLM",
	}
}

// importAsk is what an import is ordered by.
type importAsk struct {
	Job   string `json:"jobName"`
	Name  string `json:"importedModelName"`
	Role  string `json:"roleArn"`
	Token string `json:"clientRequestToken"`
	Data  struct {
		S3 struct {
			URI string `json:"s3Uri"`
		} `json:"s3DataSource"`
	} `json:"modelDataSource"`
}

// weights are an import, and the model that it makes.
type weights struct {
	ID      string    `json:"id"`
	Model   string    `json:"model"` // id
	Asked   importAsk `json:"asked"`
	Kind    string    `json:"kind"` // architecture
	Failure string    `json:"failure,omitempty"`
	Created time.Time `json:"created"`
	Ends    time.Time `json:"ends"`
	Deleted bool      `json:"deleted,omitempty"`
	Up      time.Time `json:"up"`   // from when on the copy answers
	Paid    time.Time `json:"paid"` // until when it is
}

func (w *weights) jobARN() string {
	return "arn:aws:bedrock:" + region + ":" + account + ":model-import-job/" + w.ID
}

func (w *weights) arn() string {
	return "arn:aws:bedrock:" + region + ":" + account + ":imported-model/" + w.Model
}

func (w *weights) status(now time.Time) string {
	switch {
	case now.Before(w.Ends):
		return "InProgress"
	case w.Failure != "":
		return "Failed"
	}
	return "Completed"
}

// there tells whether its model is.
func (w *weights) there(now time.Time) bool { return !w.Deleted && w.status(now) == "Completed" }

func (w *weights) jobObject(now time.Time) map[string]any {
	object := map[string]any{
		"jobArn": w.jobARN(), "jobName": w.Asked.Job, "importedModelName": w.Asked.Name, "roleArn": w.Asked.Role,
		"modelDataSource": map[string]any{"s3DataSource": map[string]any{"s3Uri": w.Asked.Data.S3.URI}},
		"status":          w.status(now), "creationTime": stamp(w.Created), "lastModifiedTime": stamp(now),
	}
	switch w.status(now) {
	case "Failed":
		object["failureMessage"], object["endTime"] = w.Failure, stamp(w.Ends)
	case "Completed":
		object["importedModelArn"], object["endTime"] = w.arn(), stamp(w.Ends)
	}
	return object
}

func (w *weights) object() map[string]any {
	return map[string]any{
		"modelArn": w.arn(), "modelName": w.Asked.Name, "jobArn": w.jobARN(), "jobName": w.Asked.Job, "creationTime": stamp(w.Ends),
		"modelArchitecture": w.Kind, "instructSupported": true,
		"modelDataSource":  map[string]any{"s3DataSource": map[string]any{"s3Uri": w.Asked.Data.S3.URI}},
		"customModelUnits": map[string]any{"customModelUnitsPerModelCopy": copyUnits, "customModelUnitsVersion": "1.0"},
	}
}

// imports are the imported models of the account. They outlive the process.
type imports struct {
	lab     *lab.Lab
	objects *amazon.Objects
	quotas  amazon.Quotas
	mu      sync.Mutex
	all     []*weights // the oldest first
	brains  map[string]*model.Model
}

const keptImports = name + "-imports.json"

func openImports(l *lab.Lab, objects *amazon.Objects) (*imports, error) {
	is := &imports{lab: l, objects: objects, brains: map[string]*model.Model{}}
	_, err := l.Shelf.Load(keptImports, &is.all)
	return is, err
}

func (e *emulator) importRoutes(mux *http.ServeMux) {
	is := e.imports
	mux.HandleFunc("POST /model-import-jobs", e.vendor.Handle(is.order))
	mux.HandleFunc("GET /model-import-jobs", e.vendor.Answer(is.jobs))
	mux.HandleFunc("GET /model-import-jobs/{id}", e.vendor.Answer(is.job))
	mux.HandleFunc("GET /imported-models", e.vendor.Answer(is.models))
	mux.HandleFunc("GET /imported-models/{id}", e.vendor.Answer(is.model))
	mux.HandleFunc("DELETE /imported-models/{id}", e.vendor.Answer(is.remove))
}

// change lets fn change the imports, and keeps what came of it.
func (is *imports) change(fn func(now time.Time) *lab.Failure) *lab.Failure {
	is.mu.Lock()
	defer is.mu.Unlock()
	return is.lab.Change(keptImports, &is.all, fn)
}

var modelName = regexp.MustCompile(`^([0-9a-zA-Z][_-]?)+$`)

// order begins an import. A token that was used before makes none, and is no error.
func (is *imports) order(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var asked importAsk
	if err := lab.ReadJSON(r, &asked); err != nil {
		return refuse("The body is not the JSON of CreateModelImportJob")
	}
	failed := "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint"
	switch _, placed := amazon.Split(asked.Data.S3.URI); {
	case !jobName.MatchString(asked.Job):
		return refuse(failed, asked.Job, "jobName")
	case !modelName.MatchString(asked.Name) || len(asked.Name) > 63:
		return refuse(failed, asked.Name, "importedModelName")
	case !roleARN.MatchString(asked.Role):
		return refuse(failed, asked.Role, "roleArn")
	case !placed:
		return refuse(failed, asked.Data.S3.URI, "modelDataSource.s3DataSource.s3Uri")
	}
	kind, failure := is.inspect(asked.Data.S3.URI)
	var made *weights
	refused := is.change(func(now time.Time) *lab.Failure {
		var refused *lab.Failure
		made, refused = is.add(asked, now)
		if made != nil && made.Created.Equal(now) {
			made.Kind, made.Failure = kind, failure
		}
		return refused
	})
	if refused != nil {
		return refused
	}
	lab.WriteJSON(w, http.StatusCreated, map[string]any{"jobArn": made.jobARN()})
	return nil
}

// add makes an import, or finds that of a token. It is called with the lock held.
func (is *imports) add(asked importAsk, now time.Time) (*weights, *lab.Failure) {
	for _, w := range is.all {
		switch {
		case asked.Token != "" && w.Asked.Token == asked.Token:
			return w, nil
		case w.Asked.Job == asked.Job:
			return nil, conflict("The job name is already in use. Provide another name.")
		case w.Asked.Name == asked.Name && (w.there(now) || now.Before(w.Ends)):
			return nil, conflict("The model name is already in use. Provide another name.")
		}
	}
	if is.count(now) >= is.quotas.Value(quotaName) {
		return nil, &lab.Failure{Status: http.StatusBadRequest, Type: "ServiceQuotaExceededException"}
	}
	w := &weights{
		ID: lab.NewID("")[:12], Model: lab.NewID("")[:12], Asked: asked, Created: now, Ends: now.Add(importing),
	}
	is.all = append(is.all, w)
	is.lab.CountServed(name, asked.Name)
	return w, nil
}

func conflict(message string) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Type: "ConflictException", Message: message}
}

// inspect tells the architecture of the weights in a folder, or what is wrong with them.
func (is *imports) inspect(uri string) (kind, failure string) {
	merged, found, err := amazon.FindMerged(is.lab, uri)
	if err != nil {
		return "", err.Error()
	}
	if found {
		return merged.Architecture, ""
	}
	files := is.folder(uri)
	config, refused := is.read(files, "config.json")
	if refused != nil {
		return "", "The folder " + uri + " has no config.json"
	}
	var described struct {
		Architectures []string `json:"architectures"`
	}
	if json.Unmarshal(config, &described) != nil || len(described.Architectures) != 1 ||
		!slices.Contains(architectures(), described.Architectures[0]) {
		return "", fmt.Sprintf("The model architecture %v is not supported", described.Architectures)
	}
	if _, err := is.rows(uri); err != nil {
		return "", err.Error()
	}
	return described.Architectures[0], ""
}

// folder lists the objects of a folder.
func (is *imports) folder(uri string) []string {
	prefix, _ := amazon.Split(uri)
	return is.objects.Below(strings.TrimSuffix(prefix, "/") + "/")
}

// read reads the object of a folder that ends so.
func (is *imports) read(files []string, end string) ([]byte, *lab.Failure) {
	at := slices.IndexFunc(files, func(file string) bool { return strings.HasSuffix(file, end) })
	if at < 0 {
		return nil, lab.Absent("object", end)
	}
	content, refused := is.objects.Open(files[at])
	if refused != nil {
		return nil, refused
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, maxWeights))
	if err != nil {
		return nil, lab.NotKept(err)
	}
	return data, nil
}

// rows reads what the weights of a folder know.
func (is *imports) rows(uri string) ([]model.Pair, error) {
	merged, found, err := amazon.FindMerged(is.lab, uri)
	if err != nil {
		return nil, err
	}
	if found {
		return is.trained(merged)
	}
	content, refused := is.read(is.folder(uri), ".safetensors")
	if refused != nil {
		return nil, errors.New("the folder has no weights as safetensors")
	}
	return model.AdapterRows(content, maxRows)
}

// trained reads what weights know that a training of the account left.
func (is *imports) trained(merged amazon.Merged) (pairs []model.Pair, err error) {
	rows, err := is.lab.Shelf.Open(merged.Rows)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return model.ReadPairs(rows, maxRows)
}

func (is *imports) jobs(r *http.Request) (any, *lab.Failure) {
	is.mu.Lock()
	defer is.mu.Unlock()
	part, status, list := r.URL.Query().Get("nameContains"), r.URL.Query().Get("statusEquals"), []any{}
	for _, w := range slices.Backward(is.all) {
		if strings.Contains(w.Asked.Job, part) && (status == "" || w.status(is.lab.Now()) == status) {
			list = append(list, w.jobObject(is.lab.Now()))
		}
	}
	return map[string]any{"modelImportJobSummaries": list}, nil
}

func (is *imports) job(r *http.Request) (any, *lab.Failure) {
	is.mu.Lock()
	defer is.mu.Unlock()
	id := r.PathValue("id")
	for _, w := range is.all {
		if w.jobARN() == id || w.Asked.Job == id {
			return w.jobObject(is.lab.Now()), nil
		}
	}
	return nil, &lab.Failure{Status: http.StatusNotFound}
}

func (is *imports) models(*http.Request) (any, *lab.Failure) {
	is.mu.Lock()
	defer is.mu.Unlock()
	list := []any{}
	for _, w := range is.all {
		if w.there(is.lab.Now()) {
			list = append(list, w.object())
		}
	}
	return map[string]any{"modelSummaries": list}, nil
}

// find finds a model by its ARN or its name. It is called with the lock held.
func (is *imports) find(id string) (*weights, *lab.Failure) {
	for _, w := range is.all {
		if w.there(is.lab.Now()) && (w.arn() == id || w.Asked.Name == id) {
			return w, nil
		}
	}
	return nil, &lab.Failure{Status: http.StatusNotFound}
}

func (is *imports) model(r *http.Request) (any, *lab.Failure) {
	is.mu.Lock()
	defer is.mu.Unlock()
	w, refused := is.find(r.PathValue("id"))
	if refused != nil {
		return nil, refused
	}
	return w.object(), nil
}

func (is *imports) remove(r *http.Request) (any, *lab.Failure) {
	return map[string]any{}, is.change(func(time.Time) *lab.Failure {
		w, refused := is.find(r.PathValue("id"))
		if refused == nil {
			w.Deleted = true
			delete(is.brains, w.Model)
		}
		return refused
	})
}
