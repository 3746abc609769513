package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dreamlab/providers/sandbox/dress"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// The routes that a batch and its lines may ask for: Azure's pages use both.
const (
	batchRoute  = "/chat/completions"
	batchRoute1 = "/v1/chat/completions"
)

// batchSuffix is what the name of a deployment for batches has behind that of the live one,
// by whose name it is billed.
const batchSuffix = "-batch"

// noErrors is the id of the empty file that a batch without failures has.
const noErrors = "file-00000000000000000000000000000000"

// batches serves batches (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch):
// OpenAI's, at half price, with times and states in words of Azure's own.
func (e *emulator) batches(mux *http.ServeMux, account *work.Account) {
	batches := &dress.Batches{
		Lab: e.lab, Vendor: e.vendor, Account: account, Base: "/openai/v1", Route: batchRoute,
		Aliases: []string{batchRoute1}, Prefix: "batch_req_", Percent: 50, Line: parseLine, Mend: mend,
		Rows: func(f *work.File) { f.Marked = true }, Billed: func(id string) string { return strings.TrimSuffix(id, batchSuffix) },
		Model: e.batchModel, Answer: e.answerLine, Error: errorBody,
	}
	batches.Handle(mux)
	mux.HandleFunc("GET /openai/v1/files/"+noErrors+"/content", func(http.ResponseWriter, *http.Request) {})
	classic := versioned(func(w http.ResponseWriter, r *http.Request) {
		same := r.Clone(r.Context())
		same.URL.Path = "/openai/v1" + strings.TrimPrefix(r.URL.Path, "/openai")
		same.URL.RawPath = ""
		mux.ServeHTTP(w, same)
	})
	for _, path := range []string{"/openai/files", "/openai/files/", "/openai/batches", "/openai/batches/"} {
		mux.HandleFunc(path, classic)
	}
}

// parseLine reads a line for either route, and refuses the mark of byte order, with which
// files of training rows begin.
func parseLine(string) work.ParseLine {
	return func(line []byte) (work.BatchLine, *work.BatchFault) {
		if bytes.HasPrefix(line, []byte("\ufeff")) {
			return work.BatchLine{}, &work.BatchFault{Code: "invalid_request", Message: "Validation failed: A valid model " +
				"deployment name couldn't be extracted from the input file. Please ensure that each row in the input file " +
				"has a valid deployment name specified in the 'model' field."}
		}
		if asked, fault := dress.Line(batchRoute1)(line); fault == nil {
			return asked, nil
		}
		return dress.Line(batchRoute)(line)
	}
}

// batchModel refuses what is not of the type that answers batches.
func (e *emulator) batchModel(id string) *lab.Failure {
	for _, d := range e.deployed {
		if d.name == id && d.batch {
			return nil
		}
	}
	return &lab.Failure{Status: http.StatusNotFound,
		Message: fmt.Sprintf("The deployment %s was not found, or is not of the type GlobalBatch or DataZoneBatch.", id)}
}

// answerLine answers a line of a batch as a live call, but for streams.
func (e *emulator) answerLine(line json.RawMessage) (work.BatchSaid, *lab.Failure) {
	var ask ask
	if err := json.Unmarshal(line, &ask); err != nil {
		return work.BatchSaid{}, lab.Invalid("", "%v", err)
	}
	by, refused := e.named(ask.Model)
	if refused == nil {
		refused = ask.check(by)
	}
	if refused != nil {
		return work.BatchSaid{}, refused
	}
	answer := &lab.Answer{Model: by.model, Billed: by.name, Ask: &ask.Ask}
	if refused := e.lab.Complete(answer, by.brain); refused != nil {
		return work.BatchSaid{}, refused
	}
	return work.BatchSaid{Body: whole(answer), Usage: answer.Usage}, nil
}

// mend puts a batch into Azure's form: a state in capitals at first, times as text, counts
// that are null until they are counted, and a file of failures in any case.
func mend(state work.BatchState, object map[string]any) {
	for key, value := range object {
		if seconds, ok := value.(int64); ok && strings.HasSuffix(key, "_at") {
			object[key] = time.Unix(seconds, 0).UTC().Format(time.RFC3339)
		}
	}
	switch state {
	case work.BatchValidating:
		object["status"] = "Validating"
		object["request_counts"] = map[string]any{"total": nil, "completed": nil, "failed": nil}
	case work.BatchCompleted:
		if object["error_file_id"] == nil {
			object["error_file_id"] = noErrors
		}
	}
}
