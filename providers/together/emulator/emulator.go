// Package emulator is Together where Together is not: chat, files, fine-tunes
// and dedicated hosting, as its SDKs and pages describe them
// (https://docs.together.ai/reference, https://github.com/togethercomputer/together-go),
// answered by the sandbox's model and timed by the lab's clock. A model that
// was tuned here has learnt its file.
//
// What files, fine-tunes and deployments do is in sandbox/work; here are their
// paths, bodies and words. There are no images, audio, batches, rollouts,
// experiments, adapters on a base that runs, endpoints of the first form, or
// configurations beside those that the list of supported models names.
package emulator

import (
	"fmt"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

const name = "together"

// The account that every key belongs to.
const (
	projectID = "proj_sandbox"
	slug      = "sandbox"
	userID    = "user_sandbox"
)

// emulator is Together's dress of one account.
type emulator struct {
	lab     *lab.Lab
	account *work.Account
	vendor  lab.Vendor
	dialect *lab.Dialect
}

// New serves Together's own paths: /v1/…, which is also the inference of
// dedicated endpoints, and /v2/….
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, vendor: lab.Vendor{Name: name, Fail: fail, Keyless: signed}}
	e.dialect = &lab.Dialect{Vendor: e.vendor, Whole: whole, Chunk: chunk, Broken: broken}
	account, err := work.Open(l, work.Options{Vendor: name, Brain: e.brain, Hour: hourly})
	if err != nil {
		return l.Serve(e.vendor, e.vendor.Unusable(err))
	}
	e.account = account
	mux := http.NewServeMux()
	e.inferenceRoutes(mux)
	e.fileRoutes(mux)
	e.tuneRoutes(mux)
	mux.HandleFunc("GET /v2/public/inference-instance-types", e.vendor.Answer(instances))
	mux.HandleFunc("GET /v2/supported-models", e.vendor.Answer(supportedModels))
	mux.Handle("/v2/projects/{project}/", e.inProject(e.hostingRoutes()))
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(e.vendor, mux)
}

func (e *emulator) inferenceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/chat/completions", e.vendor.Handle(e.chat))
	mux.HandleFunc("GET /v1/models", e.vendor.Answer(e.models))
	mux.HandleFunc("GET /v1/whoami", e.vendor.Answer(whoami))
}

func (e *emulator) fileRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/files/upload", e.vendor.Answer(e.uploadForm))
	mux.HandleFunc("POST /v1/files", e.vendor.Handle(e.uploadSigned))
	mux.HandleFunc("PUT /v1/signed/{id}", e.vendor.Handle(e.putSigned))
	mux.HandleFunc("POST /v1/files/{id}/preprocess", e.vendor.Answer(e.preprocess))
	mux.HandleFunc("POST /v1/files/multipart/initiate", lab.Take(e.vendor, e.initiate))
	mux.HandleFunc("PUT /v1/signed/{id}/{part}", e.vendor.Handle(e.putSigned))
	mux.HandleFunc("POST /v1/files/multipart/complete", lab.Take(e.vendor, e.complete))
	mux.HandleFunc("POST /v1/files/multipart/abort", lab.Take(e.vendor, e.abort))
	mux.HandleFunc("GET /v1/files", e.vendor.Answer(e.listFiles))
	mux.HandleFunc("GET /v1/files/{id}", e.vendor.Answer(e.getFile))
	mux.HandleFunc("GET /v1/files/{id}/content", e.vendor.Handle(e.fileContent))
	mux.HandleFunc("DELETE /v1/files/{id}", e.vendor.Answer(e.deleteFile))
}

func (e *emulator) tuneRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/fine-tunes/models/limits", tuneLimits)
	mux.HandleFunc("GET /v1/fine-tunes/models/supported", e.vendor.Answer(tunable))
	mux.HandleFunc("POST /v1/fine-tunes/estimate-price", lab.Take(e.vendor, e.estimate))
	mux.HandleFunc("POST /v1/fine-tunes", lab.Take(e.vendor, e.createTune))
	mux.HandleFunc("GET /v1/fine-tunes", e.vendor.Answer(e.listTunes))
	mux.HandleFunc("DELETE /v1/fine-tunes/{id}", e.vendor.Answer(e.deleteTune))
	mux.HandleFunc("POST /v1/fine-tunes/{id}/cancel", e.vendor.Answer(e.cancelTune))
	ofTune := func(path string, object func(work.Training, time.Time) any) {
		mux.HandleFunc("GET /v1/fine-tunes/{id}"+path, e.vendor.Answer(e.ofTune(object)))
	}
	ofTune("", withEvents)
	ofTune("/events", tuneEvents)
	ofTune("/checkpoints", tuneCheckpoints)
	ofTune("/metrics", tuneMetrics)
}

func (e *emulator) hostingRoutes() *http.ServeMux {
	const project = "/v2/projects/{project}"
	const endpoint = project + "/endpoints/{endpoint}"
	const deployment = endpoint + "/deployments/{deployment}"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+project+"/models", e.vendor.Answer(e.listModels))
	mux.HandleFunc("GET "+project+"/models/{model}", e.vendor.Answer(e.getModel))
	mux.HandleFunc("POST "+project+"/endpoints", lab.Take(e.vendor, e.createEndpoint))
	mux.HandleFunc("GET "+project+"/endpoints", e.vendor.Answer(e.listEndpoints))
	mux.HandleFunc("GET "+endpoint, e.vendor.Answer(e.getEndpoint))
	mux.HandleFunc("PATCH "+endpoint, lab.Take(e.vendor, e.patchEndpoint))
	mux.HandleFunc("DELETE "+endpoint, e.vendor.Answer(e.deleteEndpoint))
	mux.HandleFunc("POST "+endpoint+"/deployments", lab.Take(e.vendor, e.createDeployment))
	mux.HandleFunc("GET "+endpoint+"/deployments", e.vendor.Answer(e.listDeployments))
	mux.HandleFunc("GET "+deployment, e.vendor.Answer(e.getDeployment))
	mux.HandleFunc("PATCH "+deployment, lab.Take(e.vendor, e.patchDeployment))
	mux.HandleFunc("DELETE "+deployment, e.vendor.Answer(e.deleteDeployment))
	mux.HandleFunc("/", unknownRoute)
	return mux
}

// inProject refuses projects other than the account's.
func (e *emulator) inProject(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("project") != projectID {
			fail(w, *lab.Absent("project", r.PathValue("project")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func unknownRoute(w http.ResponseWriter, r *http.Request) {
	message := fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path)
	lab.WriteJSON(w, http.StatusNotFound, map[string]any{"error": message})
}

// stamp is how Together writes a time.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
