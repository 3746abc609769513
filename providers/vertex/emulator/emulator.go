// Package emulator is Vertex AI where Google is not: tokens and the keys of service
// accounts, the OpenAI-compatible endpoint, Gemini's own routes, embeddings, the lists
// of publishers' models, batches, fine-tunes of open models and their deployments, with so much
// of Cloud Storage, with Google's errors
// (https://cloud.google.com/vertex-ai/docs/reference/rest,
// https://cloud.google.com/apis/design/errors), answered by the sandbox's model.
//
// It has no caches or files. The keys of service accounts are
// forgotten when it stops.
package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

const name = "vertex"

// project is the one project that there is.
const project = "dreamlab-sandbox"

// New serves the paths of several of Google's hosts, which differ.
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, served: catalogue(l), keys: newKeys()}
	if err := e.open(); err != nil {
		vendor := lab.Vendor{Name: name, Fail: fail}
		return l.Serve(vendor, vendor.Unusable(err))
	}
	e.openai = &lab.Dialect{
		Vendor: e.vendor(failInList), Whole: whole, Chunk: chunk, Broken: broken, BrokenInList: true, Tail: tail,
	}
	e.gemini = &lab.Dialect{
		Vendor: e.vendor(fail), Whole: wholeGemini, Chunk: chunkGemini, Broken: broken, Unmarked: true,
	}
	plain, compatible := e.gemini.Vendor, e.openai.Vendor
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", e.token)
	mux.HandleFunc("GET /computeMetadata/v1/instance/service-accounts/default/token", e.machine)
	mux.HandleFunc("GET /computeMetadata/", metadata)
	mux.HandleFunc("POST /v1/projects/{project}/serviceAccounts/{account}/keys", plain.Answer(e.newKey))
	below := "/v1/projects/{project}/locations/{location}/"
	mux.HandleFunc("POST "+below+"endpoints/openapi/chat/completions", compatible.Handle(e.chat))
	mux.HandleFunc("POST "+below+"endpoints/openapi/embeddings", lab.Take(compatible, e.embed))
	for _, version := range []string{"/v1", "/v1beta1"} {
		models := version + "/projects/{project}/locations/{location}/publishers/{publisher}/models/"
		mux.HandleFunc("POST "+models+"{call}", plain.Handle(e.call))
		mux.HandleFunc("GET "+version+"/publishers/{publisher}/models", plain.Answer(e.models))
		mux.HandleFunc("GET "+version+"/publishers/{publisher}/models/{model}", plain.Answer(e.model))
	}
	e.objects(mux)
	e.batches(mux)
	e.tunes(mux)
	limits{e}.routes(mux)
	hosting{e}.routes(mux)
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(plain, mux)
}

// open opens what an earlier run has left.
func (e *emulator) open() (err error) {
	if e.account, err = work.Open(e.lab, work.Options{Vendor: name, Brain: e.brain, Hour: hourly}); err != nil {
		return err
	}
	e.bucket, err = e.lab.OpenBucket(name)
	return err
}

type emulator struct {
	lab     *lab.Lab
	account *work.Account
	bucket  *lab.Bucket // of Cloud Storage
	served  []entry
	keys    *keys
	openai  *lab.Dialect // of the OpenAI-compatible endpoint
	gemini  *lab.Dialect // of Google's own routes
}

func (e *emulator) vendor(fail func(http.ResponseWriter, lab.Failure)) lab.Vendor {
	return lab.Vendor{Name: name, Fail: fail, Keyless: keyless, Admit: e.admit}
}

// keyless is true of what gives tokens.
func keyless(r *http.Request) bool {
	return r.URL.Path == "/token" || strings.HasPrefix(r.URL.Path, "/computeMetadata/")
}

func unknownRoute(w http.ResponseWriter, r *http.Request) {
	fail(w, lab.Failure{
		Status: http.StatusNotFound, Message: fmt.Sprintf("The requested URL %s was not found on this server.", r.URL.Path),
	})
}

// within refuses a project that is not the sandbox's.
func within(r *http.Request) *lab.Failure {
	if r.PathValue("project") == project {
		return nil
	}
	return &lab.Failure{
		Status: http.StatusForbidden,
		Message: fmt.Sprintf("Permission 'aiplatform.endpoints.predict' denied on resource "+
			"'//aiplatform.googleapis.com/projects/%s/locations/%s' (or it may not exist).",
			r.PathValue("project"), r.PathValue("location")),
		Extra: map[string]any{"details": []any{map[string]any{
			"@type": errorInfo, "reason": "IAM_PERMISSION_DENIED", "domain": "aiplatform.googleapis.com",
		}}},
	}
}
