// Package emulator is Together where Together is not: chat, files, fine-tunes
// and dedicated hosting, as its SDKs and pages describe them
// (https://docs.together.ai/reference, https://github.com/togethercomputer/together-go),
// answered by the sandbox's model and timed by the lab's clock. A model that
// was tuned here has learnt its file.
//
// It has no images, audio, batches, rollouts or experiments.
package emulator

import (
	"fmt"
	"net/http"
	"sync"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

const name = "together"

// stateName is the name under which the state is kept.
const stateName = "together.json"

// New serves Together's own paths: /v1/…, which is also the inference of
// dedicated endpoints, and /v2/….
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, state: newState(), brains: map[string]*model.Model{}}
	vendor := lab.Vendor{Name: name, Fail: fail, Keyless: signed}
	if _, err := l.Shelf.Load(stateName, e.state); err != nil {
		return l.Serve(vendor, unusable(err))
	}
	e.dialect = &lab.Dialect{Vendor: vendor, Whole: whole, Chunk: chunk, Broken: broken}
	l.AddMeter(e.settle)
	mux := http.NewServeMux()
	e.inferenceRoutes(mux)
	e.fileRoutes(mux)
	e.tuneRoutes(mux)
	e.hostingRoutes(mux)
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(vendor, mux)
}

// emulator holds the account's things. The lock covers state and brains.
type emulator struct {
	lab     *lab.Lab
	dialect *lab.Dialect

	mu     sync.Mutex
	state  *state
	brains map[string]*model.Model // of tunes, by id
}

func (e *emulator) inferenceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/chat/completions", e.chat)
	mux.HandleFunc("GET /v1/models", e.models)
	mux.HandleFunc("GET /v1/whoami", e.whoami)
	mux.HandleFunc("POST /v1/endpoints", endpointsDisabled)
	mux.HandleFunc("GET /v1/endpoints", noEndpoints)
	mux.HandleFunc("GET /v1/hardware", e.hardware)
}

func (e *emulator) fileRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/files/upload", e.uploadForm)
	mux.HandleFunc("POST /v1/files", e.uploadSigned)
	mux.HandleFunc("PUT /v1/signed/{id}", e.putSigned)
	mux.HandleFunc("POST /v1/files/{id}/preprocess", e.preprocess)
	mux.HandleFunc("POST /v1/files/multipart/initiate", e.multipartInitiate)
	mux.HandleFunc("PUT /v1/signed/{id}/{part}", e.multipartPut)
	mux.HandleFunc("POST /v1/files/multipart/complete", e.multipartComplete)
	mux.HandleFunc("POST /v1/files/multipart/abort", e.multipartAbort)
	mux.HandleFunc("GET /v1/files", e.listFiles)
	mux.HandleFunc("GET /v1/files/{id}", e.getFile)
	mux.HandleFunc("GET /v1/files/{id}/content", e.fileContent)
	mux.HandleFunc("DELETE /v1/files/{id}", e.deleteFile)
}

func (e *emulator) tuneRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/fine-tunes/models/limits", e.tuneLimits)
	mux.HandleFunc("GET /v1/fine-tunes/models/supported", e.tunable)
	mux.HandleFunc("POST /v1/fine-tunes/estimate-price", e.estimate)
	mux.HandleFunc("POST /v1/fine-tunes", e.createTune)
	mux.HandleFunc("GET /v1/fine-tunes", e.listTunes)
	mux.HandleFunc("GET /v1/fine-tunes/{id}", e.getTune)
	mux.HandleFunc("DELETE /v1/fine-tunes/{id}", e.deleteTune)
	mux.HandleFunc("POST /v1/fine-tunes/{id}/cancel", e.cancelTune)
	mux.HandleFunc("GET /v1/fine-tunes/{id}/events", e.tuneEvents)
	mux.HandleFunc("GET /v1/fine-tunes/{id}/checkpoints", e.tuneCheckpoints)
	mux.HandleFunc("GET /v1/fine-tunes/{id}/metrics", e.tuneMetrics)
}

func (e *emulator) hostingRoutes(mux *http.ServeMux) {
	const project = "/v2/projects/{project}"
	const endpoint = project + "/endpoints/{endpoint}"
	const deployment = endpoint + "/deployments/{deployment}"
	mux.HandleFunc("GET /v2/public/inference-instance-types", e.instances)
	mux.HandleFunc("GET /v2/public/inference-instance-types/{id}", e.instance)
	mux.HandleFunc("GET /v2/supported-models", e.supportedModels)
	mux.HandleFunc("GET "+project+"/models", e.inProject(e.listModels))
	mux.HandleFunc("GET "+project+"/models/{model}", e.inProject(e.getModel))
	mux.HandleFunc("GET "+project+"/configs", e.inProject(e.listConfigs))
	mux.HandleFunc("GET "+project+"/configs/{config}", e.inProject(e.getConfig))
	mux.HandleFunc("POST "+project+"/endpoints", e.inProject(e.createEndpoint))
	mux.HandleFunc("GET "+project+"/endpoints", e.inProject(e.listEndpoints))
	mux.HandleFunc("GET "+endpoint, e.inProject(e.getEndpoint))
	mux.HandleFunc("PATCH "+endpoint, e.inProject(e.patchEndpoint))
	mux.HandleFunc("DELETE "+endpoint, e.inProject(e.deleteEndpoint))
	mux.HandleFunc("POST "+endpoint+"/deployments", e.inProject(e.createDeployment))
	mux.HandleFunc("GET "+endpoint+"/deployments", e.inProject(e.listDeployments))
	mux.HandleFunc("GET "+deployment, e.inProject(e.getDeployment))
	mux.HandleFunc("PATCH "+deployment, e.inProject(e.patchDeployment))
	mux.HandleFunc("DELETE "+deployment, e.inProject(e.deleteDeployment))
	mux.HandleFunc("GET "+deployment+"/adapters", e.inProject(e.listAdapters))
	mux.HandleFunc("POST "+deployment+"/adapters", e.inProject(e.attachAdapter))
}

// inProject refuses projects other than the account's.
func (e *emulator) inProject(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("project") != projectID {
			fail(w, *absent("project", r.PathValue("project")))
			return
		}
		next(w, r)
	}
}

func unknownRoute(w http.ResponseWriter, r *http.Request) {
	lab.WriteJSON(w, http.StatusNotFound, map[string]any{
		"error": fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path),
	})
}

// unusable answers in place of an emulator whose kept state can not be read.
func unusable(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, lab.Failure{Status: http.StatusInternalServerError,
			Message: fmt.Sprintf("the sandbox's state cannot be used, move it away to begin anew: %v", err)})
	})
}
