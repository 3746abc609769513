// Package emulator is Snowflake Cortex where Snowflake is not: its OpenAI-compatible
// chats, the older route with its guard, embeddings, the list of models, and so much SQL
// as gives a user a public key, as the vendor's specifications describe them
// (https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api), answered
// by the sandbox's model.
//
// It has no route of Anthropic's form, no agents, no search and no other SQL. The keys of
// users are forgotten when it stops.
package emulator

import (
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

const name = "snowflake"

// account is the one account that there is.
const account = "DREAMLAB-SANDBOX"

// New serves an account's own paths, which begin with /api/v2.
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, served: catalogue(l), keys: newKeys()}
	vendor := lab.Vendor{Name: name, Fail: fail, Admit: e.admit}
	e.openai = &lab.Dialect{Vendor: vendor, Whole: whole, Chunk: chunk, Broken: broken, Tail: tail}
	e.native = &lab.Dialect{Vendor: vendor, Whole: wholeNative, Chunk: chunkNative, Broken: broken, Unmarked: true}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/cortex/v1/chat/completions", vendor.Handle(e.chat))
	mux.HandleFunc("POST /api/v2/cortex/inference:complete", vendor.Handle(e.complete))
	mux.HandleFunc("POST /api/v2/cortex/inference:embed", lab.Take(vendor, e.embed))
	mux.HandleFunc("GET /api/v2/cortex/models", vendor.Answer(e.models))
	mux.HandleFunc("POST /api/v2/statements", lab.Take(vendor, e.statement))
	mux.HandleFunc("/", unknownRoute)
	return lab.Emulator{Lab: l, Handler: withID(l.Serve(vendor, mux))}
}

type emulator struct {
	lab    *lab.Lab
	served []entry
	keys   *keys
	openai *lab.Dialect // of the OpenAI-compatible route
	native *lab.Dialect // of the older one
}

// withID gives each answer the vendor's id of the request.
func withID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(requestID, lab.NewID("01"))
		next.ServeHTTP(w, r)
	})
}

func unknownRoute(w http.ResponseWriter, r *http.Request) {
	fail(w, lab.Failure{Status: http.StatusNotFound, Message: fmt.Sprintf("%s is not found.", r.URL.Path)})
}
