// Package emulator is Workers AI and its gateway where Cloudflare is not: chats in
// OpenAI's form and in Cloudflare's own, embeddings, the list of models, accounts and
// tokens, adapters beside their bases, with Cloudflare's envelopes and errors
// (https://developers.cloudflare.com/workers-ai, https://developers.cloudflare.com/ai-gateway),
// answered by the sandbox's model.
//
// It has no responses, images, speech or models of other vendors.
package emulator

import (
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

const name = "cloudflare"

// Account is the one account that there is.
const Account = "0123456789abcdef0123456789abcdef"

// The gateways of the account. The second asks for a token of its own, which is the
// lab's credential, too.
const (
	Gateway = "default"
	Locked  = "locked"
)

// New serves the paths of two hosts: the API, which begins with /client/v4, and the
// gateway, which begins with /v1.
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, served: catalogue(l)}
	e.vendor = lab.Vendor{Name: name, Fail: fail}
	e.compatible = &lab.Dialect{
		Vendor: e.vendor, Whole: lab.WholeOpenAI, Chunk: lab.ChunkOpenAI, Broken: broken, Tail: tail, BadJSON: badJSON,
	}
	e.native = &lab.Dialect{
		Vendor: e.vendor, Whole: wholeNative, Chunk: chunkNative, Broken: broken, Tail: tailNative, BadJSON: badJSON,
	}
	account, err := work.Open(l, work.Options{
		Vendor: name, Hour: func(string) int64 { return 0 }, Brain: func(string) *model.Model { return nil },
	})
	if err == nil {
		e.loras, err = openLoras(l)
	}
	if err != nil {
		return l.Serve(e.vendor, e.vendor.Unusable(err))
	}
	e.account = account
	mux := http.NewServeMux()
	e.api(mux, "/client/v4/accounts/{account}/ai")
	e.gateway(mux, "/v1/{account}/{gateway}")
	mux.HandleFunc("GET /client/v4/user/tokens/verify", e.vendor.Answer(verify))
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(e.vendor, mux)
}

type emulator struct {
	lab        *lab.Lab
	account    *work.Account
	loras      *loras
	served     []entry
	vendor     lab.Vendor
	compatible *lab.Dialect // OpenAI's form
	native     *lab.Dialect // Cloudflare's own
}

func (e *emulator) api(mux *http.ServeMux, base string) {
	mux.HandleFunc("POST "+base+"/run/{model...}", within(e.vendor.Handle(e.run)))
	mux.HandleFunc("POST "+base+"/run", within(e.vendor.Handle(e.runNamed)))
	mux.HandleFunc("POST "+base+"/v1/chat/completions", within(e.vendor.Handle(e.chat)))
	mux.HandleFunc("POST "+base+"/v1/embeddings", within(lab.Take(e.vendor, e.embed)))
	mux.HandleFunc("GET "+base+"/models/search", within(e.vendor.Answer(e.search)))
	e.loraRoutes(mux, base)
}

// gateway serves the same through a gateway, and one route for the models of all vendors.
func (e *emulator) gateway(mux *http.ServeMux, base string) {
	behind := func(next http.HandlerFunc) http.HandlerFunc { return within(e.through(next)) }
	mux.HandleFunc("POST "+base+"/workers-ai/v1/chat/completions", behind(e.vendor.Handle(e.chat)))
	mux.HandleFunc("POST "+base+"/workers-ai/v1/embeddings", behind(lab.Take(e.vendor, e.embed)))
	mux.HandleFunc("POST "+base+"/workers-ai/run/{model...}", behind(e.vendor.Handle(e.run)))
	mux.HandleFunc("POST "+base+"/workers-ai/{model...}", behind(e.vendor.Handle(e.run)))
	mux.HandleFunc("POST "+base+"/compat/chat/completions", behind(e.vendor.Handle(e.chat)))
}

// within refuses an account that is not the token's.
func within(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cf-Ray", lab.NewID("")[:16]+"-ZRH")
		switch account := r.PathValue("account"); {
		case len(account) != len(Account):
			unknownRoute(w, r)
		case account != Account:
			fail(w, lab.Failure{Status: http.StatusForbidden, Code: "10000", Message: "Authentication error"})
		default:
			next(w, r)
		}
	}
}

// through is the way through a gateway.
func (e *emulator) through(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Cf-Aig-Authorization"), "Bearer ")
		switch gateway := r.PathValue("gateway"); {
		case gateway != Gateway && gateway != Locked:
			failGateway(w, http.StatusBadRequest, 2001, "Please configure AI Gateway in the Cloudflare dashboard")
		case gateway == Locked && !e.lab.KeyFits(token):
			failGateway(w, http.StatusUnauthorized, 2009, "Unauthorized")
		default:
			w.Header().Set("Cf-Aig-Log-Id", lab.NewID(""))
			w.Header().Set("Cf-Aig-Step", "0")
			w.Header().Set("Cf-Aig-Cache-Status", "MISS")
			next(w, r)
		}
	}
}

func verify(*http.Request) (any, *lab.Failure) {
	return envelope(map[string]any{"id": lab.NewID(""), "status": "active"}), nil
}

// envelope is what stands around every answer but those in OpenAI's form.
func envelope(result any) map[string]any {
	return map[string]any{"result": result, "success": true, "errors": []any{}, "messages": []any{}}
}
