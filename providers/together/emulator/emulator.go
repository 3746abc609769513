// Package emulator is Together where Together is not: chat, batches, files,
// fine-tunes and dedicated hosting, as its SDKs and pages describe them
// (https://docs.together.ai/reference, https://github.com/togethercomputer/together-go),
// answered by the sandbox's model and timed by the lab's clock. A model that
// was tuned here has learnt its file.
//
// What files, batches, fine-tunes and deployments do is in sandbox/work; here are their
// paths, bodies and words. There are no images, audio, rollouts,
// experiments, adapters on a base that runs, endpoints of the first form, or
// configurations beside those that the list of supported models names.
package emulator

import (
	"fmt"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

const name = "together"

// The account that every key belongs to.
const (
	projectID = "proj_sandbox"
	slug      = "sandbox"
	userID    = "user_sandbox"
)

// New serves Together's own paths: /v1/…, which is also the inference of
// dedicated endpoints, and /v2/….
func New(l *lab.Lab) http.Handler {
	vendor := lab.Vendor{Name: name, Fail: fail, Keyless: signed}
	knows := func(id string) *model.Model { return brain(l, id) }
	account, err := work.Open(l, work.Options{Vendor: name, Brain: knows, Hour: hourly})
	if err != nil {
		return l.Serve(vendor, vendor.Unusable(err))
	}
	mux := http.NewServeMux()
	answers := newInference(l, vendor, account)
	answers.routes(mux)
	(&batches{inference: answers, batches: account.Batches}).routes(mux)
	(&files{lab: l, vendor: vendor, files: account.Files}).routes(mux)
	(&tunes{lab: l, vendor: vendor, files: account.Files, trainings: account.Trainings}).routes(mux)
	(&hosting{lab: l, vendor: vendor, trainings: account.Trainings, hosting: account.Hosting}).routes(mux)
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(vendor, mux)
}

func unknownRoute(w http.ResponseWriter, r *http.Request) {
	message := fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path)
	lab.WriteJSON(w, http.StatusNotFound, map[string]any{"error": message})
}

// stamp is how Together writes a time.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
