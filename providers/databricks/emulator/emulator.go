// Package emulator is a workspace of Databricks where there is none: its serving endpoints
// with chats, streams and vectors, a volume of Unity Catalog behind the Files API, runs of the
// Jobs API that train on serverless GPUs, the models that they register, personal access
// tokens and those of OAuth, and its errors, as its pages and SDKs describe them
// (https://docs.databricks.com/api/workspace), answered by the sandbox's model.
//
// It has one volume and no clusters, notebooks or SQL. Of a command it runs nothing: it reads
// the parameters of Dream Lab's own program and does what that would do.
package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

const name = "databricks"

// New serves a workspace's own paths, which begin with /api and /serving-endpoints.
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, served: catalogue(l), tokens: &tokens{clock: l.Now}}
	e.vendor = lab.Vendor{Name: name, Fail: fail, Model: modelOf, Keyless: keyless, Admit: e.admit}
	if err := e.open(); err != nil {
		return l.Serve(e.vendor, e.vendor.Unusable(err))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oidc/v1/token", e.token)
	mux.HandleFunc("POST /serving-endpoints/{name}/invocations", e.vendor.Handle(e.chat))
	mux.HandleFunc("POST /serving-endpoints/chat/completions", e.vendor.Handle(e.chat))
	mux.HandleFunc("POST /serving-endpoints/embeddings", lab.Take(e.vendor, e.embed))
	serving{e}.endpoints(mux)
	e.files(mux)
	e.runs(mux)
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(e.vendor, mux)
}

// open opens what an earlier run has left.
func (e *emulator) open() (err error) {
	if e.account, err = work.Open(e.lab, work.Options{Vendor: name, Brain: brains(e.lab), Hour: hourly}); err != nil {
		return err
	}
	e.bucket, err = e.lab.OpenBucket(name)
	return err
}

type emulator struct {
	lab     *lab.Lab
	account *work.Account
	bucket  *lab.Bucket // the volume, and the files of the workspace
	served  []entry
	tokens  *tokens
	vendor  lab.Vendor
}

// modelOf is the endpoint that a path names, "" where it names none.
func modelOf(r *http.Request) string {
	rest, _ := strings.CutPrefix(r.URL.Path, "/serving-endpoints/")
	named, _ := strings.CutSuffix(rest, "/invocations")
	if named == rest {
		return ""
	}
	return named
}

func unknownRoute(w http.ResponseWriter, r *http.Request) {
	fail(w, lab.Failure{
		Status: http.StatusNotFound, Code: "ENDPOINT_NOT_FOUND", Message: fmt.Sprintf("No API found for '%s %s'", r.Method, r.URL.Path),
	})
}
