// Package web is what browsers see: the pages under /app/. They ask the API, in the
// process, for what they show, as other clients do: there is no query of a database
// here. Each works without JavaScript, by links and forms; with it, parts are swapped.
// Nothing is fetched from elsewhere.
//
// routes.go is the table of the pages, and one file per noun holds its pages. Below it,
// draw computes what plots show, say writes times and amounts, asset serves files, and
// queues is the page of asynqmon.
package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/site"
	"dreamlab/cmd/internal/status"
	"dreamlab/cmd/internal/web/asset"
	"dreamlab/store"
)

// Sessions keep who is signed in. *store.Store is one.
type Sessions interface {
	KeyBySecret(ctx context.Context, secret string) (store.Key, error)
	KeyBySession(ctx context.Context, secret string) (store.Key, error)
	NewSession(ctx context.Context, key string, life time.Duration) (secret string, err error)
	TakeTicket(ctx context.Context, secret string) (key string, err error)
	EndSession(ctx context.Context, secret string) error
}

// Standing says how the program itself stands, to the operators.
type Standing interface {
	// Work returns the work of all tenants, and all workers.
	Work(ctx context.Context) (*status.Work, error)
	// Examine lists the settings and tests all that they name, which may take its time.
	Examine(ctx context.Context) (*status.Examination, error)
}

// Options set up the pages. Sessions is required.
type Options struct {
	Sessions Sessions
	// Sandbox says that no model here is real.
	Sandbox bool
	// Prefix is the path before all paths, see the API. Defaults to none.
	Prefix string
	// Docs is what the documentation is made of. Defaults to the guides alone.
	Docs site.Source
	// Standing says how the program itself stands. Defaults to nothing that is known.
	Standing Standing
	// Log is told of what goes wrong here. Defaults to silence.
	Log zerolog.Logger
}

// Pages serves everything under /app/. It is safe for concurrent use.
type Pages struct {
	Options
	api       http.Handler
	mux       *http.ServeMux
	foreign   *http.CrossOriginProtection
	assets    asset.Files
	templates map[string]*template.Template
	documents func() ([]site.Page, error) // made when one is asked for first
}

//go:embed pages/*.html
var sources embed.FS

// New returns the pages, which answer once they stand over an API.
func New(o Options) (*Pages, error) {
	p := &Pages{Options: o, mux: http.NewServeMux(), foreign: http.NewCrossOriginProtection(),
		templates: map[string]*template.Template{},
		documents: sync.OnceValues(func() ([]site.Page, error) { return site.Pages(o.Docs) })}
	var err error
	if p.assets, err = asset.Open(); err != nil {
		return nil, err
	}
	names, err := fs.Glob(sources, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("list the pages: %w", err)
	}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		made := template.New(page).Funcs(p.functions()).Option("missingkey=error")
		if p.templates[page], err = made.ParseFS(sources, "pages/frame.html", "pages/parts.html", name); err != nil {
			return nil, fmt.Errorf("read the page %s: %w", page, err)
		}
	}
	p.routes()
	return p, nil
}

// Over tells the pages which API they stand over.
func (p *Pages) Over(api http.Handler) { p.api = api }

// policyOfPages lets a page use this origin's own files and nothing else, and no style or script
// that stands in the page itself.
const policyOfPages = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP answers with a page. What a page of another origin makes a browser send is refused.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policyOfPages)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if err := p.foreign.Check(r); err != nil {
		v := p.visit(w, r)
		v.fail(&refusal{Status: http.StatusForbidden, Message: "Another site made your browser send this form: it was refused. " +
			"Go to the page itself and send it from there."})
		return
	}
	p.mux.ServeHTTP(w, r)
}

// open adds a page that needs no one to be signed in.
func (p *Pages) open(pattern string, serve func(*visit) error) {
	method, at, _ := strings.Cut(pattern, " ")
	p.mux.HandleFunc(method+" /app/"+at, func(w http.ResponseWriter, r *http.Request) {
		v := p.visit(w, r)
		if err := serve(v); err != nil {
			v.fail(err)
		}
	})
}

// page adds a page that shows itself to those who are signed in, and whose key has the scope.
func (p *Pages) page(pattern, scope string, serve func(*visit) error) {
	p.open(pattern, func(v *visit) error {
		switch {
		case !v.signedIn():
			return v.signIn()
		case !v.key.Has(scope):
			return &refusal{Status: http.StatusForbidden, Code: "forbidden",
				Message: "Your key lacks the scope " + scope + " that this page needs: sign in with another one."}
		}
		return serve(v)
	})
}

// fail shows what went wrong.
func (v *visit) fail(err error) {
	var r *refusal
	if !errors.As(err, &r) {
		v.Log.Error().Err(err).Str("request", v.w.Header().Get("X-Request-Id")).Msg("a page could not be shown")
		r = &refusal{Status: http.StatusInternalServerError, Message: "Something went wrong on our side: the log says what."}
	}
	if r.Status == http.StatusUnauthorized && v.r.URL.Path != "/app/signin" {
		if v.signIn() == nil {
			return
		}
	}
	v.status = r.Status
	if shown := v.show("error", "That did not work", r); shown != nil {
		http.Error(v.w, r.Message, r.Status)
	}
}
