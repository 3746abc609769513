// Package emulator is AWS Bedrock: Converse and ConverseStream, embeddings by
// InvokeModel, batches and imported models with as much of S3 as they need, and the lists of models and
// inference profiles, behind signatures that are computed again here and API keys. Its
// answers come from the sandbox's model and cost nothing.
//
// Guardrails, prompts, agents and provisioned throughput are not emulated.
package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

const name = "bedrock"

// Whose requests are taken.
const (
	region  = amazon.Region
	account = amazon.Account
)

// emulator is one account in one region.
type emulator struct {
	lab     *lab.Lab
	vendor  lab.Vendor
	dialect *lab.Dialect
	served  []entry
	objects *amazon.Objects
	batches *work.Batches
	imports *imports
}

// New serves Bedrock's own paths, those of the runtime and of the control plane.
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, served: catalogue(l)}
	e.vendor = lab.Vendor{Name: name, Fail: fail, Admit: e.admit, Model: modelOf}
	e.dialect = &lab.Dialect{
		Vendor: e.vendor, Whole: whole, Chunk: chunk, Broken: broken, Tail: tail, Framing: framing(),
	}
	account, err := work.Open(l, work.Options{
		Vendor: name, Hour: func(string) int64 { return 0 }, Brain: func(string) *model.Model { return nil },
	})
	if err == nil {
		e.objects, err = amazon.OpenObjects(l, name)
	}
	if err == nil {
		e.imports, err = openImports(l, e.objects)
	}
	if err != nil {
		return l.Serve(e.vendor, e.vendor.Unusable(err))
	}
	e.batches = account.Batches
	e.batches.Dress(work.Dressing{Deliver: e.deliver})
	both := http.NewServeMux()
	both.Handle(amazon.ObjectsPath, e.objects.Serve(e.batches.Settle))
	e.imports.quotas = e.quotas()
	both.Handle("/", e.quotas().Serve(e.billing(l.Serve(e.vendor, identified(e.routes())))))
	return lab.Emulator{Lab: l, Handler: both}
}

func (e *emulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /model-invocation-job", lab.Take(e.vendor, e.order))
	mux.HandleFunc("GET /model-invocation-job/{id}", e.vendor.Answer(e.job))
	mux.HandleFunc("POST /model-invocation-job/{id}/stop", e.vendor.Answer(e.stop))
	mux.HandleFunc("GET /model-invocation-jobs", e.vendor.Answer(e.jobs))
	mux.HandleFunc("POST /model/{id}/converse", e.vendor.Handle(e.converse))
	mux.HandleFunc("POST /model/{id}/converse-stream", e.vendor.Handle(e.converse))
	mux.HandleFunc("POST /model/{id}/invoke", e.vendor.Handle(e.invoke))
	mux.HandleFunc("GET /foundation-models", e.vendor.Answer(e.models))
	mux.HandleFunc("GET /foundation-models/{id}", e.vendor.Answer(e.model))
	mux.HandleFunc("GET /inference-profiles", e.vendor.Answer(e.profiles))
	mux.HandleFunc("GET /inference-profiles/{id}", e.vendor.Answer(e.profile))
	e.importRoutes(mux)
	mux.HandleFunc("/", e.vendor.Handle(unknown))
	return mux
}

// requestID is the header that names a request.
const requestID = "x-amzn-RequestId"

// identified names the request as AWS does.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(requestID, lab.NewID(""))
		next.ServeHTTP(w, r)
	})
}

func unknown(_ http.ResponseWriter, r *http.Request) *lab.Failure {
	return &lab.Failure{
		Status: http.StatusNotFound, Type: "UnknownOperationException",
		Message: fmt.Sprintf("There is no operation %s %s", r.Method, r.URL.Path),
	}
}

// admit takes an API key, or a signature that it computes again.
func (e *emulator) admit(r *http.Request) *lab.Failure {
	key := lab.Bearer(r)
	switch {
	case key == "":
		return amazon.Admit(e.lab, r, name)
	case e.lab.KeyFits(key):
		return nil
	}
	return amazon.Forbid("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
}

// modelOf finds the model in the path, where it is one segment.
func modelOf(r *http.Request) string {
	rest, found := strings.CutPrefix(r.URL.EscapedPath(), "/model/")
	segment, _, whole := strings.Cut(rest, "/")
	id, err := url.PathUnescape(segment)
	if !found || !whole || err != nil {
		return ""
	}
	return id
}
